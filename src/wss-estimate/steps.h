/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * steps - a small number for each page, 0 at first, that changes at the end of a window by how often the page was touched
 * in it; pure, no I/O. Neighbours with the same number share a step and neighbours touched alike share an edge, so that
 * memory and time grow with the runs of pages that differ, whatever their length: at most 48 bytes for an isolated page.
 */
#ifndef WSS_STEPS_H
#define WSS_STEPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STEPS_VALUE_MAX = (1 << 14) - 1 };

/* Zeroed at first. */
struct steps {
	uint64_t *now, *next;   /* where the number changes, to what; next is empty but in steps_fold() */
	size_t n, now_size, next_size;
	uint64_t *edge;         /* where the touches of this window change, by how much */
	size_t edges, edges_size;
	bool out_of_order;      /* the edges are */
};

/* The pages gfn..gfn+pages were touched so many times. Touches add up, to STEPS_VALUE_MAX at most. Dies without memory. */
void steps_touch(struct steps *, uint64_t gfn, uint64_t pages, uint64_t times);

/* The new number of pages with this number that were touched so many times since the last fold; 0 for 0 and 0. */
typedef unsigned steps_change(const void *context, unsigned number, unsigned touched);

/* Gives all pages their new numbers and forgets the touches. */
void steps_fold(struct steps *, steps_change *, const void *context);

/* Pages whose number is at least `from`, which is at least 1. */
uint64_t steps_pages(const struct steps *, uint64_t from);

/* Adds the pages with number n to pages[n]; there is one for each number in use. */
void steps_histogram(const struct steps *, uint64_t *pages);

/* All numbers are 0 again. */
void steps_clear(struct steps *);

/* Frees what it holds; it is zeroed, and may be used again. */
void steps_release(struct steps *);

#endif
