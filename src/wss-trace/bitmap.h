/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bitmap - the runs of 1 bits in bitmaps of pages, as dirty logs are. What is 0 costs one look for 64 pages. */
#ifndef WSS_BITMAP_H
#define WSS_BITMAP_H

#include <stddef.h>
#include <stdint.h>

enum { BITMAP_WORD = 64 };

typedef void bitmap_visit(void *context, uint64_t page, uint64_t pages);

/* Calls back for runs, in the order of the bitmaps; a run that goes on over a word, or into the next bitmap, is one. */
struct bitmap_runs {
	bitmap_visit *visit;
	void *context;
	uint64_t first, end; /* of the run that is not yet told */
};

/* Takes the runs of a bitmap whose bit 0 is `page`, a multiple of 64; from then on it is all 0. */
void bitmap_take(struct bitmap_runs *, uint64_t page, uint64_t *word, size_t words);
/* Tells the last run. */
void bitmap_finish(struct bitmap_runs *);

#endif
