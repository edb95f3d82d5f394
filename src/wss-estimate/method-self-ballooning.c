/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * self-ballooning - what the guest's processes were promised: its counter Committed_AS. Page cache is not in it, and memory
 * that was allocated and never touched is.
 */
#include "method.h"

static const struct method_parameter parameters[] = {
	{ 0 },
};
static const char *const counters[] = { "Committed_AS", NULL };

struct self_ballooning {
	uint64_t committed_kib;
	bool known;
};

static void set_counter(void *state, size_t which, const struct rec_counter *row)
{
	(void)which;
	*(struct self_ballooning *)state = (struct self_ballooning){ row->value, true };
}

static void close_window(void *state, const uint64_t *value, const struct rec_count *closing, struct method_result *result)
{
	const struct self_ballooning *s = state;

	(void)value;
	(void)closing;
	result->note = s->known ? TOKEN_NONE : note_no_data;
	if (s->known)
		result->wss = s->committed_kib / KIB_PER_PAGE;
}

const struct method method_self_ballooning = {
	.name = "self-ballooning",
	.help = "the guest's Committed_AS",
	.source = "D. Magenheimer: Memory Overcommit... without the Commitment, Xen Summit 2008",
	.parameters = parameters,
	.state_size = sizeof(struct self_ballooning),
	.window = close_window,
	.counters = counters,
	.counter = set_counter,
};
