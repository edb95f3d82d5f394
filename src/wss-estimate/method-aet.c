/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * aet - the miss-ratio curve from reuse times alone, without a stack: a page that is not used again sinks in the LRU stack
 * by as much, for each reference, as the share of references whose reuse time is longer than its own time there. The average
 * eviction time T of a memory of c pages solves c = sum of P(reuse time > t) for t below T; the miss ratio is P(T).
 *
 * Reuse times are counted in bins of 1/128 of an octave, so the histogram has a fixed size.
 */
#include "method.h"
#include "stackdist.h"

#include "diag.h"

#include <stdlib.h>
#include <string.h>

enum { MISS };
enum { BIN_BITS = 7, BINS = (64 - BIN_BITS + 1) << BIN_BITS };

static const struct method_parameter parameters[] = {
	[MISS] = { "miss", "miss ratio that is put up with", OPT_PPM, 10000, 1, 999999 },
	{ 0 },
};

/* When each page was referenced last. */
struct last {
	uint64_t key;          /* page + 1; 0 = free */
	uint64_t time;
};

struct state {
	struct last *last;     /* open addressing, room is a power of two */
	size_t pages, room;
	uint64_t now;          /* references so far */
	struct bin {
		uint64_t n, sum;
	} *reuse;              /* times of this window: how many in each bin, and their sum */
	uint64_t warm, cold;
};

/* 0..127 are themselves; then 128 bins for each octave. */
static size_t bin_of(uint64_t time)
{
	int octave = time >> BIN_BITS ? 63 - __builtin_clzll(time) - BIN_BITS + 1 : 0;

	return octave ? ((size_t)octave << BIN_BITS) + ((time >> (octave - 1)) & ((1 << BIN_BITS) - 1)) : time;
}

static size_t find_last(const struct state *s, uint64_t page)
{
	size_t at = stackdist_hash(page) & (s->room - 1);

	while (s->last[at].key && s->last[at].key != page + 1)
		at = (at + 1) & (s->room - 1);
	return at;
}

static void grow(struct state *s)
{
	struct state old = *s;

	s->room = old.room ? 2 * old.room : 1024;
	s->last = or_die(calloc(s->room, sizeof(*s->last)));
	for (size_t i = 0; i < old.room; i++)
		if (old.last[i].key)
			s->last[find_last(s, old.last[i].key - 1)] = old.last[i];
	free(old.last);
}

static void add_reference(void *state, const uint64_t *value, const struct rec_event *event)
{
	struct state *s = state;
	uint64_t pages = known_or(event->pages, 1);

	(void)value;
	if (!s->reuse)
		s->reuse = or_die(calloc(BINS, sizeof(*s->reuse)));
	for (uint64_t i = 0; i < pages; i++) {
		if (4 * (s->pages + 1) > 3 * s->room)
			grow(s);
		struct last *last = &s->last[find_last(s, event->gfn + i)];

		s->now++;
		if (last->key) {
			struct bin *bin = &s->reuse[bin_of(s->now - last->time)];

			bin->n++;
			bin->sum += s->now - last->time;
			s->warm++;
		} else {
			last->key = event->gfn + i + 1;
			s->pages++;
			s->cold++;
		}
		last->time = s->now;
	}
}

/* A memory that grows, from 0 pages, to where its miss ratio falls next. */
struct growth {
	size_t bin;
	uint64_t longer;       /* reuse times that are not in the bins before: the misses */
	double time, size;     /* average eviction time; pages */
};

/*
 * To the mean of the next bin's times; false when nothing misses any more. First references push pages down as well: their
 * reuse time is longer than any.
 */
static bool grow_memory(const struct state *s, struct growth *at)
{
	const struct bin *bin;
	double all = (double)s->warm + (double)s->cold, mean;

	if (!at->longer)
		return false;
	while (!s->reuse[at->bin].n)
		at->bin++;
	bin = &s->reuse[at->bin++];
	mean = (double)bin->sum / (double)bin->n;
	at->size += ((double)at->longer + (double)s->cold) / all * (mean - at->time);
	at->time = mean;
	at->longer -= bin->n;
	return true;
}

/* Pages of memory in which at most `miss` of the warm references miss. */
static double size_at(const struct state *s, double miss)
{
	struct growth at = { .longer = s->warm };

	while ((double)at.longer > miss * (double)s->warm && grow_memory(s, &at))
		;
	return at.size;
}

static void put_curve(void *state, method_point *put, void *context)
{
	const struct state *s = state;
	struct growth at = { .longer = s->warm };

	while (grow_memory(s, &at))
		put(context, (uint64_t)(at.size + 0.5), (uint64_t)((double)at.longer / (double)s->warm * 1e6 + 0.5));
}

static void close_window(void *state, const uint64_t *value, const struct rec_count *closing, struct method_result *result)
{
	struct state *s = state;
	double size = s->warm ? size_at(s, (double)value[MISS] / 1e6) : 0;
	double wss = size + (double)s->cold;

	result->wss = wss < (double)s->pages ? (uint64_t)(wss + 0.5) : s->pages;
	result->low = (uint64_t)size < result->wss ? (uint64_t)size : result->wss;
	result->high = num_add(result->wss, closing->lost);
	if (s->cold > s->warm)
		result->note = note_warming;
	if (s->reuse)
		memset(s->reuse, 0, BINS * sizeof(*s->reuse));
	s->warm = s->cold = 0;
}

static void release(void *state)
{
	struct state *s = state;

	free(s->last);
	free(s->reuse);
}

const struct method method_aet = {
	.name = "aet",
	.help = "as mrc, from reuse times alone",
	.source = "Hu et al.: Kinetic modeling of data eviction in cache, USENIX ATC 2016",
	.parameters = parameters,
	.state_size = sizeof(struct state),
	.reference = add_reference,
	.curve = put_curve,
	.window = close_window,
	.release = release,
};
