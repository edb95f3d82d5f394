/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mrc - a miss-ratio curve from stack depths: which share of the references misses in an LRU memory of so many pages.
 * First references to a page miss in any memory and are kept apart. Pure.
 */
#ifndef WSS_MRC_H
#define WSS_MRC_H

#include <stddef.h>
#include <stdint.h>

struct mrc {
	double *at_depth;      /* references by depth, from 1 */
	size_t depths, room;   /* depths: one more than the deepest */
	double warm;           /* references that had a depth */
	double cold;           /* first references */
};

/* All zero at first. Dies when there is no memory. */
void mrc_add(struct mrc *, uint64_t depth, double weight);
/* As if the sample had been smaller by this factor, from 0 to 1: depths and weights shrink. */
void mrc_shrink(struct mrc *, double by);
void mrc_clear(struct mrc *);
void mrc_release(struct mrc *);

/* The share of the warm references that are deeper than `depth`; 0 when there are none. Falls as depth rises. */
double mrc_miss_ratio(const struct mrc *, uint64_t depth);

/*
 * Calls `put` with depth / rate and the miss ratio in ppm at each depth where it falls, from 1000000 ppm down to 0; not at all
 * when there are no warm references.
 */
void mrc_curve(const struct mrc *, double rate, void (*put)(void *context, uint64_t pages, uint64_t miss_ppm), void *context);

/* The least depth at which at most `miss` of the warm references miss; 0 when there are none. */
uint64_t mrc_depth_at(const struct mrc *, double miss);

#endif
