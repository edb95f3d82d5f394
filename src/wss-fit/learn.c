/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "learn.h"

#include "diag.h"
#include "model.h"
#include "homogeneity.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FOLDS = 5 };

/* The samples that are control samples, or those that are not, by the columns of the model or all. */
struct part {
	struct table table;
	double *x, *y;
	size_t *fold;
};

static struct part part_of(const struct samples *s, const bool *is_control, bool control, const size_t *column, size_t p)
{
	struct part part = {
		.x = or_die(reallocarray(NULL, s->n + 1, (p + 1) * sizeof(double))),
		.y = or_die(reallocarray(NULL, s->n + 1, sizeof(double))),
		.fold = or_die(reallocarray(NULL, s->n + 1, sizeof(size_t))),
	};
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (is_control[i] != control)
			continue;
		for (size_t j = 0; j < p; j++)
			part.x[n * p + j] = s->x[i * s->p + (column ? column[j] : j)];
		part.y[n] = s->y[i];
		part.fold[n++] = s->block[i] % FOLDS;
	}
	part.table = (struct table){ part.x, part.y, n, p };
	return part;
}

static void part_release(struct part *part)
{
	free(part->x);
	free(part->y);
	free(part->fold);
}

/* Leaves out columns that are constant or combinations of others, then all that are not selected. */
static void choose(const struct samples *s, const struct part *all, const struct learn_rules *rules, struct learned *l)
{
	enum column *what = or_die(calloc(s->p + 1, sizeof(*what)));
	size_t *chosen = or_die(calloc(s->p + 1, sizeof(*chosen)));

	regress_columns(&all->table, what);
	for (size_t j = 0; j < s->p; j++) {
		if (what[j] == COLUMN_KEPT)
			l->column[l->p++] = j;
		else
			note("counter '%.64s' %s: left out", s->column[j].name,
			     what[j] == COLUMN_CONSTANT ? "is constant" : "is a combination of the ones before it");
	}
	if (rules->most > 0 && l->p > 0) {
		double *x = or_die(reallocarray(NULL, all->table.n + 1, l->p * sizeof(*x)));
		struct table table = { x, all->y, all->table.n, l->p };

		for (size_t i = 0; i < table.n; i++)
			for (size_t j = 0; j < l->p; j++)
				x[i * l->p + j] = all->x[i * s->p + l->column[j]];
		l->p = regress_select(&table, all->fold, FOLDS, rules->most, chosen);
		for (size_t j = 0; j < l->p; j++)
			chosen[j] = l->column[chosen[j]];
		memcpy(l->column, chosen, l->p * sizeof(*chosen));
		free(x);
	}
	free(what);
	free(chosen);
}

static void judge(struct learned *l, const struct part *part, struct judgement *judgement)
{
	double *predicted = or_die(reallocarray(NULL, part->table.n + 1, sizeof(*predicted)));

	for (size_t i = 0; i < part->table.n; i++)
		predicted[i] = fmax(0, fit_value(&l->fit, part->x + i * l->p));
	*judgement = regress_judge(predicted, part->y, part->table.n, l->error_low, l->error_high);
	free(predicted);
}

static void look_at_ranges(struct learned *l, const struct part *part)
{
	l->kib_low = l->kib_high = part->y[0];
	for (size_t i = 0; i < part->table.n; i++) {
		l->kib_mean += part->y[i] / (double)part->table.n;
		l->kib_low = fmin(l->kib_low, part->y[i]);
		l->kib_high = fmax(l->kib_high, part->y[i]);
		for (size_t j = 0; j < l->p; j++) {
			double x = part->x[i * l->p + j];

			l->low[j] = i ? fmin(l->low[j], x) : x;
			l->high[j] = i ? fmax(l->high[j], x) : x;
		}
	}
}

/* Cross-validation says how large errors are on samples that a model has not seen. */
static bool cross(struct learned *l, const struct part *part, const struct fit_rules *rules)
{
	double *value = or_die(reallocarray(NULL, part->table.n + 1, sizeof(*value)));
	bool ok = regress_cross(&part->table, part->fold, FOLDS, rules, value);

	if (ok) {
		double *error = or_die(reallocarray(NULL, part->table.n + 1, sizeof(*error)));

		for (size_t i = 0; i < part->table.n; i++)
			error[i] = part->y[i] - value[i];
		sort_values(error, part->table.n);
		l->error_low = quantile_sorted(error, part->table.n, 0.05);
		l->error_high = quantile_sorted(error, part->table.n, 0.95);
		l->cross = regress_judge(value, part->y, part->table.n, l->error_low, l->error_high);
		free(error);
	}
	free(value);
	return ok;
}

void learn(const struct samples *s, const bool *is_control, const struct learn_rules *rules, struct learned *l)
{
	static char why_not[160];
	struct part all = part_of(s, is_control, false, NULL, s->p);
	size_t n = all.table.n;

	*l = (struct learned){ .column = or_die(calloc(s->p + 1, sizeof(*l->column))) };
	if (n > 0)
		choose(s, &all, rules, l);
	part_release(&all);
	l->low = or_die(calloc(l->p + 1, sizeof(*l->low)));
	l->high = or_die(calloc(l->p + 1, sizeof(*l->high)));
	struct part learning = part_of(s, is_control, false, l->column, l->p);
	struct part control = part_of(s, is_control, true, l->column, l->p);

	if (n > 0 && l->p == 0) {
		l->why_not = "no counter says anything: they are constant, not known, or of no use";
	} else if (n < 2 * FOLDS || n < 2 * (l->p + 1)) {
		snprintf(why_not, sizeof(why_not), "too few samples: %zu to learn from, and %zu counters need %zu; record for longer, "
			 "or use --select", n, l->p, 2 * (l->p + 1) > 2 * FOLDS ? 2 * (l->p + 1) : 2 * FOLDS);
		l->why_not = why_not;
	} else if (l->p > MODEL_COUNTERS_MAX) {
		snprintf(why_not, sizeof(why_not), "%zu counters, at most %d can be in a model; use --select", l->p, MODEL_COUNTERS_MAX);
		l->why_not = why_not;
	} else if (!regress_fit(&learning.table, &rules->fit, &l->fit) || !cross(l, &learning, &rules->fit)) {
		l->why_not = "the counters have no solution in some part of the samples; use --way ridge, or --select";
	} else {
		look_at_ranges(l, &learning);
		judge(l, &learning, &l->learning);
		judge(l, &control, &l->control);
	}
	part_release(&learning);
	part_release(&control);
}

void learned_release(struct learned *l)
{
	free(l->column);
	free(l->low);
	free(l->high);
	fit_release(&l->fit);
}
