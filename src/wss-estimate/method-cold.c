/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cold - the pages that are not cold: touched within the last `age`.
 *
 * A page remembers the epoch in which it was touched last. An epoch is one window; windows much shorter than the age
 * (1/EPOCHS of it) share one, and a page then stays so much longer at most.
 */
#include "method.h"
#include "steps.h"

#include "diag.h"

#include <stdlib.h>
#include <string.h>

enum { AGE };
enum { EPOCHS = (STEPS_VALUE_MAX - 1) / 2 };

static const struct method_parameter parameters[] = {
	[AGE] = { "age", "time after which a page that was not touched is cold", OPT_NS, UINT64_C(120000000000), 1, 0 },
	{ 0 },
};

struct epoch {
	uint64_t begin_ns, end_ns; /* ends of its first and its last window */
	uint64_t lost;
};

struct cold {
	struct steps last;       /* of each page: 1 + number of its epoch, modulo STEPS_VALUE_MAX; 0: cold */
	struct epoch *epoch;     /* epoch[first..n) are younger than the age */
	size_t first, n, size;
	uint64_t number;         /* of the newest epoch */
	uint64_t start_ns;
};

static void add_pages(void *state, const uint64_t *value, const struct rec_count *row)
{
	struct cold *c = state;

	(void)value;
	steps_touch(&c->last, row->gfn, row->pages, method_events(row));
}

static void begin_epoch(struct cold *c, uint64_t t_ns)
{
	if (c->n == c->size && c->first > c->size / 2) {
		memmove(c->epoch, c->epoch + c->first, (c->n - c->first) * sizeof(*c->epoch));
		c->n -= c->first;
		c->first = 0;
	}
	if (c->n == c->size) {
		c->size = c->size ? 2 * c->size : 16;
		c->epoch = or_die(reallocarray(c->epoch, c->size, sizeof(*c->epoch)));
	}
	c->epoch[c->n++] = (struct epoch){ .begin_ns = t_ns };
	c->number++;
}

/* Puts a window that ends now into an epoch, and forgets those that are too old. */
static struct epoch *advance(struct cold *c, uint64_t age_ns, uint64_t t_ns)
{
	while (c->first < c->n && t_ns - c->epoch[c->first].end_ns >= age_ns)
		c->first++;
	if (c->first == c->n || t_ns - c->epoch[c->n - 1].begin_ns > age_ns / EPOCHS)
		begin_epoch(c, t_ns);
	c->epoch[c->n - 1].end_ns = t_ns;
	return &c->epoch[c->n - 1];
}

/* The number that the pages of an epoch have. */
static unsigned epoch_number(uint64_t epoch)
{
	return 1 + (unsigned)(epoch % STEPS_VALUE_MAX);
}

static unsigned make_older(const void *context, unsigned last, unsigned touched)
{
	const struct cold *c = context;
	unsigned now = epoch_number(c->number);

	if (touched)
		return now;
	if (last == 0)
		return 0;
	return (now - last + STEPS_VALUE_MAX) % STEPS_VALUE_MAX < c->n - c->first ? last : 0;
}

static void close_window(void *state, const uint64_t *value, const struct rec_count *closing, struct method_result *result)
{
	struct cold *c = state;
	uint64_t t_ns = closing->t_ns, lost = 0;

	if (c->n == 0)
		c->start_ns = t_ns - (closing->window_ns < t_ns ? closing->window_ns : t_ns);
	struct epoch *now = advance(c, value[AGE], t_ns);

	now->lost = num_add(now->lost, closing->lost);
	steps_fold(&c->last, make_older, c);
	for (size_t i = c->first; i < c->n; i++)
		lost = num_add(lost, c->epoch[i].lost);

	result->wss = result->low = steps_pages(&c->last, 1);
	result->high = num_add(result->wss, lost);
	if (lost)
		result->note = note_lost;
	else if (t_ns - c->start_ns < value[AGE])
		result->note = note_warming;
}

static void put_ages(void *state, uint64_t t_ns, method_point *put, void *context)
{
	const struct cold *c = state;
	uint64_t *pages = or_die(calloc(STEPS_VALUE_MAX + 1, sizeof(*pages)));

	steps_histogram(&c->last, pages);
	for (size_t i = c->n; i-- > c->first;) {
		uint64_t n = pages[epoch_number(c->number - (c->n - 1 - i))];

		if (n)
			put(context, t_ns - c->epoch[i].end_ns, n);
	}
	free(pages);
}

static void release(void *state)
{
	struct cold *c = state;

	steps_release(&c->last);
	free(c->epoch);
}

const struct method method_cold = {
	.name = "cold",
	.help = "pages touched within the last `age`",
	.source = "A. Lagar-Cavilla et al.: Software-Defined Far Memory in Warehouse-Scale Computers, ASPLOS 2019",
	.parameters = parameters,
	.state_size = sizeof(struct cold),
	.pages = add_pages,
	.window = close_window,
	.ages = put_ages,
	.release = release,
};
