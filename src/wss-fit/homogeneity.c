/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "homogeneity.h"

#include "diag.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>

/* All values of all samples in rising order. */
struct pooled {
	double value;
	size_t sample;
	double rank; /* of Siegel and Tukey */
};

static int compare_pooled(const void *left, const void *right)
{
	double a = ((const struct pooled *)left)->value, b = ((const struct pooled *)right)->value;

	return (a > b) - (a < b);
}

static int compare_values(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

void sort_values(double *value, size_t n)
{
	qsort(value, n, sizeof(*value), compare_values);
}

static struct pooled *pool(const struct sample *sample, size_t k, size_t *n)
{
	struct pooled *pooled;
	size_t at = 0;

	*n = 0;
	for (size_t i = 0; i < k; i++)
		*n += sample[i].n;
	pooled = or_die(reallocarray(NULL, *n + 1, sizeof(*pooled)));
	for (size_t i = 0; i < k; i++)
		for (size_t j = 0; j < sample[i].n; j++)
			pooled[at++] = (struct pooled){ .value = sample[i].value[j], .sample = i };
	qsort(pooled, *n, sizeof(*pooled), compare_pooled);
	return pooled;
}

/* The end of the values that are equal to that at `at`. */
static size_t tie_end(const struct pooled *pooled, size_t n, size_t at)
{
	size_t end = at + 1;

	while (end < n && !(pooled[end].value > pooled[at].value))
		end++;
	return end;
}

/* ---- Anderson-Darling ---- */

const double ad_level[AD_LEVELS] = { .25, .10, .05, .025, .01, .005, .001 };

double ad_critical(size_t k, size_t level)
{
	static const double b0[AD_LEVELS] = { .675, 1.281, 1.645, 1.960, 2.326, 2.573, 3.085 };
	static const double b1[AD_LEVELS] = { -.245, .250, .678, 1.149, 1.822, 2.364, 3.615 };
	static const double b2[AD_LEVELS] = { -.105, -.305, -.362, -.391, -.396, -.345, -.154 };
	double m = (double)(k - 1);

	return b0[level] + b1[level] / sqrt(m) + b2[level] / m;
}

double ad_p(double t, size_t k)
{
	size_t i = 1;

	if (t <= ad_critical(k, 0))
		return ad_level[0];
	while (i + 1 < AD_LEVELS && t > ad_critical(k, i))
		i++;
	double low = ad_critical(k, i - 1), high = ad_critical(k, i);
	double log_low = log(ad_level[i - 1]), log_high = log(ad_level[i]);

	return exp(log_low + (t - low) / (high - low) * (log_high - log_low));
}

/* sigma^2 of A^2 when the samples are of one distribution. */
static double ad_variance(const struct sample *sample, size_t k, size_t n)
{
	double H = 0, h = 0, g = 0, tail = 0, K = (double)k, N = (double)n;

	for (size_t i = 0; i < k; i++)
		H += 1 / (double)sample[i].n;
	for (size_t i = 1; i < n; i++)
		h += 1 / (double)i;
	for (size_t i = n - 2; i >= 1; i--) { /* tail: the sum of 1/j for j from i+1 to n-1 */
		tail += 1 / (double)(i + 1);
		g += tail / (double)(n - i);
	}
	double a = (4 * g - 6) * (K - 1) + (10 - 6 * g) * H;
	double b = (2 * g - 4) * K * K + 8 * h * K + (2 * g - 14 * h - 4) * H - 8 * h + 4 * g - 6;
	double c = (6 * h + 2 * g - 2) * K * K + (4 * h - 4 * g + 6) * K + (2 * h - 6) * H + 4 * h;
	double d = (2 * h + 6) * K * K - 4 * h * K;

	return (a * N * N * N + b * N * N + c * N + d) / ((N - 1) * (N - 2) * (N - 3));
}

bool anderson_darling(const struct sample *sample, size_t k, struct anderson_darling *result)
{
	size_t n;
	struct pooled *pooled = pool(sample, k, &n);
	double *before = or_die(calloc(k, sizeof(*before))), *tied = or_die(calloc(k, sizeof(*tied)));
	double N = (double)n;
	bool ok = k >= 2 && n >= 4 && pooled[n - 1].value > pooled[0].value;

	result->a2 = result->a2_mid = 0;
	for (size_t at = 0, end; ok && at < n; at = end) {
		end = tie_end(pooled, n, at);
		double l = (double)(end - at), B = (double)end, B_mid = (double)at + l / 2;

		for (size_t i = 0; i < k; i++)
			tied[i] = 0;
		for (size_t j = at; j < end; j++)
			tied[pooled[j].sample]++;
		for (size_t i = 0; i < k; i++) {
			double size = (double)sample[i].n;
			double d = N * (before[i] + tied[i]) - size * B, d_mid = N * (before[i] + tied[i] / 2) - size * B_mid;

			if (end < n)
				result->a2 += l / N * d * d / (B * (N - B)) / size;
			result->a2_mid += l / N * d_mid * d_mid / (B_mid * (N - B_mid) - N * l / 4) / size;
			before[i] += tied[i];
		}
	}
	if (ok) {
		result->a2_mid *= (N - 1) / N;
		result->variance = ad_variance(sample, k, n);
		result->t = (result->a2 - (double)(k - 1)) / sqrt(result->variance);
		result->t_mid = (result->a2_mid - (double)(k - 1)) / sqrt(result->variance);
	}
	free(pooled);
	free(before);
	free(tied);
	return ok;
}

/* ---- Kruskal-Wallis ---- */

bool kruskal_wallis(const struct sample *sample, size_t k, struct kruskal_wallis *result)
{
	size_t n;
	struct pooled *pooled = pool(sample, k, &n);
	double *ranks = or_die(calloc(k, sizeof(*ranks)));
	double N = (double)n, sum = 0, ties = 0;
	bool ok = k >= 2 && n >= 2 && pooled[n - 1].value > pooled[0].value;

	for (size_t at = 0, end; ok && at < n; at = end) {
		end = tie_end(pooled, n, at);
		double t = (double)(end - at), rank = (double)(at + 1 + end) / 2;

		ties += t * t * t - t;
		for (size_t j = at; j < end; j++)
			ranks[pooled[j].sample] += rank;
	}
	for (size_t i = 0; i < k; i++)
		sum += ranks[i] * ranks[i] / (double)sample[i].n;
	if (ok) {
		result->h = 12 / (N * (N + 1)) * sum - 3 * (N + 1);
		result->h_ties = result->h / (1 - ties / (N * N * N - N));
		result->p = gsl_cdf_chisq_Q(result->h_ties > 0 ? result->h_ties : 0, (double)(k - 1));
	}
	free(pooled);
	free(ranks);
	return ok;
}

/* ---- Siegel-Tukey ---- */

/* 1 to the lowest, 2 and 3 to the two highest, 4 and 5 to the next two lowest, and so on; ties share their mean. */
static void rank_from_both_ends(struct pooled *pooled, size_t n)
{
	size_t low = 0, high = n, run = 1;
	bool at_low = true;

	for (size_t rank = 1; rank <= n; rank++) {
		pooled[at_low ? low++ : --high].rank = (double)rank;
		if (--run == 0) {
			at_low = !at_low;
			run = 2;
		}
	}
	for (size_t at = 0, end; at < n; at = end) {
		double sum = 0;

		end = tie_end(pooled, n, at);
		for (size_t j = at; j < end; j++)
			sum += pooled[j].rank;
		for (size_t j = at; j < end; j++)
			pooled[j].rank = sum / (double)(end - at);
	}
}

double quantile_sorted(const double *sorted, size_t n, double q)
{
	double at = q * (double)(n - 1);
	size_t i = (size_t)at;

	return i + 1 < n ? sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

static double *centred_copy(struct sample sample)
{
	double *copy = or_die(reallocarray(NULL, sample.n, sizeof(*copy))), median;

	for (size_t i = 0; i < sample.n; i++)
		copy[i] = sample.value[i];
	sort_values(copy, sample.n);
	median = quantile_sorted(copy, sample.n, 0.5);
	for (size_t i = 0; i < sample.n; i++)
		copy[i] -= median;
	return copy;
}

static bool siegel_tukey_of(const struct sample two[2], struct siegel_tukey *result)
{
	size_t n;
	struct pooled *pooled = pool(two, 2, &n);
	double N = (double)n, n_a = (double)two[0].n, n_b = (double)two[1].n;
	bool ok = pooled[n - 1].value > pooled[0].value;

	rank_from_both_ends(pooled, n);
	result->w_a = 0;
	for (size_t i = 0; i < n; i++)
		if (pooled[i].sample == 0)
			result->w_a += pooled[i].rank;
	result->w_b = N * (N + 1) / 2 - result->w_a;
	result->u_a = result->w_a - n_a * (n_a + 1) / 2;
	result->z = (result->w_a - n_a * (N + 1) / 2) / sqrt(n_a * n_b * (N + 1) / 12);
	result->p = 2 * gsl_cdf_ugaussian_Q(fabs(result->z));
	free(pooled);
	return ok;
}

bool siegel_tukey(struct sample a, struct sample b, bool centred, struct siegel_tukey *result)
{
	double *copy_a, *copy_b;
	bool ok;

	if (!centred)
		return siegel_tukey_of((struct sample[]){ a, b }, result);
	copy_a = centred_copy(a);
	copy_b = centred_copy(b);
	ok = siegel_tukey_of((struct sample[]){ { copy_a, a.n }, { copy_b, b.n } }, result);
	free(copy_a);
	free(copy_b);
	return ok;
}

/* ---- for all tests ---- */

struct indexed {
	double p;
	size_t i;
};

static int compare_indexed(const void *left, const void *right)
{
	return compare_values(&((const struct indexed *)left)->p, &((const struct indexed *)right)->p);
}

void holm(double *p, size_t m)
{
	struct indexed *order = or_die(reallocarray(NULL, m + 1, sizeof(*order)));
	double so_far = 0;

	for (size_t i = 0; i < m; i++)
		order[i] = (struct indexed){ p[i], i };
	qsort(order, m, sizeof(*order), compare_indexed);
	for (size_t i = 0; i < m; i++) {
		double corrected = fmin(1, order[i].p * (double)(m - i));

		so_far = fmax(so_far, corrected);
		p[order[i].i] = so_far;
	}
	free(order);
}

double distance(const struct sample *sample, size_t k)
{
	size_t n;
	struct pooled *pooled = pool(sample, k, &n);
	double *seen = or_die(calloc(k, sizeof(*seen))), largest = 0;

	for (size_t at = 0, end; at < n; at = end) {
		double low = 1, high = 0;

		end = tie_end(pooled, n, at);
		for (size_t j = at; j < end; j++)
			seen[pooled[j].sample]++;
		for (size_t i = 0; i < k; i++) {
			double share = seen[i] / (double)sample[i].n;

			low = fmin(low, share);
			high = fmax(high, share);
		}
		largest = fmax(largest, high - low);
	}
	free(pooled);
	free(seen);
	return largest;
}
