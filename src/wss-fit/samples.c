/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "samples.h"

#include "diag.h"
#include "model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void add_column(struct samples *s, const struct vms *store, const char *name)
{
	for (size_t j = 0; j < s->p; j++)
		if (s->column[j].name == name)
			return;
	s->column = or_die(reallocarray(s->column, s->p + 1, sizeof(*s->column)));
	s->column[s->p++] = (struct column_of){ name, store_is_count(store, name) };
}

static void choose_columns(struct samples *s, const struct vms *store, const struct truth_vm *const *truths, bool (*use)(const char *))
{
	for (size_t v = 0; v < store->n; v++) {
		const struct stored *vm = store->state[v];

		for (size_t i = 0; truths[v] && i < vm->n; i++)
			if (use(vm->series[i].name))
				add_column(s, store, vm->series[i].name);
	}
}

/* Column j of the rows of a VM, NAN where it is not known. */
static void fill_column(struct samples *s, size_t j, size_t first, const struct series *series, const struct truth_vm *truths, uint64_t age_ns)
{
	struct watch watch = { 0 };
	size_t at = 0;

	for (size_t i = 0; i < truths->n; i++) {
		uint64_t end_ns = truths->row[i].t_ns;
		double *x = &s->x[(first + i) * s->p + j];

		for (; series && at < series->n && series->row[at].t_ns <= end_ns; at++)
			watch_add(&watch, series->row[at].t_ns, series->row[at].value);
		if (!watch_close(&watch, end_ns, age_ns, s->column[j].rate, x))
			*x = NAN;
	}
}

static void fill_rows(struct samples *s, const struct vms *store, const struct truth_vm *const *truths, uint64_t age_ns)
{
	size_t first = 0;

	for (size_t v = 0; v < store->n; v++) {
		if (!truths[v])
			continue;
		for (size_t i = 0; i < truths[v]->n; i++) {
			s->y[first + i] = (double)truths[v]->row[i].kib;
			s->vm[first + i] = v;
			s->block[first + i] = i * SAMPLE_BLOCKS / truths[v]->n;
		}
		for (size_t j = 0; j < s->p; j++)
			fill_column(s, j, first, store_find(store->state[v], s->column[j].name), truths[v], age_ns);
		first += truths[v]->n;
	}
}

/* Counters that are unknown in more than half of a VM's rows would take these rows with them. */
static bool is_known_everywhere(const struct samples *s, size_t j, const struct vms *store)
{
	for (size_t i = 0, end; i < s->n; i = end) {
		size_t unknown = 0;

		for (end = i; end < s->n && s->vm[end] == s->vm[i]; end++)
			unknown += isnan(s->x[end * s->p + j]) ? 1 : 0;
		if (2 * unknown > end - i) {
			note("counter '%.64s' is not known in most windows of VM '%.64s': left out", s->column[j].name, store->name[s->vm[i]]);
			return false;
		}
	}
	return true;
}

/* Leaves only whole rows of counters that are known everywhere. */
static void drop_unknown(struct samples *s, const struct vms *store)
{
	size_t *kept = or_die(reallocarray(NULL, s->p + 1, sizeof(*kept))), p = 0, n = 0;

	for (size_t j = 0; j < s->p; j++)
		if (is_known_everywhere(s, j, store))
			kept[p++] = j;
	for (size_t i = 0; i < s->n; i++) {
		bool whole = true;

		for (size_t j = 0; j < p; j++) {
			s->x[n * p + j] = s->x[i * s->p + kept[j]];
			whole = whole && !isnan(s->x[n * p + j]);
		}
		s->y[n] = s->y[i];
		s->vm[n] = s->vm[i];
		s->block[n] = s->block[i];
		n += whole;
	}
	for (size_t j = 0; j < p; j++)
		s->column[j] = s->column[kept[j]];
	s->dropped = s->n - n;
	s->n = n;
	s->p = p;
	free(kept);
}

void samples_join(const struct vms *store, const struct truth_vm *const *truths, bool (*use)(const char *name),
		  uint64_t age_ns, struct samples *s)
{
	*s = (struct samples){ 0 };
	choose_columns(s, store, truths, use);
	for (size_t v = 0; v < store->n; v++)
		s->n += truths[v] ? truths[v]->n : 0;
	s->x = or_die(reallocarray(NULL, s->n + 1, (s->p + 1) * sizeof(*s->x)));
	s->y = or_die(reallocarray(NULL, s->n + 1, sizeof(*s->y)));
	s->vm = or_die(reallocarray(NULL, s->n + 1, sizeof(*s->vm)));
	s->block = or_die(reallocarray(NULL, s->n + 1, sizeof(*s->block)));
	fill_rows(s, store, truths, age_ns);
	drop_unknown(s, store);
}

void samples_release(struct samples *s)
{
	free(s->x);
	free(s->y);
	free(s->vm);
	free(s->block);
	free(s->column);
}
