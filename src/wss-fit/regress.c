/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "regress.h"

#include "diag.h"

#include <gsl/gsl_linalg.h>
#include <gsl/gsl_multifit.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double *numbers(size_t n)
{
	return or_die(calloc(n + 1, sizeof(double)));
}

/* ---- means and scales ---- */

static void standardize(const struct table *t, const double *weight, double *mean, double *scale)
{
	double total = 0;

	for (size_t j = 0; j < t->p; j++)
		mean[j] = scale[j] = 0;
	for (size_t i = 0; i < t->n; i++) {
		double w = weight ? weight[i] : 1;

		total += w;
		for (size_t j = 0; j < t->p; j++)
			mean[j] += w / total * (t->x[i * t->p + j] - mean[j]);
	}
	for (size_t i = 0; i < t->n; i++)
		for (size_t j = 0; j < t->p; j++) {
			double d = t->x[i * t->p + j] - mean[j];

			scale[j] += (weight ? weight[i] : 1) * d * d;
		}
	for (size_t j = 0; j < t->p; j++) {
		scale[j] = sqrt(scale[j] / total);
		if (!(scale[j] > 1e-12 * fabs(mean[j]))) /* constant */
			scale[j] = 0;
	}
}

/*
 * Cholesky's rows over the correlations of the columns: what the ones before leave of a column. Tolerances of 1e-10 are
 * far above what rounding leaves, and far below what a counter with a life of its own has.
 */
size_t regress_columns(const struct table *t, enum column *column)
{
	double *mean = numbers(t->p), *scale = numbers(t->p), *r = numbers(t->p * t->p);
	size_t kept = 0;

	standardize(t, NULL, mean, scale);
	for (size_t i = 0; i < t->n; i++)
		for (size_t j = 0; j < t->p; j++)
			for (size_t k = 0; scale[j] > 0 && k <= j; k++)
				if (scale[k] > 0)
					r[j * t->p + k] += (t->x[i * t->p + j] - mean[j]) / scale[j] *
							   ((t->x[i * t->p + k] - mean[k]) / scale[k]) / (double)t->n;
	for (size_t j = 0; j < t->p; j++) {
		double left = r[j * t->p + j];

		for (size_t k = 0; k < j; k++) {
			double *at = &r[j * t->p + k];

			for (size_t i = 0; i < k; i++)
				*at -= r[j * t->p + i] * r[k * t->p + i];
			*at = column[k] == COLUMN_KEPT ? *at / r[k * t->p + k] : 0;
			left -= *at * *at;
		}
		column[j] = scale[j] > 0 ? left > 1e-10 ? COLUMN_KEPT : COLUMN_COMBINED : COLUMN_CONSTANT;
		r[j * t->p + j] = column[j] == COLUMN_KEPT ? sqrt(left) : 0;
		kept += column[j] == COLUMN_KEPT;
	}
	free(mean);
	free(scale);
	free(r);
	return kept;
}

/* ---- fits ---- */

static void fit_init(struct fit *fit, size_t p)
{
	*fit = (struct fit){ .p = p, .coefficient = numbers(p), .mean = numbers(p), .scale = numbers(p) };
}

void fit_release(struct fit *fit)
{
	free(fit->coefficient);
	free(fit->mean);
	free(fit->scale);
	*fit = (struct fit){ 0 };
}

double fit_value(const struct fit *fit, const double *row)
{
	double value = fit->constant;

	for (size_t j = 0; j < fit->p; j++)
		if (fit->scale[j] > 0)
			value += fit->coefficient[j] * ((row[j] - fit->mean[j]) / fit->scale[j]);
	return value;
}

/* The root of the penalty, from 1e-8 of the largest singular value up to it. */
static double penalty_by_cross_validation(const gsl_vector *y, gsl_multifit_linear_workspace *work, size_t p)
{
	enum { TRIED = 161 };
	gsl_vector *tried = gsl_vector_alloc(TRIED), *uty = gsl_vector_alloc(p);
	double beyond, largest = gsl_vector_max(work->S), best = 0, least = INFINITY;

	if (!tried || !uty)
		die(EX_OSERR, "out of memory");
	if (gsl_multifit_linear_gcv_init(y, tried, uty, &beyond, work) == GSL_SUCCESS)
		for (int i = 0; i < TRIED; i++) {
			double lambda = largest * pow(10, -8. * i / (TRIED - 1));
			double error = gsl_multifit_linear_gcv_calc(lambda, uty, beyond, work);

			if (error < least) {
				least = error;
				best = lambda;
			}
		}
	gsl_vector_free(tried);
	gsl_vector_free(uty);
	return best;
}

