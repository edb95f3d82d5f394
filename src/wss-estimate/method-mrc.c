/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mrc - the LRU memory in which no more than a given share of the references would miss, from exact stack depths. */
#include "method.h"
#include "mrc-result.h"
#include "mrc.h"
#include "stackdist.h"

enum { MISS };

static const struct method_parameter parameters[] = {
	[MISS] = { "miss", "miss ratio that is put up with", OPT_PPM, 10000, 1, 999999 },
	{ 0 },
};

struct state {
	struct stackdist stack;
	struct mrc mrc;        /* of this window */
};

static void add_reference(void *state, const uint64_t *value, const struct rec_event *event)
{
	struct state *s = state;
	uint64_t pages = known_or(event->pages, 1);

	(void)value;
	for (uint64_t i = 0; i < pages; i++) {
		uint64_t depth = stackdist_touch(&s->stack, event->gfn + i);

		if (depth == STACKDIST_COLD)
			s->mrc.cold++;
		else
			mrc_add(&s->mrc, depth, 1);
	}
}

static void put_curve(void *state, method_point *put, void *context)
{
	mrc_curve(&((struct state *)state)->mrc, 1, put, context);
}

static void close_window(void *state, const uint64_t *value, const struct rec_count *closing, struct method_result *result)
{
	struct state *s = state;

	mrc_result(&s->mrc, value[MISS], 1, s->stack.pages, closing, result);
	mrc_clear(&s->mrc);
}

static void release(void *state)
{
	struct state *s = state;

	stackdist_release(&s->stack);
	mrc_release(&s->mrc);
}

const struct method method_mrc = {
	.name = "mrc",
	.help = "miss-ratio curve by exact stack depths: the memory in which at most `miss` of the references miss",
	.source = "Mattson et al.: Evaluation techniques for storage hierarchies, IBM Systems Journal 9 (1970)",
	.parameters = parameters,
	.state_size = sizeof(struct state),
	.reference = add_reference,
	.curve = put_curve,
	.window = close_window,
	.release = release,
};
