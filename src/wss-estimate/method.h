/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * method - how a working set is estimated from page counts. One file method-NAME.c each, everything in it static but
 * `const struct method method_NAME`; the table of methods is made by the Makefile from the file names. No I/O in them.
 *
 * A method works on counts or on the events themselves, where their order matters: it has the hook pages or the hook
 * reference; or on neither, but on counters. For each VM wss-estimate calls: pages for every page row of a window, or reference for every event of it that
 * has a gfn; then window at its end; at the very end release. An idle window has none of the first. Windows of a VM come in
 * order of time.
 */
#ifndef WSS_METHOD_H
#define WSS_METHOD_H

#include "num.h"
#include "opt.h"
#include "record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { METHOD_PARAMETERS_MAX = 9 };

struct method_parameter {
	const char *key, *help;
	enum opt_type type;    /* one of the numbers */
	uint64_t otherwise;    /* the value when it is not given */
	uint64_t min, max;     /* bounds, both allowed; max 0 = no bound */
};

/* What a method says of a window. Sizes in pages; UNKNOWN = cannot say. */
struct method_result {
	uint64_t wss;
	uint64_t low, high;    /* at least, at most; wss-estimate limits high by the VM's memory */
	uint8_t note;          /* enum note; preset to lost or none from the closing row */
	bool sees_reads;       /* high holds even when the source is blind to reads */
};

/* Takes a point of a curve or of a histogram. */
typedef void method_point(void *context, uint64_t x, uint64_t y);

struct method {
	const char *name;
	const char *help;      /* one line */
	const char *source;    /* who described it */
	/* Ends with key NULL, at most METHOD_PARAMETERS_MAX. The first may be given without its key. */
	const struct method_parameter *parameters;
	size_t state_size;     /* for each VM, zeroed at first */

	/* Hooks, at most one of the first two; `value` holds the parameters in the order of the table. */
	void (*pages)(void *state, const uint64_t *value, const struct rec_count *row);
	void (*reference)(void *state, const uint64_t *value, const struct rec_event *event);
	/* Optional, beside reference or alone: for bread and bwrite events. */
	void (*disk)(void *state, const uint64_t *value, const struct rec_event *event);
	/*
	 * Alone: works on the estimates of another method; a state for each VM and method of them. Its first parameter is for how
	 * many periods ahead the result is.
	 */
	void (*estimate)(void *state, const uint64_t *value, const struct rec_estimate *row, struct method_result *);
	void (*window)(void *state, const uint64_t *value, const struct rec_count *closing, struct method_result *);
	/*
	 * Optional, before window: the miss-ratio curve of the window, x = pages of memory, y = miss_ppm behind it, wherever
	 * the ratio falls; x rises. None when there is no reference to speak of.
	 */
	void (*curve)(void *state, method_point *put, void *context);
	/* Optional, after window: x = age in ns, which rises, y = pages. */
	void (*ages)(void *state, uint64_t t_ns, method_point *put, void *context);
	/*
	 * Optional: names of counters, NULL at the end. Before window comes counter for each row of one of them, `which` of
	 * the names, that is not after the window's end.
	 */
	const char *const *counters;
	void (*counter)(void *state, size_t which, const struct rec_counter *row);
	/*
	 * Optional, for a method that is made from a file: NAME:FILE[,PARAMETERS]. open reads it, once for all VMs, and says
	 * which counters it needs, all of them, rows without a value too; begin gives it to the new state of a VM; close frees it.
	 */
	void *(*open)(const char *file, const char *const **counters);
	void (*begin)(void *state, const void *opened);
	void (*close)(void *opened);
	/* Optional. Frees what the state points to. */
	void (*release)(void *state);
};

/* The generated table, NULL at the end. */
extern const struct method *const methods[];

/* The events of each page of the row. A row that does not say how many stands for one: it would not be there without. */
static inline uint64_t method_events(const struct rec_count *row)
{
	if (row->accesses != UNKNOWN)
		return row->accesses;
	if (row->writes == UNKNOWN && row->reads == UNKNOWN)
		return 1;
	return num_add(known_or(row->writes, 0), known_or(row->reads, 0));
}

#endif
