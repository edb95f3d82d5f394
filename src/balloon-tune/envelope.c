/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "envelope.h"

static void keep_bounds(const struct envelope *e, struct decision *d)
{
	if (d->target_kib > e->max_kib)
		*d = (struct decision){ e->max_kib, reason_max };
	if (d->target_kib < e->min_kib)
		*d = (struct decision){ e->min_kib, reason_min };
}

struct decision envelope_decide(const struct envelope *e, uint64_t want_kib)
{
	struct decision d = { want_kib, reason_follow };

	keep_bounds(e, &d);
	if (want_kib == UNKNOWN || (d.target_kib < e->from_kib && e->stay != reason_follow))
		d = (struct decision){ e->from_kib, e->stay };
	else if (d.target_kib < e->from_kib && e->from_kib - d.target_kib > e->step_kib)
		d = (struct decision){ e->from_kib - e->step_kib, reason_rate };
	else if (d.target_kib > e->from_kib && d.target_kib - e->from_kib > e->step_kib)
		d = (struct decision){ e->from_kib + e->step_kib, reason_rate };
	keep_bounds(e, &d);
	return d;
}
