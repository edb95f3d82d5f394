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
 * Adds `by` to count `which` (0..PAGETAB_COUNTS-1) of each of the pages gfn..gfn+pages; gfn below 2^48. Counts are exact
 * up to 2^64-1. A page is in the table from its first add on. False when there is no memory.
 */
bool pagetab_add(struct pagetab *, uint64_t gfn, uint64_t pages, unsigned which, uint64_t by);

/* The count of a page; 0 when it is not in the table. */
uint64_t pagetab_get(const struct pagetab *, uint64_t gfn, unsigned which);
void pagetab_set(struct pagetab *, uint64_t gfn, unsigned which, uint64_t value);

/* Removes pages all of whose counts are 0 now; for those of `remove` too. */
void pagetab_remove(struct pagetab *, uint64_t gfn);

uint64_t pagetab_pages(const struct pagetab *);

/* Calls back for every page in rising order of gfn. */
typedef void pagetab_visit(void *context, uint64_t gfn, const uint64_t count[PAGETAB_COUNTS]);
void pagetab_each(struct pagetab *, pagetab_visit *, void *context);

/* Forgets all pages, keeps the memory. */
void pagetab_clear(struct pagetab *);

#endif
