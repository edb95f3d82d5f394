/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sample - pages of a VM chosen at random, and which of them were touched since. Pure. */
#ifndef WSS_SAMPLE_H
#define WSS_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SAMPLE_MAX = 1000000 };

/* All zero at first. */
struct sample {
	uint64_t *page;        /* those chosen, in order */
	bool *touched;
	size_t n;              /* 0 before the first choice */
	uint64_t memory_pages; /* they were chosen from */
	uint64_t random;       /* state of the generator, less the seed */
};

/* Chooses n of the pages from 0 up to memory_pages, a page may be chosen twice; n is the same each time. */
void sample_choose(struct sample *, size_t n, uint64_t seed, uint64_t memory_pages);
void sample_touch(struct sample *, uint64_t gfn, uint64_t pages);
size_t sample_touched(const struct sample *);
/* The share that was touched, of the memory. */
uint64_t sample_estimate(const struct sample *);
void sample_release(struct sample *);

#endif
