/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * shards - the miss-ratio curve of a sample: pages whose hash is below a threshold. At a fixed rate, or with a fixed number
 * of pages, for which the threshold sinks as pages come. Depths count 1/rate each. The references that the sample holds too
 * few or too many of are added to the least depth (SHARDS-adj).
 */
#include "method.h"
#include "mrc-result.h"
#include "mrc.h"
#include "stackdist.h"

#include "diag.h"

#include <stdlib.h>

enum { RATE, SIZE, MISS };
enum { HASH_BITS = 24 };

static const struct method_parameter parameters[] = {
	[RATE] = { "rate", "share of the pages that is sampled, at first", OPT_PPM, 10000, 1, 1000000 },
	[SIZE] = { "size", "the most pages in the sample; 0: no limit", OPT_U64, 0, 0, UINT64_C(1) << 32 },
	[MISS] = { "miss", "miss ratio that is put up with", OPT_PPM, 10000, 1, 999999 },
	{ 0 },
};

/* A sampled page in a heap, the largest hash first. */
struct sampled {
	uint64_t hash, page;
};

struct state {
	struct stackdist stack;
	struct mrc mrc;            /* of this window; depths are those in the sample, weights are 1 */
	uint64_t threshold;        /* 0: not begun */
	struct sampled *heap;      /* with a size only */
	size_t n, room;
	uint64_t references;       /* all of this window, */
	double sampled;            /* and those of the sample, as the rate is now */
};

static uint64_t hash_of(uint64_t page)
{
	return stackdist_hash(page) >> (64 - HASH_BITS);
}

static double rate_of(const struct state *s)
{
	return (double)s->threshold / (double)(UINT64_C(1) << HASH_BITS);
}

static void heap_push(struct state *s, struct sampled new)
{
	size_t at = s->n++;

	if (s->n > s->room) {
		s->room = s->room ? 2 * s->room : 1024;
		s->heap = or_die(reallocarray(s->heap, s->room, sizeof(*s->heap)));
	}
	for (; at > 0 && s->heap[(at - 1) / 2].hash < new.hash; at = (at - 1) / 2)
		s->heap[at] = s->heap[(at - 1) / 2];
	s->heap[at] = new;
}

static void heap_pop(struct state *s)
{
	struct sampled last = s->heap[--s->n];
	size_t at = 0, child;

	while ((child = 2 * at + 1) < s->n) {
		if (child + 1 < s->n && s->heap[child + 1].hash > s->heap[child].hash)
			child++;
		if (s->heap[child].hash <= last.hash)
			break;
		s->heap[at] = s->heap[child];
		at = child;
	}
	s->heap[at] = last;
}

/* Leaves out the pages with the largest hashes, and counts what was seen so far as if they had never been in. */
static void lower_threshold(struct state *s, uint64_t size)
{
	double before = rate_of(s);

	while (s->n > size - size / 8 || (s->n && s->heap[0].hash >= s->threshold)) {
		s->threshold = s->heap[0].hash < s->threshold ? s->heap[0].hash : s->threshold;
		stackdist_remove(&s->stack, s->heap[0].page);
		heap_pop(s);
	}
	mrc_shrink(&s->mrc, rate_of(s) / before);
	s->sampled *= rate_of(s) / before;
}

static void add_page(struct state *s, uint64_t page, uint64_t size)
{
	uint64_t hash = hash_of(page), depth;

	if (hash >= s->threshold)
		return;
	s->sampled++;
	depth = stackdist_touch(&s->stack, page);
	if (depth != STACKDIST_COLD) {
		mrc_add(&s->mrc, depth, 1);
		return;
	}
	s->mrc.cold++;
	if (!size)
		return;
	heap_push(s, (struct sampled){ hash, page });
	if (s->n > size)
		lower_threshold(s, size);
}

static void add_reference(void *state, const uint64_t *value, const struct rec_event *event)
{
	struct state *s = state;
	uint64_t pages = known_or(event->pages, 1);

	if (!s->threshold)
		s->threshold = num_scale(UINT64_C(1) << HASH_BITS, value[RATE], 1000000);
	if (!s->threshold)
		s->threshold = 1;
	s->references = num_add(s->references, pages);
	for (uint64_t i = 0; i < pages; i++)
		add_page(s, event->gfn + i, value[SIZE]);
}

/* SHARDS-adj: the references that the sample should have had beside those it had. Does nothing the second time. */
static void adjust(struct state *s)
{
	double expected = (double)s->references * rate_of(s);

	if (s->mrc.warm > 0)
		mrc_add(&s->mrc, 1, expected - s->sampled);
	s->sampled = expected;
}

static void put_curve(void *state, method_point *put, void *context)
{
	struct state *s = state;

	if (!s->threshold)
		return;
	adjust(s);
	mrc_curve(&s->mrc, rate_of(s), put, context);
}

static void close_window(void *state, const uint64_t *value, const struct rec_count *closing, struct method_result *result)
{
	struct state *s = state;

	adjust(s);
	mrc_result(&s->mrc, value[MISS], s->threshold ? rate_of(s) : 1, s->stack.pages, closing, result);
	mrc_clear(&s->mrc);
	s->references = 0;
	s->sampled = 0;
}

static void release(void *state)
{
	struct state *s = state;

	stackdist_release(&s->stack);
	mrc_release(&s->mrc);
	free(s->heap);
}

const struct method method_shards = {
	.name = "shards",
	.help = "as mrc, from a sample of the pages",
	.source = "Waldspurger et al.: Efficient MRC construction with SHARDS, FAST 2015",
	.parameters = parameters,
	.state_size = sizeof(struct state),
	.reference = add_reference,
	.curve = put_curve,
	.window = close_window,
	.release = release,
};
