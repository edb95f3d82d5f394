/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reuse - a page belongs to the working set when it is used again, and until then as likely as pages like it were. Our
 * own, made from what the comparison of the published methods teaches (docs/evaluation.md).
 *
 * Pages differ by how long they rest (windows since the last touch) and by whether they were touched in one window or in
 * more since they came. The last windows tell of each kind which share came back. A page that rested for MEMORY windows is
 * forgotten; it would be new.
 */
#include "method.h"
#include "steps.h"

#include <stdbool.h>

enum { MEMORY = 120, WATCHED = 8 }; /* windows: that a page is remembered; that shares are taken from */

/*
 * The number of a page: 0 is unknown; NEW came in this window; rested() by its kind and by how long it rests, 1 to
 * MEMORY - 1; returned() touched in this window, by what it was before: its kind, and 0 to MEMORY - 1 windows of rest.
 */
enum { ONCE, OFTEN, KINDS };
enum { UNSEEN, NEW, RETURNED, RESTED = RETURNED + KINDS * MEMORY, NUMBERS = RESTED + KINDS * MEMORY };

static unsigned returned(unsigned kind, unsigned rest)
{
	return RETURNED + kind * MEMORY + rest;
}

static unsigned rested(unsigned kind, unsigned rest)
{
	return RESTED + kind * MEMORY + rest;
}

/* Pages by kind and rest. */
struct rests {
	uint64_t pages[KINDS][MEMORY];
};

struct reuse {
	struct steps page;
	struct rests before;                   /* pages that can come back in this window */
	struct rests could[WATCHED], did[WATCHED]; /* come back: the last windows */
	uint64_t lost[WATCHED];
	uint64_t windows;
};

enum { AHEAD };

static const struct method_parameter parameters[] = {
	[AHEAD] = { "ahead", "windows in which a page must be used again to be needed", OPT_U64, 30, 1, MEMORY },
	{ 0 },
};

static void add_pages(void *state, const uint64_t *value, const struct rec_count *row)
{
	struct reuse *r = state;

	(void)value;
	steps_touch(&r->page, row->gfn, row->pages, method_events(row));
}

static unsigned next_number(const void *context, unsigned number, unsigned touched)
{
	unsigned kind = number == NEW ? ONCE : OFTEN, rest = 0;

	(void)context;
	if (number == UNSEEN)
		return touched ? NEW : UNSEEN;
	if (number >= RESTED) {
		kind = (number - RESTED) / MEMORY;
		rest = (number - RESTED) % MEMORY;
	}
	if (touched)
		return returned(kind, rest);
	return rest + 1 < MEMORY ? rested(kind, rest + 1) : UNSEEN;
}

/* Which pages came back in this window, and which may in the next. */
static void learn(struct reuse *r, const uint64_t *pages)
{
	struct rests *did = &r->did[r->windows % WATCHED], *before = &r->before;

	r->could[r->windows % WATCHED] = *before;
	*before = (struct rests){ .pages[ONCE][0] = pages[NEW] };
	for (unsigned kind = 0; kind < KINDS; kind++)
		for (unsigned rest = 0; rest < MEMORY; rest++) {
			did->pages[kind][rest] = pages[returned(kind, rest)];
			before->pages[OFTEN][0] += pages[returned(kind, rest)];
			if (rest > 0)
				before->pages[kind][rest] = pages[rested(kind, rest)];
		}
	r->windows++;
}

/* The share that came back of the pages of a kind that had rested so long, in `n` windows; negative: there were none. */
static double share_in(const struct reuse *r, size_t first, size_t n, unsigned kind, unsigned rest)
{
	double could = 0, did = 0;

	for (size_t i = first; i < first + n; i++) {
		could += (double)r->could[i % WATCHED].pages[kind][rest];
		did += (double)r->did[i % WATCHED].pages[kind][rest];
	}
	return could > 0 ? did / could : -1;
}

