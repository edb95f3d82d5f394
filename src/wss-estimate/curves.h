/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * curves - the miss-ratio curves and age histograms of the methods that have them, into files of their own. A curve is
 * thinned: a point is left out where the miss ratio is less than half a percent below the point before.
 */
#ifndef WSS_CURVES_H
#define WSS_CURVES_H

#include "method.h"

#include "record.h"

struct curves {
	struct rec_out *curve, *age; /* NULL: not wanted */
};

/* A file may be NULL. */
void curves_open(struct curves *, const char *curve_file, const char *age_file);
/* Before the method's window, */
void curves_put_curve(const struct curves *, const struct method *, const char *name, void *state, const struct rec_count *closing);
/* and after it. */
void curves_put_ages(const struct curves *, const struct method *, const char *name, void *state, const struct rec_count *closing);
/* At the end of a period. */
void curves_flush(const struct curves *);
void curves_close(struct curves *);

#endif
