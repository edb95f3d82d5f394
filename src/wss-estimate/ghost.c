/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ghost.h"

#include "diag.h"
#include "pagetab.h"

static void check_memory(bool ok)
{
	if (!ok)
		die(EX_OSERR, "out of memory");
}

static void evict(struct ghost *g, uint64_t block)
{
	pagetab_subtract(g->holders, block, 1, 0, 1);
	if (pagetab_get(g->holders, block, 0) == 0)
		stackdist_touch(&g->buffer, block);
}

static void move_block(struct ghost *g, uint64_t gfn, uint64_t block, bool is_read)
{
	uint64_t old = pagetab_get(g->held, gfn, 0);

	/* Its depth is that before the page it comes into was emptied for it. */
	if (is_read && pagetab_get(g->holders, block, 0) == 0) {
		uint64_t depth = stackdist_touch(&g->buffer, block);

		if (depth != STACKDIST_COLD)
			mrc_add(&g->again, depth, 1);
	}
	stackdist_remove(&g->buffer, block);
	check_memory(pagetab_add(g->holders, block, 1, 0, 1));
	check_memory(pagetab_set(g->held, gfn, 0, block + 1));
	if (old)
		evict(g, old - 1);
}

void ghost_disk(struct ghost *g, const struct rec_event *event)
{
	uint64_t pages = known_or(event->pages, 1);

	if (event->gfn == UNKNOWN || event->arg >> GFN_BITS || (event->arg + pages) >> GFN_BITS)
		return;
	if (!g->held) {
		g->held = or_die(pagetab_new());
		g->holders = or_die(pagetab_new());
	}
	for (uint64_t i = 0; i < pages; i++)
		move_block(g, event->gfn + i, event->arg + i, event->event == event_bread);
}

uint64_t ghost_missing(struct ghost *g, uint64_t share_ppm)
{
	enum { ONE_PPM = 1000000 };
	uint64_t pages = mrc_depth_at(&g->again, (double)(ONE_PPM - share_ppm) / ONE_PPM);

	mrc_clear(&g->again);
	return pages;
}

void ghost_release(struct ghost *g)
{
	if (g->held) {
		pagetab_free(g->held);
		pagetab_free(g->holders);
	}
	stackdist_release(&g->buffer);
	mrc_release(&g->again);
}
