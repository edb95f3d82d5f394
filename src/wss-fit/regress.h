/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * regress - linear regression by GSL: ordinary, ridge and robust least squares, selection of columns, figures that tell
 * how good a fit is. Pure, no I/O. A table is n rows of p columns, one row after the other.
 */
#ifndef WSS_REGRESS_H
#define WSS_REGRESS_H

#include <stdbool.h>
#include <stddef.h>

struct table {
	const double *x, *y;
	size_t n, p;
};

enum fit_way {
	FIT_ORDINARY, /* least squares by singular values */
	FIT_RIDGE,    /* the same, large coefficients punished; how much is chosen by generalized cross-validation */
	FIT_ROBUST,   /* Tukey's bisquare: outliers count little */
};

struct fit_rules {
	enum fit_way way;
	double under_cost; /* how much more an error below the truth costs than one above: 1 = the same; not with FIT_ROBUST */
};

/* y = constant + sum of coefficient * (x - mean) / scale */
struct fit {
	size_t p;
	double constant, penalty; /* penalty: of FIT_RIDGE, on the squares of the coefficients */
	double *coefficient, *mean, *scale;
};

/*
 * What each column is: kept, constant, or a combination of those kept before it. Returns how many are kept.
 */
enum column { COLUMN_KEPT, COLUMN_CONSTANT, COLUMN_COMBINED };
size_t regress_columns(const struct table *table, enum column *column);

/* Fits all columns. False when there are fewer than p + 2 rows, or no solution. fit_release() frees. */
bool regress_fit(const struct table *table, const struct fit_rules *rules, struct fit *fit);
double fit_value(const struct fit *fit, const double *row);
void fit_release(struct fit *fit);

/*
 * What fits on the other folds say of each row: predicted[i] comes from a fit without the rows of fold[i]. fold[i] is below
 * `folds`. False when one of the fits is not possible.
 */
bool regress_cross(const struct table *table, const size_t *fold, size_t folds, const struct fit_rules *rules, double *predicted);

/*
 * Chooses columns one by one, each time the one with which ordinary least squares has the smallest cross-validated error;
 * ends after `most`, or when the error's root falls by less than 1 %. Returns how many, in chosen[], in that order.
 */
size_t regress_select(const struct table *table, const size_t *fold, size_t folds, size_t most, size_t *chosen);

/* How good predictions are. Shares are from 0 to 1; a figure without a value is NAN. */
struct judgement {
	size_t n;
	double r2, rmse;
	double relative; /* mean of |predicted - y| / y, over rows with y > 0 */
	double under;    /* share of rows predicted below y */
	double inside;   /* share of rows with predicted + low <= y <= predicted + high */
};

struct judgement regress_judge(const double *predicted, const double *y, size_t n, double low, double high);

#endif
