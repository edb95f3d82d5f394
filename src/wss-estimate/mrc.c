/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mrc.h"

#include "diag.h"

#include <stdlib.h>
#include <string.h>

void mrc_add(struct mrc *mrc, uint64_t depth, double weight)
{
	if (depth >= mrc->depths) {
		if (depth >= mrc->room) {
			mrc->room = depth + depth / 2 + 1024;
			mrc->at_depth = or_die(reallocarray(mrc->at_depth, mrc->room, sizeof(double)));
		}
		memset(mrc->at_depth + mrc->depths, 0, (depth + 1 - mrc->depths) * sizeof(double));
		mrc->depths = depth + 1;
	}
	mrc->at_depth[depth] += weight;
	mrc->warm += weight;
}

void mrc_shrink(struct mrc *mrc, double by)
{
	size_t depths = 0;

	for (size_t i = 1; i < mrc->depths; i++) {
		size_t to = (size_t)((double)(i - 1) * by) + 1;
		double weight = mrc->at_depth[i] * by;

		mrc->at_depth[i] = 0;
		mrc->at_depth[to] += weight;
		depths = to + 1;
	}
	mrc->depths = depths;
	mrc->warm *= by;
	mrc->cold *= by;
}

void mrc_clear(struct mrc *mrc)
{
	mrc->depths = 0;
	mrc->warm = mrc->cold = 0;
}

void mrc_release(struct mrc *mrc)
{
	free(mrc->at_depth);
}

double mrc_miss_ratio(const struct mrc *mrc, uint64_t depth)
{
	double misses = 0;

	for (size_t i = depth + 1; i < mrc->depths; i++)
		misses += mrc->at_depth[i];
	return mrc->warm > 0 ? misses / mrc->warm : 0;
}

uint64_t mrc_depth_at(const struct mrc *mrc, double miss)
{
	double misses = 0;

	for (size_t i = mrc->depths; i > 1; i--) {
		misses += mrc->at_depth[i - 1];
		if (misses > miss * mrc->warm)
			return i - 1;
	}
	return 0;
}

void mrc_curve(const struct mrc *mrc, double rate, void (*put)(void *context, uint64_t pages, uint64_t miss_ppm), void *context)
{
	double misses = mrc->warm, least = mrc->warm; /* a sample's correction may be negative: the curve never rises for it */

	if (mrc->warm <= 0)
		return;
	for (size_t i = 1; i < mrc->depths; i++) {
		misses -= mrc->at_depth[i];
		if (misses >= least)
			continue;
		least = misses > 0 ? misses : 0;
		put(context, (uint64_t)((double)i / rate), (uint64_t)(least / mrc->warm * 1e6 + 0.5));
	}
}
