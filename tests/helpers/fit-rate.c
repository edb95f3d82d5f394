/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fit-rate SAMPLES COUNTERS - processor time of a fit of wss-fit on made-up samples, and of gsl_multifit_linear() alone on
 * the same matrix: prints both in ms.
 */
#include "../../src/wss-fit/regress.c"

#include "common/num.h"

#include <stdint.h>
#include <stdio.h>
#include <time.h>

static double processor_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static size_t number(const char *text)
{
	uint64_t value = 0;

	if (num_u64(text, strlen(text), &value) != NUM_OK || value == 0 || value > 1000000)
		exit(64);
	return value;
}

static double gsl_alone(const struct table *t)
{
	gsl_matrix *X = gsl_matrix_alloc(t->n, t->p + 1), *covariance = gsl_matrix_alloc(t->p + 1, t->p + 1);
	gsl_vector *c = gsl_vector_alloc(t->p + 1);
	gsl_vector_const_view y = gsl_vector_const_view_array(t->y, t->n);
	gsl_multifit_linear_workspace *work = gsl_multifit_linear_alloc(t->n, t->p + 1);
	double begin, chisq;

	for (size_t i = 0; i < t->n; i++)
		for (size_t j = 0; j <= t->p; j++)
			gsl_matrix_set(X, i, j, j ? t->x[i * t->p + j - 1] : 1);
	begin = processor_ms();
	gsl_multifit_linear(X, &y.vector, c, covariance, &chisq, work);
	begin = processor_ms() - begin;
	gsl_multifit_linear_free(work);
	gsl_vector_free(c);
	gsl_matrix_free(covariance);
	gsl_matrix_free(X);
	return begin;
}

int main(int argc, char **argv)
{
	const struct fit_rules ordinary = { FIT_ORDINARY, 1 };
	struct fit fit;
	double *x, *y, begin;

	if (argc != 3)
		return 64;
	size_t n = number(argv[1]), p = number(argv[2]);

	x = numbers(n * p);
	y = numbers(n);
	for (size_t i = 0; i < n * p; i++)
		x[i] = drand48();
	for (size_t i = 0; i < n; i++)
		y[i] = x[i * p] + drand48();
	const struct table table = { x, y, n, p };

	begin = processor_ms();
	if (!regress_fit(&table, &ordinary, &fit))
		return 70;
	begin = processor_ms() - begin;
	printf("%.1f %.1f\n", begin, gsl_alone(&table));
	fit_release(&fit);
	free(x);
	free(y);
	return 0;
}
