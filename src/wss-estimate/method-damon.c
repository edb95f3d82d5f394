/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * damon - as DAMON counts accesses: each window is a sample, in which a page was accessed or not; so many samples are an
 * aggregation, and pages accessed in at least n of them are in the working set. Page by page: without DAMON's regions,
 * which trade exactness for a bounded cost.
 */
#include "method.h"
#include "steps.h"

enum { N, SAMPLES };

static const struct method_parameter parameters[] = {
	[N] = { "n", "samples of an aggregation in which a page must have been accessed", OPT_U64, 1, 1, STEPS_VALUE_MAX },
	[SAMPLES] = { "samples", "windows of an aggregation", OPT_U64, 20, 1, STEPS_VALUE_MAX },
	{ 0 },
};

struct damon {
	struct steps accessed;   /* in how many samples */
	uint64_t samples, lost;  /* of this aggregation */
	struct method_result last; /* of the aggregation before */
	bool known;
};

static void add_pages(void *state, const uint64_t *value, const struct rec_count *row)
{
	struct damon *d = state;

	(void)value;
	steps_touch(&d->accessed, row->gfn, row->pages, method_events(row));
}

static unsigned add_sample(const void *context, unsigned number, unsigned touched)
{
	(void)context;
	return number + (touched > 0);
}

static void end_aggregation(struct damon *d, const uint64_t *value)
{
	uint64_t pages = steps_pages(&d->accessed, value[N]);

	d->last = (struct method_result){
		.wss = pages,
		.low = pages,
		.high = num_add(pages, d->lost), /* a lost event brings at most one page over n */
		.note = d->lost ? note_lost : TOKEN_NONE,
	};
	d->known = true;
	d->samples = d->lost = 0;
	steps_clear(&d->accessed);
}

static void close_window(void *state, const uint64_t *value, const struct rec_count *closing, struct method_result *result)
{
	struct damon *d = state;

	steps_fold(&d->accessed, add_sample, NULL);
	d->lost = num_add(d->lost, closing->lost);
	if (++d->samples == value[SAMPLES])
		end_aggregation(d, value);
	if (d->known)
		*result = d->last;
	else
		result->note = note_warming;
}

static void release(void *state)
{
	steps_release(&((struct damon *)state)->accessed);
}

const struct method method_damon = {
	.name = "damon",
	.help = "pages accessed in at least n windows of an aggregation",
	.source = "S. Park et al.: DAOS: Data Access-aware Operating System, HPDC 2022; Linux mm/damon",
	.parameters = parameters,
	.state_size = sizeof(struct damon),
	.pages = add_pages,
	.window = close_window,
	.release = release,
};
