/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gap - a share of the working set, and a minimum. */
#include "policy.h"

#include "num.h"
#include "record.h"

static uint64_t gap_kib(const struct policy_settings *settings, uint64_t wss_kib)
{
	uint64_t share = num_scale(wss_kib, settings->gap_ppm, 1000000);
	uint64_t gap = share > settings->min_gap_kib ? share : settings->min_gap_kib;

	return gap < UNKNOWN ? gap : UNKNOWN - 1;
}

const struct policy policy_gap = {
	.name = "gap",
	.help = "--gap of the working set, at least --min-gap",
	.gap_kib = gap_kib,
};
