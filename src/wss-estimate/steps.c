/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps.h"

#include "diag.h"

#include <stdlib.h>

/* A step is gfn << BITS | number; an edge gfn << BITS | BIAS + change of the touches. gfn is at most 2^48. */
enum { BITS = 15, MASK = (1 << BITS) - 1, BIAS = 1 << (BITS - 1) };

static uint64_t gfn_of(uint64_t packed)
{
	return packed >> BITS;
}

static unsigned number_of(uint64_t step)
{
	return step & MASK;
}

static int change_of(uint64_t edge)
{
	return (int)(edge & MASK) - BIAS;
}

/* Makes room for two more. */
static void reserve(uint64_t **array, size_t n, size_t *size)
{
	if (n + 2 <= *size)
		return;
	*size = *size ? 2 * *size : 64;
	*array = or_die(reallocarray(*array, *size, sizeof(**array)));
}

static uint64_t make_edge(uint64_t gfn, int change)
{
	return gfn << BITS | (unsigned)(BIAS + change);
}

void steps_touch(struct steps *s, uint64_t gfn, uint64_t pages, uint64_t times)
{
	int by = times < STEPS_VALUE_MAX ? (int)times : STEPS_VALUE_MAX;
	int begin = by;

	if (by == 0 || pages == 0)
		return;
	if (s->edges) {
		uint64_t last = s->edge[s->edges - 1];

		if (gfn < gfn_of(last))
			s->out_of_order = true;
		if (gfn == gfn_of(last)) { /* where the neighbour ends */
			begin += change_of(last);
			s->edges--;
		}
	}
	reserve(&s->edge, s->edges, &s->edges_size);
	if (begin)
		s->edge[s->edges++] = make_edge(gfn, begin);
	s->edge[s->edges++] = make_edge(gfn + pages, -by);
}

static int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

static uint64_t gfn_at(const uint64_t *array, size_t i, size_t n)
{
	return i < n ? gfn_of(array[i]) : UINT64_MAX;
}

void steps_fold(struct steps *s, steps_change *change, const void *context)
{
	size_t step = 0, edge = 0, n = 0;
	unsigned number = 0, last = 0;
	int64_t touched = 0;

	if (s->out_of_order)
		qsort(s->edge, s->edges, sizeof(*s->edge), compare);
	/* One walk along old steps and edges. */
	while (step < s->n || edge < s->edges) {
		uint64_t step_at = gfn_at(s->now, step, s->n), edge_at = gfn_at(s->edge, edge, s->edges);
		uint64_t at = step_at < edge_at ? step_at : edge_at;

		if (step_at == at)
			number = number_of(s->now[step++]);
		while (edge < s->edges && gfn_of(s->edge[edge]) == at)
			touched += change_of(s->edge[edge++]);
		unsigned now = change(context, number, touched < STEPS_VALUE_MAX ? (unsigned)touched : STEPS_VALUE_MAX);

		if (now == last)
			continue;
		reserve(&s->next, n, &s->next_size);
		s->next[n++] = at << BITS | now;
		last = now;
	}
	uint64_t *old = s->now;
	size_t old_size = s->now_size;

	s->now = s->next;
	s->now_size = s->next_size;
	s->n = n;
	s->next = old;
	s->next_size = old_size;
	s->edges = 0;
	s->out_of_order = false;
}

uint64_t steps_pages(const struct steps *s, uint64_t from)
{
	uint64_t pages = 0;

	for (size_t i = 0; i + 1 < s->n; i++)
		if (number_of(s->now[i]) >= from)
			pages += gfn_of(s->now[i + 1]) - gfn_of(s->now[i]);
	return pages;
}

void steps_histogram(const struct steps *s, uint64_t *pages)
{
	for (size_t i = 0; i + 1 < s->n; i++)
		pages[number_of(s->now[i])] += gfn_of(s->now[i + 1]) - gfn_of(s->now[i]);
}

void steps_clear(struct steps *s)
{
	s->n = 0;
}

void steps_release(struct steps *s)
{
	free(s->now);
	free(s->next);
	free(s->edge);
	*s = (struct steps){ 0 };
}
