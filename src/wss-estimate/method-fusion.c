/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fusion - the pages of a trace that sees writes only, and how much memory was referenced in all, as a counter says: the
 * larger of the two. What was written was referenced too, if the counter looks at the same time; if not, the two overlap
 * somehow, and the set has at most the size of both together.
 */
#include "method.h"

static const struct method_parameter parameters[] = {
	{ 0 },
};
static const char *const counters[] = { "Referenced", NULL };

struct fusion {
	uint64_t pages;        /* touched in this window */
	uint64_t referenced_kib;
	bool known;
};

static void add_pages(void *state, const uint64_t *value, const struct rec_count *row)
{
	struct fusion *f = state;

	(void)value;
	if (method_events(row) > 0)
		f->pages = num_add(f->pages, row->pages);
}

static void set_counter(void *state, size_t which, const struct rec_counter *row)
{
	struct fusion *f = state;

	(void)which;
	f->referenced_kib = row->value;
	f->known = true;
}

static void close_window(void *state, const uint64_t *value, const struct rec_count *closing, struct method_result *result)
{
	struct fusion *f = state;
	uint64_t referenced = f->referenced_kib / KIB_PER_PAGE;

	(void)value;
	if (f->known) {
		result->wss = result->low = f->pages > referenced ? f->pages : referenced;
		result->high = num_add(num_add(f->pages, referenced), closing->lost);
		result->sees_reads = true;
	} else {
		result->note = note_no_data;
	}
	f->pages = 0;
}

const struct method method_fusion = {
	.name = "fusion",
	.help = "pages of the trace or the counter Referenced, whichever is more",
	.source = "ours",
	.parameters = parameters,
	.state_size = sizeof(struct fusion),
	.pages = add_pages,
	.window = close_window,
	.counters = counters,
	.counter = set_counter,
};
