/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ghost - which memory would have kept what was read from disk again. The block that was last read into or written
 * from a page is what the page holds; when another block comes into it, the old one was evicted, and goes to the front
 * of a ghost buffer. A block read again from there at depth D would have stayed in a memory of D pages more. Pure.
 */
#ifndef WSS_GHOST_H
#define WSS_GHOST_H

#include "record.h"
#include "mrc.h"
#include "stackdist.h"

#include <stdint.h>

enum { GHOST_SHARE_MAX = 999999 };

/* All zero at first. */
struct ghost {
	struct pagetab *held;    /* by page: the block that it holds, and 1 */
	struct pagetab *holders; /* by block: pages that hold it */
	struct stackdist buffer; /* blocks, in order of eviction */
	struct mrc again;        /* depths of blocks read again */
};

/* A bread or bwrite event; it says nothing without page and block. Dies when there is no memory. */
void ghost_disk(struct ghost *, const struct rec_event *);
/*
 * The pages more that would have kept this share of the blocks read again since the last call; 0 when there were none,
 * and only then.
 */
uint64_t ghost_missing(struct ghost *, uint64_t share_ppm);
void ghost_release(struct ghost *);

#endif
