/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * past - estimates that methods on estimates have seen: one series for each VM and method. With --state they outlive the
 * program: the file holds the newest of each series as estimate records, and is written whole or not at all.
 */
#ifndef WSS_PAST_H
#define WSS_PAST_H

#include "record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PAST_ROWS = 1024 }; /* of a series */

struct series {
	const char *vm, *method; /* interned */
	uint64_t last_ns;
	size_t n;                /* rows so far; the newest PAST_ROWS are there: row[i % PAST_ROWS] */
	struct rec_estimate *row;
	size_t answered, skipped; /* rows of this run: new ones, and those that are not newer than the past */
	void *owned;             /* the caller's */
};

struct past {
	struct series *series;
	size_t n, size, last;
};

/* *is_new: it has no row and no `owned` yet. */
struct series *past_series(struct past *past, const char *vm, const char *method, bool *is_new);
void past_add(struct series *series, const struct rec_estimate *row);
/* Calls back for each row of the file in order of time within a series. No file: none. */
void past_read(const char *path, void (*row)(void *context, const struct rec_estimate *), void *context);
void past_write(const struct past *past, const char *path);
void past_release(struct past *past);

#endif
