/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fold - one VM's events into counts per page and window; no I/O: rows leave through a function. */
#ifndef WSS_FOLD_H
#define WSS_FOLD_H

#include "pagetab.h"
#include "record.h"

#include <stdbool.h>
#include <stdint.h>

/* What is a window; the same for all VMs. */
struct fold_rules {
	uint64_t window_ns; /* 0 = a period */
	bool sliding, cumulative, keep_tables, partial;
	void (*put)(void *context, const struct rec_count *row);
	void *context;
};

struct period;

/* Zeroed at first. */
struct fold {
	const char *vm;
	bool begun;
	uint64_t begin_ns;       /* of the window; sliding: of the period */
	uint64_t closed_ns;      /* end of the last window, or begin */
	uint64_t last_ns;        /* of the last row */
	bool touched;            /* since closed_ns, or something was lost */
	uint64_t lost, asked_ns; /* of the window; sliding: of the period */
	uint64_t memory_pages, actual_pages, blind;
	struct pagetab *pages, *tables; /* counts: writes, reads, other touches; marks */
	/* Sliding: the periods of the window, oldest first, and their sum. */
	struct period *period;
	size_t periods, periods_size;
	struct pagetab *sum_pages, *sum_tables;
};

/* Takes the VM's next row. Rows have a gfn where their event needs one. */
void fold_event(struct fold *, const struct fold_rules *, const struct rec_event *);

/* The stream ends: a half-finished window is dropped, or closed if the rules say so. */
void fold_end(struct fold *, const struct fold_rules *);

void fold_release(struct fold *);

#endif
