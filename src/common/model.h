/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * model - a working set as a linear function of counters: the file that wss-fit writes and wss-estimate applies, and what a
 * counter is worth at the end of a window, which both must see alike. wss-fit(1) describes the file.
 */
#ifndef WSS_MODEL_H
#define WSS_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { MODEL_COUNTERS_MAX = 256 };

/* wss = constant + sum of coefficient * (x - mean) / scale, in KiB */
struct model_counter {
	const char *name;   /* interned */
	bool rate;          /* x is its rise per second, else its value */
	double coefficient, mean, scale;
	double low, high;   /* x was between them in the learning samples */
};

struct model {
	size_t n;
	struct model_counter *counter;
	uint64_t age_ns;    /* a counter older than this is not known */
	double constant;
	double low, high;   /* added to wss: 90 % of the errors on samples it had not seen lie between */
};

/* Dies when the file is not a model, or not a whole one: EX_DATAERR naming the line; EX_NOINPUT. */
void model_read(const char *path, struct model *model);
/* The lines of a model from age_ns on, `end` included. What stands before it, for people, is the caller's. */
void model_print(FILE *to, const struct model *model);
void model_release(struct model *model);

/* *outside: a counter is beyond what the model has learned from, by more than a tenth of that range. */
double model_value(const struct model *model, const double *x, bool *outside);

/* What is known of a counter of a VM; all zero at first. */
struct watch {
	bool known, marked, rate_known;
	uint64_t t_ns, value;       /* the newest row */
	uint64_t mark_ns, mark;     /* the newest row at the end of the window before */
	double rate;
};

/* UNKNOWN: nothing is known until the next row, and of a count nothing that was before is compared with what comes. */
void watch_add(struct watch *watch, uint64_t t_ns, uint64_t value);
/*
 * At the end of a window: *x is the value of the newest row, or the rise per second from the newest row of the window
 * before to it; when there is no row since then, as before. False: not known, too old, or the counter fell (a reset).
 */
bool watch_close(struct watch *watch, uint64_t end_ns, uint64_t age_ns, bool rate, double *x);

#endif