/* Weighted least squares: rows are centred by the weighted means and multiplied by the roots of their weights. */
static bool fit_linear(const struct table *t, const double *weight, bool ridge, struct fit *fit)
{
	gsl_matrix *X = gsl_matrix_alloc(t->n, t->p);
	gsl_vector *y = gsl_vector_alloc(t->n);
	gsl_vector_view c = gsl_vector_view_array(fit->coefficient, t->p);
	gsl_multifit_linear_workspace *work = gsl_multifit_linear_alloc(t->n, t->p);
	double total = 0, lambda = 0, rnorm, snorm;
	bool ok;

	if (!X || !y || !work)
		die(EX_OSERR, "out of memory");
	standardize(t, weight, fit->mean, fit->scale);
	fit->constant = 0;
	for (size_t i = 0; i < t->n; i++) {
		total += weight ? weight[i] : 1;
		fit->constant += (weight ? weight[i] : 1) / total * (t->y[i] - fit->constant);
	}
	for (size_t i = 0; i < t->n; i++) {
		double root = weight ? sqrt(weight[i]) : 1;

		gsl_vector_set(y, i, root * (t->y[i] - fit->constant));
		for (size_t j = 0; j < t->p; j++)
			gsl_matrix_set(X, i, j, fit->scale[j] > 0 ? root * ((t->x[i * t->p + j] - fit->mean[j]) / fit->scale[j]) : 0);
	}
	ok = gsl_multifit_linear_svd(X, work) == GSL_SUCCESS;
	if (ok && ridge)
		lambda = penalty_by_cross_validation(y, work, t->p);
	ok = ok && gsl_multifit_linear_solve(lambda, X, y, &c.vector, &rnorm, &snorm, work) == GSL_SUCCESS;
	fit->penalty = lambda * lambda;
	gsl_multifit_linear_free(work);
	gsl_vector_free(y);
	gsl_matrix_free(X);
	return ok;
}

/* Errors below the truth weigh under_cost; which they are is known from the fit before, until none changes sides. */
static bool fit_asymmetric(const struct table *t, const struct fit_rules *rules, struct fit *fit)
{
	enum { ROUNDS = 100 };
	double *weight = numbers(t->n);
	bool ok = fit_linear(t, NULL, rules->way == FIT_RIDGE, fit), changed = true;

	for (int round = 0; ok && changed && round < ROUNDS; round++) {
		changed = false;
		for (size_t i = 0; i < t->n; i++) {
			double now = fit_value(fit, t->x + i * t->p) < t->y[i] ? rules->under_cost : 1;

			changed = changed || weight[i] < now || weight[i] > now;
			weight[i] = now;
		}
		if (changed)
			ok = fit_linear(t, weight, rules->way == FIT_RIDGE, fit);
	}
	free(weight);
	return ok;
}

static bool fit_robust(const struct table *t, struct fit *fit)
{
	gsl_matrix *X = gsl_matrix_alloc(t->n, t->p + 1), *covariance = gsl_matrix_alloc(t->p + 1, t->p + 1);
	gsl_vector *c = gsl_vector_alloc(t->p + 1);
	gsl_vector_const_view y = gsl_vector_const_view_array(t->y, t->n);
	gsl_multifit_robust_workspace *work = gsl_multifit_robust_alloc(gsl_multifit_robust_bisquare, t->n, t->p + 1);
	int status;

	if (!X || !covariance || !c || !work)
		die(EX_OSERR, "out of memory");
	standardize(t, NULL, fit->mean, fit->scale);
	for (size_t i = 0; i < t->n; i++) {
		gsl_matrix_set(X, i, 0, 1);
		for (size_t j = 0; j < t->p; j++)
			gsl_matrix_set(X, i, j + 1, fit->scale[j] > 0 ? (t->x[i * t->p + j] - fit->mean[j]) / fit->scale[j] : 0);
	}
	status = gsl_multifit_robust(X, &y.vector, c, covariance, work);
	fit->constant = gsl_vector_get(c, 0);
	for (size_t j = 0; j < t->p; j++)
		fit->coefficient[j] = gsl_vector_get(c, j + 1);
	gsl_multifit_robust_free(work);
	gsl_vector_free(c);
	gsl_matrix_free(covariance);
	gsl_matrix_free(X);
	/* Weights that still move a little after all its rounds do no harm. */
	return status == GSL_SUCCESS || status == GSL_EMAXITER;
}

