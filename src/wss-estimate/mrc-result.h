/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mrc-result - a working set from a miss-ratio curve; the same for all methods that make one. */
#ifndef WSS_MRC_RESULT_H
#define WSS_MRC_RESULT_H

#include "method.h"
#include "mrc.h"

/*
 * The depth at which at most miss_ppm of the window's warm references miss, and the pages that came for the first time: they
 * miss in any memory, and whether they will be used again is not known yet. Depths and pages are divided by `rate`, the
 * sample's share. `pages`: distinct pages of the sample since the begin, the most the result can be.
 */
static inline void mrc_result(const struct mrc *mrc, uint64_t miss_ppm, double rate, uint64_t pages,
			      const struct rec_count *closing, struct method_result *result)
{
	uint64_t depth = mrc_depth_at(mrc, (double)miss_ppm / 1e6);
	double most = (double)pages / rate, wss = ((double)depth + mrc->cold) / rate;

	result->wss = (uint64_t)(wss < most ? wss : most);
	result->low = (uint64_t)((double)depth / rate);
	result->high = num_add(result->wss, closing->lost);
	if (mrc->cold > mrc->warm)
		result->note = note_warming;
}

#endif
