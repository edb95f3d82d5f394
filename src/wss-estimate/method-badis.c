/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * badis - sampling, as vmware does, while the VM has memory to spare; the ghost buffer, as geiger, when it has not. A
 * state says which of them counts:
 *
 *   V    sampling. To VG when it shows that the memory the VM has is nearly full.
 *   VG   the ghost buffer in a round with swap activity, else sampling. To G after some rounds in a row with it; back
 *        to V after as many without, once memory is no longer full.
 *   G    the ghost buffer. To V after as many rounds without swap activity.
 *
 * Sampling does not see pinned pages. A round of VG with swap activity tells how many they are: memory is full then.
 * The estimate is the largest moving average of the rounds of an hour.
 */
#include "ghost.h"
#include "method.h"
#include "sample.h"

#include "diag.h"

#include <stdlib.h>
#include <string.h>

enum { THRESHOLD, ROUNDS, AVERAGE, KEEP, VMWARE, GEIGER, N, SEED, SHARE };
enum { ONE_PPM = 1000000, AVERAGE_MAX = 1000 };

static const struct method_parameter parameters[] = {
	[THRESHOLD] = { "threshold", "share of its memory at which a VM may need more", OPT_PPM, 800000, 1, ONE_PPM },
	[ROUNDS] = { "rounds", "rounds in a row with swap activity, or without, that count", OPT_U64, 2, 1, 0 },
	[AVERAGE] = { "average", "rounds in a moving average", OPT_U64, 5, 1, AVERAGE_MAX },
	[KEEP] = { "keep", "time over which the largest average counts", OPT_NS, UINT64_C(3600000000000), 1, 0 },
	[VMWARE] = { "vmware", "length of a round with sampling", OPT_NS, UINT64_C(60000000000), 1, 0 },
	[GEIGER] = { "geiger", "length of a round without", OPT_NS, UINT64_C(30000000000), 1, 0 },
	[N] = { "n", "pages that are sampled", OPT_U64, 100, 1, SAMPLE_MAX },
	[SEED] = { "seed", "of the sampling", OPT_U64, 1, 0, 0 },
	[SHARE] = { "share", "of the blocks read again that would have stayed", OPT_PPM, 950000, 1, GHOST_SHARE_MAX },
	{ 0 },
};

enum state { V, VG, G };

struct badis {
	struct sample sample;
	struct ghost ghost;
	enum state state;
	bool begun;            /* a round has */
	uint64_t begin_ns, lost; /* of this round */
	bool swaps;            /* there was swap activity in the round before */
	uint64_t in_a_row;     /* rounds for which this has been so, since V */
	uint64_t pinned_ppm;   /* of the VM's memory */

	uint64_t *recent;      /* the last rounds, a ring */
	uint64_t rounds;       /* in all */
	uint64_t lossy_rounds; /* of the next ones, whose averages rest on one that lost events */
	struct average {
		uint64_t t_ns, pages;
	} *average;            /* from first to end: those that no later one reaches, the largest first */
	size_t first, end, room;
	uint64_t lossy_ns;     /* the last average that rests on lost events */
	bool lossy;            /* there is one */
};

static void touch_pages(void *state, const uint64_t *value, const struct rec_event *event)
{
	(void)value;
	sample_touch(&((struct badis *)state)->sample, event->gfn, known_or(event->pages, 1));
}

static void add_disk(void *state, const uint64_t *value, const struct rec_event *event)
{
	(void)value;
	ghost_disk(&((struct badis *)state)->ghost, event);
}

static void measure_pinned(struct badis *b, uint64_t actual_pages)
{
	uint64_t seen = sample_estimate(&b->sample);

	b->pinned_ppm = seen < actual_pages ? num_scale(actual_pages - seen, ONE_PPM, actual_pages) : 0;
}

/* What sampling shows, and the pinned pages. */
static uint64_t sampled(const struct badis *b, uint64_t actual_pages)
{
	uint64_t pages = num_add(sample_estimate(&b->sample), num_scale(actual_pages, b->pinned_ppm, ONE_PPM));

	return pages < actual_pages ? pages : actual_pages;
}

static enum state next_state(struct badis *b, uint64_t rounds, bool swaps, bool full)
{
	if (b->state == V) {
		b->in_a_row = 0;
		return full ? VG : V;
	}
	b->in_a_row = swaps == b->swaps ? b->in_a_row + 1 : 1;
	b->swaps = swaps;
	if (b->in_a_row < rounds)
		return b->state;
	if (swaps)
		return G;
	return b->state == VG && full ? VG : V;
}

