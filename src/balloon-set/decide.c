/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "decide.h"

#include "num.h"

enum { PERIODS_MAX = 3, CLOCK_GRAIN_S = 2 };

enum usable judge_usable(const struct sizes *s, uint64_t now_s, uint64_t changed_s)
{
	uint64_t oldest_s = num_add(num_mul(s->period_s, PERIODS_MAX), CLOCK_GRAIN_S);

	if (s->usable_kib == UNKNOWN || s->reported_s == 0 || s->period_s == 0)
		return USABLE_UNKNOWN;
	if (now_s > s->reported_s && now_s - s->reported_s > oldest_s)
		return USABLE_UNKNOWN;
	return s->reported_s > changed_s ? USABLE_FRESH : USABLE_WAIT;
}

/* Balloons move whole pages. Upwards: a floor must not be undercut. */
static uint64_t whole_pages(uint64_t kib)
{
	uint64_t rest_kib = kib % KIB_PER_PAGE;

	return rest_kib ? num_add(kib, KIB_PER_PAGE - rest_kib) : kib;
}

struct decision decide(const struct rules *rules, const struct sizes *s, enum usable usable, uint64_t target_kib)
{
	struct decision stay = { s->actual_kib, result_done };

	if (target_kib == 0) {
		stay.result = result_zero;
		return stay;
	}
	if (target_kib > s->max_kib) {
		stay.result = result_above_max;
		return stay;
	}
	uint64_t goal_kib = whole_pages(target_kib);

	if (goal_kib > s->max_kib)
		goal_kib = s->max_kib;
	if (goal_kib >= s->actual_kib)
		return (struct decision){ goal_kib, result_done };
	if (usable != USABLE_FRESH && !rules->trust_lower_bound) {
		stay.result = result_no_usable;
		return stay;
	}
	if (usable != USABLE_FRESH)
		return (struct decision){ goal_kib, result_done };

	uint64_t free_kib = s->usable_kib < s->actual_kib ? s->usable_kib : s->actual_kib;
	uint64_t floor_kib = whole_pages(num_add(s->actual_kib - free_kib, rules->reserve_kib));

	if (goal_kib >= floor_kib)
		return (struct decision){ goal_kib, result_done };
	if (floor_kib > s->actual_kib)
		floor_kib = s->actual_kib;
	return (struct decision){ floor_kib, result_floor };
}

uint64_t decide_step(const struct rules *rules, uint64_t actual_kib, uint64_t goal_kib)
{
	if (goal_kib < actual_kib && actual_kib - goal_kib > rules->step_kib)
		return actual_kib - rules->step_kib;
	if (goal_kib > actual_kib && goal_kib - actual_kib > rules->step_kib)
		return actual_kib + rules->step_kib;
	return goal_kib;
}

bool has_followed(uint64_t from_kib, uint64_t want_kib, uint64_t actual_kib)
{
	return want_kib < from_kib ? actual_kib <= want_kib : actual_kib >= want_kib;
}

static uint64_t excess_kib(const struct sizes *s)
{
	return s->resident_kib > s->actual_kib ? s->resident_kib - s->actual_kib : 0;
}

bool is_lying(const struct sizes *before, const struct sizes *now)
{
	if (before->resident_kib == UNKNOWN || now->resident_kib == UNKNOWN || now->actual_kib >= before->actual_kib)
		return false;
	return excess_kib(now) > excess_kib(before) + OVERHEAD_KIB;
}
