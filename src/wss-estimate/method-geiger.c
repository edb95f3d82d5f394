/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * geiger - how much memory is missing, from disk traffic alone. The block that was last read into or written from a page is
 * what the page holds; when another block comes into it, the old one was evicted, and goes to the front of a ghost buffer.
 * A block read again from there at depth D would have stayed in a memory of D pages more. The working set is the memory
 * the VM has and as many pages more as would have kept `share` of the blocks that were read again.
 */
#include "method.h"
#include "mrc.h"
#include "stackdist.h"

#include "../common/diag.h"
#include "../common/pagetab.h"

enum { SHARE, INTERVAL };
enum { ONE_PPM = 1000000 };

static const struct method_parameter parameters[] = {
	[SHARE] = { "share", "of the blocks read again that would have stayed", OPT_PPM, 950000, 1, ONE_PPM - 1 },
	[INTERVAL] = { "interval", "time between two estimates", OPT_NS, UINT64_C(30000000000), 1, 0 },
	{ 0 },
};

struct geiger {
	struct pagetab *held;    /* by page: the block that it holds, and 1 */
	struct pagetab *holders; /* by block: pages that hold it */
	struct stackdist ghost;  /* blocks, in order of eviction */
	struct mrc again;        /* depths of blocks read again, in this interval */
	uint64_t begin_ns, lost; /* of it */
	bool begun;
	struct method_result last; /* of the interval before */
};

static void check_memory(bool ok)
{
	if (!ok)
		die(EX_OSERR, "out of memory");
}

static void evict(struct geiger *g, uint64_t block)
{
	pagetab_subtract(g->holders, block, 1, 0, 1);
	if (pagetab_get(g->holders, block, 0) == 0)
		stackdist_touch(&g->ghost, block);
}

static void move_block(struct geiger *g, uint64_t gfn, uint64_t block, bool is_read)
{
	uint64_t old = pagetab_get(g->held, gfn, 0);

	/* Its depth is that before the page it comes into was emptied for it. */
	if (is_read && pagetab_get(g->holders, block, 0) == 0) {
		uint64_t depth = stackdist_touch(&g->ghost, block);

		if (depth != STACKDIST_COLD)
			mrc_add(&g->again, depth, 1);
	}
	stackdist_remove(&g->ghost, block);
	check_memory(pagetab_add(g->holders, block, 1, 0, 1));
	check_memory(pagetab_set(g->held, gfn, 0, block + 1));
	if (old)
		evict(g, old - 1);
}

static void add_disk(void *state, const uint64_t *value, const struct rec_event *event)
{
	struct geiger *g = state;
	uint64_t pages = known_or(event->pages, 1);

	(void)value;
	if (event->gfn == UNKNOWN || event->arg >> GFN_BITS || (event->arg + pages) >> GFN_BITS)
		return;
	if (!g->held) {
		g->held = or_die(pagetab_new());
		g->holders = or_die(pagetab_new());
	}
	for (uint64_t i = 0; i < pages; i++)
		move_block(g, event->gfn + i, event->arg + i, event->event == event_bread);
}

static void end_interval(struct geiger *g, const uint64_t *value, const struct rec_count *closing)
{
	double miss = (double)(ONE_PPM - value[SHARE]) / ONE_PPM;

	g->last = (struct method_result){ .wss = UNKNOWN, .low = UNKNOWN, .high = UNKNOWN, .note = note_no_data };
	if (g->again.warm > 0 && closing->actual_pages != UNKNOWN) {
		g->last.wss = num_add(closing->actual_pages, mrc_depth_at(&g->again, miss));
		g->last.note = g->lost ? note_lost : TOKEN_NONE;
	}
	mrc_clear(&g->again);
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
	struct geiger *g = state;

	if (g->held) {
		pagetab_free(g->held);
		pagetab_free(g->holders);
	}
	stackdist_release(&g->ghost);
	mrc_release(&g->again);
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