static void make_room(struct badis *b)
{
	if (b->first > b->room / 2) {
		memmove(b->average, b->average + b->first, (b->end - b->first) * sizeof(*b->average));
		b->end -= b->first;
		b->first = 0;
	} else if (b->end == b->room) {
		b->room = b->room * 2 + 64;
		b->average = or_die(reallocarray(b->average, b->room, sizeof(*b->average)));
	}
}

static void add_round(struct badis *b, const uint64_t *value, uint64_t t_ns, uint64_t pages)
{
	uint64_t sum = 0, n, average;

	if (!b->recent)
		b->recent = or_die(calloc(value[AVERAGE], sizeof(*b->recent)));
	b->recent[b->rounds++ % value[AVERAGE]] = pages;
	n = b->rounds < value[AVERAGE] ? b->rounds : value[AVERAGE];
	for (size_t i = 0; i < n; i++)
		sum = num_add(sum, b->recent[i]);
	average = num_scale(sum, 1, n);

	while (b->end > b->first && b->average[b->end - 1].pages <= average)
		b->end--;
	make_room(b);
	b->average[b->end++] = (struct average){ t_ns, average };
	while (t_ns - b->average[b->first].t_ns >= value[KEEP])
		b->first++;
}

static void note_lost_events(struct badis *b, const uint64_t *value, uint64_t t_ns)
{
	if (b->lost)
		b->lossy_rounds = value[AVERAGE];
	if (b->lossy_rounds > 0) {
		b->lossy_rounds--;
		b->lossy_ns = t_ns;
		b->lossy = true;
	} else if (b->lossy && t_ns - b->lossy_ns >= value[KEEP]) {
		b->lossy = false;
	}
}

static void end_round(struct badis *b, const uint64_t *value, const struct rec_count *closing)
{
	uint64_t actual = closing->actual_pages, missing = ghost_missing(&b->ghost, value[SHARE]), pages;
	bool swaps = missing > 0, full;

	if (b->state == VG && swaps)
		measure_pinned(b, actual);
	pages = sampled(b, actual);
	full = actual == 0 || num_scale(pages, ONE_PPM, actual) >= value[THRESHOLD];
	if (b->state == G || (b->state == VG && swaps))
		pages = num_add(actual, missing);
	add_round(b, value, closing->t_ns, pages);
	note_lost_events(b, value, closing->t_ns);
	b->state = next_state(b, value[ROUNDS], swaps, full);
	b->begun = false;
}

static void close_window(void *state, const uint64_t *value, const struct rec_count *closing,
			 struct method_result *result)
{
	struct badis *b = state;
	bool is_frame = closing->blind == UNKNOWN || !(closing->blind & BLIND_GFN);
	/* UNKNOWN is too large. */
	bool has_size = closing->memory_pages >> GFN_BITS == 0 && closing->actual_pages >> GFN_BITS == 0;

	if (!has_size || !is_frame) {
		b->begun = false;
		result->note = note_no_data;
		return;
	}
	b->lost = num_add(b->lost, closing->lost);
	if (b->begun && closing->t_ns - b->begin_ns >= value[b->state == G ? GEIGER : VMWARE])
		end_round(b, value, closing);
	if (!b->begun) {
		sample_choose(&b->sample, value[N], value[SEED], closing->memory_pages);
		b->begun = true;
		b->begin_ns = closing->t_ns;
		b->lost = 0;
	}
	result->wss = b->rounds ? b->average[b->first].pages : UNKNOWN;
	result->note = b->lossy ? note_lost : b->rounds < value[AVERAGE] ? note_warming : TOKEN_NONE;
}

static void release(void *state)
{
	struct badis *b = state;

	sample_release(&b->sample);
	ghost_release(&b->ghost);
	free(b->recent);
	free(b->average);
}

const struct method method_badis = {
	.name = "badis",
	.help = "as vmware while the VM has memory to spare, as geiger when it swaps",
	.source = "V. Nitu et al.: Working set size estimation techniques in virtualized environments, SIGMETRICS 2018",
	.parameters = parameters,
	.state_size = sizeof(struct badis),
	.reference = touch_pages,
	.disk = add_disk,
	.window = close_window,
	.release = release,
};
