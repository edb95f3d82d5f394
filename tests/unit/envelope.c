/* SPDX-License-Identifier: GPL-2.0-or-later */
/* envelope: what it promises, for random and extreme numbers. */
#include "../../src/balloon-tune/envelope.c"

#include <inttypes.h>
#include <stdbool.h>
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

static const char *broken_promise(const struct envelope *e, uint64_t want, struct decision d)
{
	bool inside = e->min_kib <= e->from_kib && e->from_kib <= e->max_kib;
	uint64_t moved = d.target_kib > e->from_kib ? d.target_kib - e->from_kib : e->from_kib - d.target_kib;

	if (d.target_kib < e->min_kib || d.target_kib > e->max_kib)
		return "out of bounds";
	if (inside && moved > e->step_kib)
		return "too fast";
	if (inside && e->stay != reason_follow && d.target_kib < e->from_kib)
		return "shrinks without leave";
	if (inside && want == UNKNOWN && d.target_kib != e->from_kib)
		return "moves without an estimate";
	if (d.reason == reason_follow && d.target_kib != want)
		return "reason follow";
	if (d.reason == reason_rate && moved != e->step_kib)
		return "reason rate, and it does not use the step";
	if (inside && want != UNKNOWN && want >= e->min_kib && want <= e->max_kib && e->step_kib == UNKNOWN &&
	    e->stay == reason_follow && d.target_kib != want)
		return "does not follow";
	return NULL;
}

int main(void)
{
	for (unsigned i = 0; i < 1000000; i++) {
		struct envelope e = { size(), size(), size(), size(), reason_follow };
		uint64_t want = random_u64() % 4 ? size() : UNKNOWN;

		if (e.min_kib > e.max_kib)
			e.min_kib = e.max_kib;
		if (random_u64() % 4 == 0)
			e.step_kib = UNKNOWN;
		if (want == UNKNOWN)
			e.stay = reason_no_estimate;
		else if (random_u64() % 2)
			e.stay = reason_lost;
		struct decision d = envelope_decide(&e, want);
		const char *broken = broken_promise(&e, want, d);

		if (broken) {
			printf("not ok 1 %s: min %" PRIu64 " max %" PRIu64 " from %" PRIu64 " step %" PRIu64 " stay %d want %"
			       PRIu64 ": target %" PRIu64 " reason %d\n", broken, e.min_kib, e.max_kib, e.from_kib, e.step_kib,
			       e.stay, want, d.target_kib, d.reason);
			return 1;
		}
	}
	puts("ok 1 envelope: a million random decisions keep every promise\n1..1");
	return 0;
}