bool regress_fit(const struct table *t, const struct fit_rules *rules, struct fit *fit)
{
	bool ok = t->p > 0 && t->n >= t->p + 2;

	gsl_set_error_handler_off();
	fit_init(fit, t->p);
	if (ok && rules->way == FIT_ROBUST)
		ok = fit_robust(t, fit);
	else if (ok && rules->under_cost > 1)
		ok = fit_asymmetric(t, rules, fit);
	else if (ok)
		ok = fit_linear(t, NULL, rules->way == FIT_RIDGE, fit);
	for (size_t j = 0; ok && j < t->p; j++)
		ok = isfinite(fit->coefficient[j]);
	ok = ok && isfinite(fit->constant);
	if (!ok)
		fit_release(fit);
	return ok;
}

/* ---- cross-validation ---- */

bool regress_cross(const struct table *t, const size_t *fold, size_t folds, const struct fit_rules *rules, double *predicted)
{
	double *x = numbers(t->n * t->p), *y = numbers(t->n);
	bool ok = true;

	for (size_t f = 0; ok && f < folds; f++) {
		struct table others = { .x = x, .y = y, .p = t->p };
		struct fit fit;

		for (size_t i = 0; i < t->n; i++) {
			if (fold[i] == f)
				continue;
			memcpy(x + others.n * t->p, t->x + i * t->p, t->p * sizeof(*x));
			y[others.n++] = t->y[i];
		}
		ok = regress_fit(&others, rules, &fit);
		for (size_t i = 0; ok && i < t->n; i++)
			if (fold[i] == f)
				predicted[i] = fit_value(&fit, t->x + i * t->p);
		if (ok)
			fit_release(&fit);
	}
	free(x);
	free(y);
	return ok;
}

/*
 * For selection all that is needed of the rows are sums: of each column and of all products of two, y being the last
 * column, for each fold. The sums of the other folds are the total less those of one.
 */
struct sums {
	double n, *sum, *product;
};

static struct sums *sums_of_folds(const struct table *t, const size_t *fold, size_t folds)
{
	size_t q = t->p + 1;
	struct sums *sums = or_die(calloc(folds + 1, sizeof(*sums))); /* the last one is the total */
	double *mean = numbers(t->p), *scale = numbers(t->p), *row = numbers(q), mean_y = 0;

	for (size_t f = 0; f <= folds; f++)
		sums[f] = (struct sums){ 0, numbers(q), numbers(q * q) };
	standardize(t, NULL, mean, scale);
	for (size_t i = 0; i < t->n; i++)
		mean_y += t->y[i] / (double)t->n;
	for (size_t i = 0; i < t->n; i++) {
		struct sums *s = &sums[fold[i]];

		for (size_t j = 0; j < t->p; j++)
			row[j] = scale[j] > 0 ? (t->x[i * t->p + j] - mean[j]) / scale[j] : 0;
		row[t->p] = t->y[i] - mean_y;
		s->n++;
		for (size_t j = 0; j < q; j++) {
			s->sum[j] += row[j];
			for (size_t k = 0; k <= j; k++)
				s->product[j * q + k] += row[j] * row[k];
		}
	}
	for (size_t f = 0; f < folds; f++) {
		sums[folds].n += sums[f].n;
		for (size_t j = 0; j < q; j++)
			sums[folds].sum[j] += sums[f].sum[j];
		for (size_t j = 0; j < q * q; j++)
			sums[folds].product[j] += sums[f].product[j];
	}
	free(mean);
	free(scale);
	free(row);
	return sums;
}

static double product(const struct sums *s, size_t q, size_t j, size_t k)
{
	return s->product[j > k ? j * q + k : k * q + j];
}

