/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * homogeneity - are samples drawn from one distribution? The k-sample Anderson-Darling test looks at the shape,
 * Kruskal-Wallis at the location, Siegel-Tukey at the spread. Pure, no I/O. wss-fit(1) has the sources.
 */
#ifndef WSS_HOMOGENEITY_H
#define WSS_HOMOGENEITY_H

#include <stdbool.h>
#include <stddef.h>

struct sample {
	const double *value; /* in any order */
	size_t n;            /* at least 1 */
};

struct anderson_darling {
	double a2, t;         /* A^2, and T = (A^2 - (k - 1)) / sigma */
	double a2_mid, t_mid; /* the same by mid-ranks: for samples with ties */
	double variance;      /* sigma^2 */
};

/* False when there is nothing to test: fewer than 2 samples, fewer than 4 values, or all of them equal. */
bool anderson_darling(const struct sample *sample, size_t k, struct anderson_darling *result);
/* The critical value of T for k samples at level AD_LEVEL[level]. */
enum { AD_LEVELS = 7 };
extern const double ad_level[AD_LEVELS];
double ad_critical(size_t k, size_t level);
/* The level at which T would be critical: 0.25 at most; beyond the table its last step is continued. */
double ad_p(double t, size_t k);

struct kruskal_wallis {
	double h, h_ties;     /* H, and H corrected for ties */
	double p;             /* of h_ties, by chi-squared */
};

bool kruskal_wallis(const struct sample *sample, size_t k, struct kruskal_wallis *result);

struct siegel_tukey {
	double w_a, w_b, u_a; /* rank sums; Mann-Whitney's U of a */
	double z, p;          /* normal approximation, both sides */
};

/* With `centred` the median of each sample is subtracted first. False when all values are equal then. */
bool siegel_tukey(struct sample a, struct sample b, bool centred, struct siegel_tukey *result);

/* Holm's correction of m p-values, in place. */
void holm(double *p, size_t m);

/* The largest distance of the distribution functions of any two of the samples: 0 the same, 1 wholly apart. */
double distance(const struct sample *sample, size_t k);

/* Linear interpolation between the n values, sorted in rising order; 0 <= q <= 1. */
double quantile_sorted(const double *sorted, size_t n, double q);
void sort_values(double *value, size_t n);

#endif