/* Pages that leave the set pull the share of the others down for a while: the better half of the windows counts. */
static double share(const struct reuse *r, unsigned kind, unsigned rest)
{
	double older = share_in(r, r->windows, WATCHED / 2, kind, rest);
	double newer = share_in(r, r->windows + WATCHED / 2, WATCHED / 2, kind, rest);

	return older > newer ? older : newer;
}

/* The share of those that had rested for longer than half of the time in which the VM was watched; 0 when there were none. */
static double long_share(const struct reuse *r, unsigned kind)
{
	double could = 0, did = 0;

	for (size_t i = 0; i < WATCHED; i++)
		for (uint64_t rest = r->windows / 2; rest < MEMORY; rest++) {
			could += (double)r->could[i].pages[kind][rest];
			did += (double)r->did[i].pages[kind][rest];
		}
	return could > 0 ? did / could : 0;
}

/*
 * How likely each page of a kind comes back in the windows ahead, by its rest. Where no page was seen to rest for so
 * long, none comes back; but when the VM was not watched for so long either, as many as after the longest rests that were
 * seen, and at the very begin all. False: pages of this kind were not watched for long enough to tell.
 */
static bool returns(const struct reuse *r, uint64_t ahead, unsigned kind, double *likely)
{
	bool watched = true;
	double unseen = r->windows <= WATCHED ? 1 : long_share(r, kind);

	for (unsigned rest = 0; rest < MEMORY; rest++) {
		likely[rest] = share(r, kind, rest);
		if (likely[rest] >= 0)
			continue;
		watched &= rest >= WATCHED;
		likely[rest] = rest + 2 < r->windows ? 0 : unseen;
	}
	for (unsigned rest = 0; rest < MEMORY; rest++) {
		double stays_away = 1;

		for (unsigned k = rest; k < MEMORY && k < rest + ahead; k++)
			stays_away *= 1 - likely[k];
		likely[rest] = 1 - stays_away;
	}
	return watched;
}

/* The pages of a kind that will come back: those that rest, and the new ones. */
static double expected(const struct reuse *r, uint64_t ahead, const uint64_t *pages, unsigned kind)
{
	double likely[MEMORY], sum = 0;
	bool watched = returns(r, ahead, kind, likely);

	for (unsigned rest = 1; rest < MEMORY; rest++)
		sum += (double)pages[rested(kind, rest)] * likely[rest];
	if (kind == ONCE) /* new ones in full until some were watched */
		sum += (double)pages[NEW] * (watched ? likely[0] : 1);
	return sum;
}

static uint64_t sum_of(const uint64_t *pages, unsigned first, unsigned end)
{
	uint64_t sum = 0;

	for (unsigned i = first; i < end; i++)
		sum = num_add(sum, pages[i]);
	return sum;
}

static void close_window(void *state, const uint64_t *value, const struct rec_count *closing, struct method_result *result)
{
	struct reuse *r = state;
	uint64_t pages[NUMBERS] = { 0 };
	uint64_t again, lost;

	steps_fold(&r->page, next_number, NULL);
	steps_histogram(&r->page, pages);
	r->lost[r->windows % WATCHED] = closing->lost;
	learn(r, pages);

	again = sum_of(pages, RETURNED, RESTED);
	lost = sum_of(r->lost, 0, WATCHED);
	result->wss = again + (uint64_t)(expected(r, value[AHEAD], pages, ONCE) + expected(r, value[AHEAD], pages, OFTEN) + 0.5);
	result->low = again + pages[NEW] < result->wss ? again + pages[NEW] : result->wss;
	result->high = num_add(again + sum_of(pages, NEW, RETURNED) + sum_of(pages, RESTED, NUMBERS), lost);
	if (lost)
		result->note = note_lost;
	else if (r->windows < WATCHED)
		result->note = note_warming;
}

static void release(void *state)
{
	steps_release(&((struct reuse *)state)->page);
}

const struct method method_reuse = {
	.name = "reuse",
	.help = "pages that will be used again, as far as pages like them were; the default",
	.source = "our own: docs/evaluation.md",
	.parameters = parameters,
	.state_size = sizeof(struct reuse),
	.pages = add_pages,
	.window = close_window,
	.release = release,
};
