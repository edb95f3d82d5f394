/* SPDX-License-Identifier: GPL-2.0-or-later */
/* decide: what it promises, for random and extreme numbers, and known answers. */
#include "../../src/balloon-set/decide.c"

#include <inttypes.h>
#include <stdio.h>

static uint64_t state = 1;

static uint64_t random_u64(void)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return state >> 33 | state << 31;
}

/* Any size, small and extreme ones often. */
static uint64_t size(void)
{
	uint64_t shift = random_u64() % 64, value = random_u64() >> shift;

	return random_u64() % 8 == 0 ? UNKNOWN - 1 - value % 3 : value == UNKNOWN ? 0 : value;
}

static const char *broken_promise(const struct rules *r, const struct sizes *s, enum usable usable, uint64_t target,
				  struct decision d)
{
	uint64_t step = decide_step(r, s->actual_kib, d.goal_kib);
	uint64_t moved = step > s->actual_kib ? step - s->actual_kib : s->actual_kib - step;
	uint64_t given = s->usable_kib < s->actual_kib ? s->usable_kib : s->actual_kib;

	if ((target == 0 || target > s->max_kib) && d.goal_kib != s->actual_kib)
		return "follows a target that cannot be";
	if (d.goal_kib > s->max_kib && d.goal_kib != s->actual_kib)
		return "above the maximum";
	if (moved > r->step_kib)
		return "too fast";
	if (d.goal_kib < s->actual_kib && usable != USABLE_FRESH && !r->trust_lower_bound)
		return "shrinks without leave";
	if (d.goal_kib < s->actual_kib && usable == USABLE_FRESH &&
	    d.goal_kib < num_add(s->actual_kib - given, r->reserve_kib))
		return "below the floor";
	if (d.goal_kib < target && target <= s->max_kib && target < UNKNOWN - 4 && d.goal_kib < s->actual_kib)
		return "below the target";
	return NULL;
}

static int random_promises(void)
{
	for (int i = 0; i < 1000000; i++) {
		struct rules r = { size(), size(), random_u64() % 2 };
		struct sizes s = { .max_kib = size() };
		enum usable usable = random_u64() % 3;
		uint64_t target = size();
		const char *broken;

		s.actual_kib = s.max_kib ? size() % s.max_kib : 0;
		s.usable_kib = random_u64() % 2 ? size() : s.actual_kib ? size() % s.actual_kib : 0;
		broken = broken_promise(&r, &s, usable, target, decide(&r, &s, usable, target));
		if (broken) {
			printf("not ok - %s: actual %" PRIu64 " max %" PRIu64 " usable %" PRIu64 " (%d) target %" PRIu64
			       " reserve %" PRIu64 "\n", broken, s.actual_kib, s.max_kib, s.usable_kib, (int)usable, target,
			       r.reserve_kib);
			return 1;
		}
	}
	printf("ok - a million random decisions\n");
	return 0;
}

static int failed;

static void is(const char *what, uint64_t got, uint64_t wanted)
{
	if (got != wanted)
		failed = printf("not ok - %s: %" PRIu64 ", should be %" PRIu64 "\n", what, got, wanted);
}

static void decision_is(const char *what, uint64_t usable_kib, enum usable usable, uint64_t target_kib, uint64_t goal_kib,
			enum result result)
{
	/* 1000 MiB of at most 2000, 64 MiB in reserve */
	struct rules r = { .reserve_kib = 64 << 10, .step_kib = 128 << 10 };
	struct sizes s = { .actual_kib = 1000 << 10, .max_kib = 2000 << 10, .usable_kib = usable_kib };
	struct decision d = decide(&r, &s, usable, target_kib);

	is(what, d.goal_kib, goal_kib);
	is(what, d.result, result);
}

static void known_answers(void)
{
	decision_is("fits", 600 << 10, USABLE_FRESH, 500 << 10, 500 << 10, result_done);
	/* it cannot give 1000 - 600, and keeps 64 */
	decision_is("floor", 600 << 10, USABLE_FRESH, 400 << 10, 464 << 10, result_floor);
	decision_is("less usable than the reserve", 10 << 10, USABLE_FRESH, 400 << 10, 1000 << 10, result_floor);
	decision_is("unknown", UNKNOWN, USABLE_UNKNOWN, 400 << 10, 1000 << 10, result_no_usable);
	decision_is("grows without leave", UNKNOWN, USABLE_UNKNOWN, 1500 << 10, 1500 << 10, result_done);
	decision_is("whole pages, upwards", 600 << 10, USABLE_FRESH, 512001, 512004, result_done);
	decision_is("zero", 600 << 10, USABLE_FRESH, 0, 1000 << 10, result_zero);
	decision_is("above", 600 << 10, USABLE_FRESH, (2000 << 10) + 1, 1000 << 10, result_above_max);
}

static void usable_is(const char *what, uint64_t reported_s, uint64_t period_s, uint64_t changed_s, enum usable wanted)
{
	struct sizes s = { .usable_kib = 1, .reported_s = reported_s, .period_s = period_s };

	is(what, judge_usable(&s, 1000, changed_s), wanted);
}

static void ages(void)
{
	usable_is("never reported", 0, 1, 0, USABLE_UNKNOWN);
	usable_is("not asked", 999, 0, 0, USABLE_UNKNOWN);
	/* three periods of 1 s and 2 s */
	usable_is("just fresh", 995, 1, 0, USABLE_FRESH);
	usable_is("stale", 994, 1, 0, USABLE_UNKNOWN);
	usable_is("from before the last change", 998, 1, 998, USABLE_WAIT);
	usable_is("from after it", 999, 1, 998, USABLE_FRESH);
	usable_is("clocks apart", 1001, 1, 0, USABLE_FRESH);
}

static void lie_is(const char *what, uint64_t actual_mib, uint64_t resident_mib, bool wanted)
{
	struct sizes before = { .actual_kib = 1000 << 10, .resident_kib = 1050 << 10 };
	struct sizes now = { .actual_kib = actual_mib << 10, .resident_kib = resident_mib << 10 };

	is(what, is_lying(&before, &now), wanted);
}

static void lies(void)
{
	/* 50 MiB over what the guest has, before: QEMU itself. 128 more is a lie. */
	lie_is("gave back", 600, 650, false);
	lie_is("gave back, QEMU grew by 128", 600, 778, false);
	lie_is("and more", 600, 779, true);
	lie_is("gave nothing back", 600, 1050, true);
	lie_is("had never used it", 600, 300, false);
	lie_is("did not shrink", 1000, 2000, false);
}

static void following(void)
{
	is("down", has_followed(1000, 800, 800), true);
	is("down, not yet", has_followed(1000, 800, 801), false);
	is("up", has_followed(1000, 1200, 1200), true);
	is("up, not yet", has_followed(1000, 1200, 1199), false);
}

int main(void)
{
	failed = random_promises();
	known_answers();
	ages();
	lies();
	following();
	if (!failed)
		printf("ok - known answers\n");
	return failed ? 1 : 0;
}
