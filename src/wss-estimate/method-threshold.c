/* SPDX-License-Identifier: GPL-2.0-or-later */
/* threshold - the pages with at least m events in the window; m = 1: every page that was touched. */
#include "method.h"

enum { M };

static const struct method_parameter parameters[] = {
	[M] = { "m", "events a page needs in the window", OPT_U64, 1, 1, 0 },
	{ 0 },
};

struct threshold {
	uint64_t pages;
};

static void add_pages(void *state, const uint64_t *value, const struct rec_count *row)
{
	struct threshold *t = state;

	if (method_events(row) >= value[M])
		t->pages = num_add(t->pages, row->pages);
}

static void close_window(void *state, const uint64_t *value, const struct rec_count *closing, struct method_result *result)
{
	struct threshold *t = state;

	(void)value;
	result->wss = result->low = t->pages;
	/* A lost event lifts at most one page over the threshold. */
	result->high = num_add(t->pages, closing->lost);
	t->pages = 0;
}

const struct method method_threshold = {
	.name = "threshold",
	.help = "pages with at least m events in the window",
	.source = "S. Bitchebe: working-set size by PML, minimum threshold m",
	.parameters = parameters,
	.state_size = sizeof(struct threshold),
	.pages = add_pages,
	.window = close_window,
};
