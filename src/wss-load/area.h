/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * area - the memory of one load, and which of its pages were touched. The marks lie outside of it: a bit for each page
 * and question, so that keeping them dirties one page for 32,768 of the load.
 */
#ifndef WSS_LOAD_AREA_H
#define WSS_LOAD_AREA_H

#include "schedule.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct area {
	unsigned char *memory;    /* page aligned; NULL when there are no pages, or AREA_NONE */
	uint64_t pages;
	uint64_t value;           /* written last: no two pages hold the same, none is zero */
	uint64_t *fresh;          /* marks: never touched, or freed since; the next touch of any kind writes */
	uint64_t *ever_written;   /* by the schedule */
	uint64_t *touched, *written; /* in this window */
	uint64_t touched_pages, written_pages; /* how many marks these two have */
};

enum area_memory {
	AREA_SMALL, /* transparent huge pages are forbidden */
	AREA_HUGE,  /* and asked for */
	AREA_NONE,  /* no memory at all: only the marks are kept */
};

/* Maps the memory; nothing in it is touched. Dies (EX_OSERR). */
void area_map(struct area *, uint64_t pages, enum area_memory memory);
/* Writes all pages the schedule does not itself allocate. */
void area_populate(struct area *, const struct schedule *);
void area_touch(struct area *, const struct touch *);
/* Forgets what was touched. */
void area_new_window(struct area *);
/*
 * Writes a line for each page in use or ever written: t_ns, page number, frame number where it is known, written. Returns
 * how many frame numbers were known. pagemap: a descriptor of /proc/self/pagemap, or -1.
 */
uint64_t area_list_frames(const struct area *, FILE *to, uint64_t t_ns, int pagemap);
void area_release(struct area *);

#endif