/* The sum of squared errors in fold f of least squares on the other folds, columns chosen[0..m). INFINITY: no solution. */
static double fold_error(const struct sums *one, const struct sums *total, size_t p, const size_t *chosen, size_t m)
{
	size_t q = p + 1;
	double n = total->n - one->n, error;
	gsl_matrix *A = gsl_matrix_alloc(m, m);
	gsl_vector *b = gsl_vector_alloc(m);
	bool ok;

	if (!A || !b)
		die(EX_OSERR, "out of memory");
	for (size_t j = 0; j < m; j++) {
		size_t cj = chosen[j];
		double sum_j = total->sum[cj] - one->sum[cj];

		for (size_t k = 0; k < m; k++) {
			double sum_k = total->sum[chosen[k]] - one->sum[chosen[k]];

			gsl_matrix_set(A, j, k, product(total, q, cj, chosen[k]) - product(one, q, cj, chosen[k]) - sum_j * sum_k / n);
		}
		gsl_vector_set(b, j, product(total, q, p, cj) - product(one, q, p, cj) - sum_j * (total->sum[p] - one->sum[p]) / n);
	}
	ok = gsl_linalg_cholesky_decomp1(A) == GSL_SUCCESS && gsl_linalg_cholesky_svx(A, b) == GSL_SUCCESS;
	/* The constant; then the squares of y - constant - sum of b x, spelled out in sums. */
	double constant = (total->sum[p] - one->sum[p]) / n;

	for (size_t j = 0; ok && j < m; j++)
		constant -= gsl_vector_get(b, j) * (total->sum[chosen[j]] - one->sum[chosen[j]]) / n;
	error = product(one, q, p, p) - 2 * constant * one->sum[p] + constant * constant * one->n;
	for (size_t j = 0; ok && j < m; j++) {
		double bj = gsl_vector_get(b, j);

		error += 2 * bj * (constant * one->sum[chosen[j]] - product(one, q, p, chosen[j]));
		for (size_t k = 0; k < m; k++)
			error += bj * gsl_vector_get(b, k) * product(one, q, chosen[j], chosen[k]);
	}
	gsl_matrix_free(A);
	gsl_vector_free(b);
	return ok && isfinite(error) ? error : INFINITY;
}

size_t regress_select(const struct table *t, const size_t *fold, size_t folds, size_t most, size_t *chosen)
{
	struct sums *sums = sums_of_folds(t, fold, folds);
	bool *used = or_die(calloc(t->p + 1, sizeof(*used)));
	double error = product(&sums[folds], t->p + 1, t->p, t->p);
	size_t m = 0;

	gsl_set_error_handler_off();
	while (m < most && m < t->p) {
		double best_error = INFINITY;
		size_t best = 0;

		for (size_t j = 0; j < t->p; j++) {
			double sum = 0;

			chosen[m] = j;
			for (size_t f = 0; !used[j] && f < folds; f++)
				sum += fold_error(&sums[f], &sums[folds], t->p, chosen, m + 1);
			if (!used[j] && sum < best_error) {
				best_error = sum;
				best = j;
			}
		}
		if (!(best_error < error * 0.99 * 0.99))
			break;
		error = best_error;
		used[best] = true;
		chosen[m++] = best;
	}
	for (size_t f = 0; f <= folds; f++) {
		free(sums[f].sum);
		free(sums[f].product);
	}
	free(sums);
	free(used);
	return m;
}

/* ---- figures ---- */

struct judgement regress_judge(const double *predicted, const double *y, size_t n, double low, double high)
{
	struct judgement j = { .n = n };
	double mean = 0, squares = 0, all = 0;
	size_t with_y = 0, under = 0, inside = 0;

	for (size_t i = 0; i < n; i++)
		mean += y[i] / (double)n;
	for (size_t i = 0; i < n; i++) {
		double d = predicted[i] - y[i];

		squares += d * d;
		all += (y[i] - mean) * (y[i] - mean);
		under += d < 0;
		inside += low <= -d && -d <= high;
		if (y[i] > 0) {
			j.relative += fabs(d) / y[i];
			with_y++;
		}
	}
	j.r2 = all > 0 ? 1 - squares / all : NAN;
	j.rmse = n ? sqrt(squares / (double)n) : NAN;
	j.relative = with_y ? j.relative / (double)with_y : NAN;
	j.under = n ? (double)under / (double)n : NAN;
	j.inside = n ? (double)inside / (double)n : NAN;
	return j;
}
