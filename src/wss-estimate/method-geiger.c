/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * geiger - how much memory is missing, from disk traffic alone (ghost.h). The working set is the memory the VM has and as
 * many pages more as would have kept `share` of the blocks that were read again.
 */
#include "ghost.h"
#include "method.h"

enum { SHARE, INTERVAL };

static const struct method_parameter parameters[] = {
	[SHARE] = { "share", "of the blocks read again that would have stayed", OPT_PPM, 950000, 1, GHOST_SHARE_MAX },
	[INTERVAL] = { "interval", "time between two estimates", OPT_NS, UINT64_C(30000000000), 1, 0 },
	{ 0 },
};

struct geiger {
	struct ghost ghost;
	uint64_t begin_ns, lost; /* of this interval */
	bool begun;
	struct method_result last; /* of the interval before */
};

static void add_disk(void *state, const uint64_t *value, const struct rec_event *event)
{
	(void)value;
	ghost_disk(&((struct geiger *)state)->ghost, event);
}

static void end_interval(struct geiger *g, const uint64_t *value, const struct rec_count *closing)
{
	uint64_t missing = ghost_missing(&g->ghost, value[SHARE]);

	g->last = (struct method_result){ .wss = UNKNOWN, .low = UNKNOWN, .high = UNKNOWN, .note = note_no_data };
	if (missing > 0 && closing->actual_pages != UNKNOWN) {
		g->last.wss = num_add(closing->actual_pages, missing);
		g->last.note = g->lost ? note_lost : TOKEN_NONE;
	}
	g->lost = 0;
	g->begin_ns = closing->t_ns;
}

static void close_window(void *state, const uint64_t *value, const struct rec_count *closing, struct method_result *result)
{
	struct geiger *g = state;

	if (!g->begun) {
		g->begun = true;
		g->begin_ns = closing->t_ns - closing->window_ns;
		g->last = (struct method_result){ .wss = UNKNOWN, .low = UNKNOWN, .high = UNKNOWN, .note = note_warming };
	}
	g->lost = num_add(g->lost, closing->lost);
	if (closing->t_ns - g->begin_ns >= value[INTERVAL])
		end_interval(g, value, closing);
	*result = g->last;
}

static void release(void *state)
{
	ghost_release(&((struct geiger *)state)->ghost);
}

const struct method method_geiger = {
	.name = "geiger",
	.help = "memory the VM has, and what would have kept most of the evicted blocks that were read again",
	.source = "S. Jones, A. and R. Arpaci-Dusseau: Geiger: monitoring the buffer cache, ASPLOS 2006",
	.parameters = parameters,
	.state_size = sizeof(struct geiger),
	.disk = add_disk,
	.window = close_window,
	.release = release,
};
