/* SPDX-License-Identifier: GPL-2.0-or-later */
/* runs - a list of page runs in rising order, packed into bytes: what a period of a sliding window is remembered by. */
#ifndef WSS_RUNS_H
#define WSS_RUNS_H

#include "pagetab.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct run {
	uint64_t gfn, pages;
	uint64_t count[PAGETAB_COUNTS]; /* of each page */
};

struct runs {
	unsigned char *byte;
	size_t n, size;
	uint64_t end; /* of the last run: the next one's number is stored as the distance */
};

/* Puts a run behind the others; its gfn is not before their end. False when there is no memory. */
bool runs_put(struct runs *, const struct run *);

/* Walks the list: `at` and `run` start as 0. False behind the last one. */
bool runs_next(const struct runs *, size_t *at, struct run *run);

/* Gives back what is not used: nothing more will be put. */
void runs_trim(struct runs *);

void runs_release(struct runs *);

/*
 * Makes runs of single pages: gives true, and the run that is complete, when the page does not continue `open`.
 * An open run of 0 pages is none.
 */
bool run_join(struct run *open, uint64_t gfn, const uint64_t count[PAGETAB_COUNTS], struct run *complete);

#endif
