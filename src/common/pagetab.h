/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pagetab - a table from guest frame number to small counts; pure, no I/O. 12 bytes a page, at most 22 with the free
 * room of the table, whatever the numbers are (dense or scattered); cost grows with the pages in it and with nothing else.
 */
#ifndef WSS_PAGETAB_H
#define WSS_PAGETAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PAGETAB_COUNTS = 3 };

struct pagetab;

/* NULL when there is no memory. */
struct pagetab *pagetab_new(void);
void pagetab_free(struct pagetab *);

/*
 * A page is in the table while one of its counts is not 0. Counts are exact up to 2^64-1, where they stay. gfn is below
 * 2^48. Functions that are false have found no memory: the table is usable, but may hold a part of what was asked for.
 */

/* Adds `by` to count `which` (0..PAGETAB_COUNTS-1) of each of the pages gfn..gfn+pages. */
bool pagetab_add(struct pagetab *, uint64_t gfn, uint64_t pages, unsigned which, uint64_t by);
/* The reverse; what would be less than 0 is 0. */
void pagetab_subtract(struct pagetab *, uint64_t gfn, uint64_t pages, unsigned which, uint64_t by);

/* The count of a page; 0 when it is not in the table. */
uint64_t pagetab_get(const struct pagetab *, uint64_t gfn, unsigned which);
bool pagetab_set(struct pagetab *, uint64_t gfn, unsigned which, uint64_t value);

/* Sets all counts of a page to 0. */
void pagetab_remove(struct pagetab *, uint64_t gfn);

uint64_t pagetab_pages(const struct pagetab *);

/*
 * Calls back for every page in rising order of gfn; `visit` does not touch the table. pagetab_drain() forgets them all
 * afterwards, which is cheaper. Sorted in place; pagetab_each() needs 1/64 more memory for a moment, and has called
 * nothing when it is false.
 */
typedef void pagetab_visit(void *context, uint64_t gfn, const uint64_t count[PAGETAB_COUNTS]);
bool pagetab_each(struct pagetab *, pagetab_visit *, void *context);
void pagetab_drain(struct pagetab *, pagetab_visit *, void *context);

/* Forgets all pages; memory is kept for as many again. */
void pagetab_clear(struct pagetab *);

#endif
