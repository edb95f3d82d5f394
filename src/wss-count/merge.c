/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "merge.h"

#include "diag.h"
#include "num.h"
#include "record.h"
#include "tool.h"
#include "runs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { WRITES, READS, ACCESSES };

struct part {
	struct rec_in *in;
	struct rec_count row; /* the next one */
	bool ended;
};

/* What one part knows of a window's pages, in one address space. */
struct piece {
	const char *vm;
	uint64_t window_ns, asid;
	struct runs runs;
	/* The walk through them: what is left of a run. */
	size_t at;
	struct run run;
};

/* All windows that end at one time. */
struct batch {
	uint64_t t_ns;
	struct piece *piece;
	struct rec_count *closing; /* one for each window */
	size_t pieces, pieces_size, closings, closings_size;
};

/* ---- in ---- */

static void next_row(struct part *part)
{
	uint64_t before_ns = part->row.t_ns;

	part->ended = !rec_next(part->in, &part->row);
	if (!part->ended && part->row.t_ns < before_ns)
		rec_die(part->in, "column 't_ns': goes back from %" PRIu64 " to %" PRIu64, before_ns, part->row.t_ns);
}

static struct piece *new_piece(struct batch *batch, const struct rec_count *row)
{
	if (batch->pieces == batch->pieces_size) {
		batch->pieces_size = 2 * batch->pieces_size + 8;
		batch->piece = or_die(reallocarray(batch->piece, batch->pieces_size, sizeof(*batch->piece)));
	}
	struct piece *piece = &batch->piece[batch->pieces++];

	*piece = (struct piece){ .vm = row->vm, .window_ns = row->window_ns, .asid = row->asid };
	return piece;
}

static void put_pages(struct piece *piece, const struct part *part)
{
	const struct rec_count *row = &part->row;
	struct run run = { row->gfn, row->pages, { row->writes, row->reads, row->accesses } };

	if (row->gfn < piece->runs.end)
		rec_die(part->in, "column 'gfn': %" PRIu64 " is not behind the run before", row->gfn);
	if (!runs_put(&piece->runs, &run))
		or_die(NULL);
}

static void must_agree(struct rec_in *in, const char *column, uint64_t here, uint64_t there)
{
	char text[2][NUM_MAX] = { "empty", "empty" };

	if (here == there)
		return;
	if (here != UNKNOWN)
		*num_put_u64(text[0], here) = '\0';
	if (there != UNKNOWN)
		*num_put_u64(text[1], there) = '\0';
	rec_die(in, "column '%s': %s, but %s in another part's row of this window", column, text[0], text[1]);
}

static void put_closing(struct batch *batch, const struct part *part)
{
	const struct rec_count *row = &part->row;

	for (size_t i = 0; i < batch->closings; i++) {
		struct rec_count *other = &batch->closing[i];

		if (other->vm != row->vm || other->window_ns != row->window_ns)
			continue;
		must_agree(part->in, "memory_pages", row->memory_pages, other->memory_pages);
		must_agree(part->in, "actual_pages", row->actual_pages, other->actual_pages);
		must_agree(part->in, "asked_ns", row->asked_ns, other->asked_ns);
		must_agree(part->in, "blind", row->blind, other->blind);
		if (row->lost != UNKNOWN)
			other->lost = num_add(known_or(other->lost, 0), row->lost);
		return;
	}
	if (batch->closings == batch->closings_size) {
		batch->closings_size = 2 * batch->closings_size + 8;
		batch->closing = or_die(reallocarray(batch->closing, batch->closings_size, sizeof(*row)));
	}
	batch->closing[batch->closings++] = *row;
}

/* The rows of one window, the closing one included. */
static void read_window(struct batch *batch, struct part *part)
{
	const struct rec_count first = part->row;
	struct piece *piece = NULL;
	uint64_t total = 0;

	while (part->row.gfn != UNKNOWN) {
		if (!piece || piece->asid != part->row.asid)
			piece = new_piece(batch, &part->row);
		put_pages(piece, part);
		total = num_add(total, part->row.pages);
		next_row(part);
		if (part->ended && tool_stop)
			return;
		if (part->ended || part->row.t_ns != first.t_ns || part->row.vm != first.vm ||
		    part->row.window_ns != first.window_ns)
			rec_die(part->in, "no closing row of VM '%.64s' for %" PRIu64, first.vm, first.t_ns);
	}
	if (part->row.pages != total)
		rec_die(part->in, "column 'pages': %" PRIu64 ", but the rows of this window have %" PRIu64,
			part->row.pages, total);
	put_closing(batch, part);
	next_row(part);
}

/* The windows that end first. False when there are none, or a signal cut them off. */
static bool read_batch(struct batch *batch, struct part *part, int parts)
{
	bool any = false;

	for (int i = 0; i < parts; i++)
		if (!part[i].ended && (!any || part[i].row.t_ns < batch->t_ns)) {
			batch->t_ns = part[i].row.t_ns;
			any = true;
		}
	for (int i = 0; i < parts; i++) {
		while (!part[i].ended && part[i].row.t_ns == batch->t_ns)
			read_window(batch, &part[i]);
		if (part[i].ended && tool_stop)
			return false;
	}
	return any;
}

/* ---- out ---- */

static int by_number(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int by_window(const char *vm_a, uint64_t window_a_ns, const char *vm_b, uint64_t window_b_ns)
{
	int order = strcmp(vm_a, vm_b);

	return order ? order : by_number(window_a_ns, window_b_ns);
}

static int closing_order(const void *left, const void *right)
{
	const struct rec_count *a = left, *b = right;

	return by_window(a->vm, a->window_ns, b->vm, b->window_ns);
}

static int piece_order(const void *left, const void *right)
{
	const struct piece *a = left, *b = right;
	int order = by_window(a->vm, a->window_ns, b->vm, b->window_ns);

	return order ? order : by_number(a->asid, b->asid);
}

static void put_run(struct rec_out *out, const struct rec_count *closing, uint64_t asid, const struct run *run)
{
	rec_put(out, &(struct rec_count){
		.t_ns = closing->t_ns,
		.window_ns = closing->window_ns,
		.vm = closing->vm,
		.asid = asid,
		.gfn = run->gfn,
		.pages = run->pages,
		.writes = run->count[WRITES],
		.reads = run->count[READS],
		.accesses = run->count[ACCESSES],
		.lost = UNKNOWN,
		.memory_pages = UNKNOWN,
		.actual_pages = UNKNOWN,
		.asked_ns = UNKNOWN,
		.blind = UNKNOWN,
	});
}

/*
 * Takes the first pages that all pieces see alike off them: from the lowest number to where the next run begins or one
 * ends. False when nothing is left.
 */
static bool take_pages(struct piece *piece, size_t pieces, struct run *sum)
{
	uint64_t from = UINT64_MAX, until = UINT64_MAX;

	for (size_t i = 0; i < pieces; i++) {
		struct run *run = &piece[i].run;

		if (run->pages == 0 && !runs_next(&piece[i].runs, &piece[i].at, run))
			continue;
		if (run->gfn < from) {
			until = from;
			from = run->gfn;
		}
		if (run->gfn > from && run->gfn < until)
			until = run->gfn;
		if (run->gfn == from && run->gfn + run->pages < until)
			until = run->gfn + run->pages;
	}
	*sum = (struct run){ .gfn = from, .pages = until - from };
	for (size_t i = 0; i < pieces; i++) {
		struct run *run = &piece[i].run;

		if (run->pages == 0 || run->gfn != from)
			continue;
		for (unsigned which = 0; which < PAGETAB_COUNTS; which++)
			sum->count[which] = num_add(sum->count[which], run->count[which]); /* unknown stays so */
		run->gfn = until;
		run->pages -= sum->pages;
	}
	return sum->pages != 0;
}

/* Writes the sum of pieces of one window and address space; returns the number of pages. */
static uint64_t put_sum(struct rec_out *out, const struct rec_count *closing, struct piece *piece, size_t pieces)
{
	struct run open = { 0 }, sum;
	uint64_t total = 0;

	while (take_pages(piece, pieces, &sum)) {
		total += sum.pages;
		if (open.pages && sum.gfn == open.gfn + open.pages &&
		    memcmp(sum.count, open.count, sizeof(sum.count)) == 0) {
			open.pages += sum.pages;
			continue;
		}
		if (open.pages)
			put_run(out, closing, piece->asid, &open);
		open = sum;
	}
	if (open.pages)
		put_run(out, closing, piece->asid, &open);
	return total;
}

static void put_batch(struct rec_out *out, struct batch *batch)
{
	struct piece *piece = batch->piece, *end = piece + batch->pieces;

	if (batch->pieces)
		qsort(piece, batch->pieces, sizeof(*piece), piece_order);
	if (batch->closings)
		qsort(batch->closing, batch->closings, sizeof(*batch->closing), closing_order);
	for (size_t i = 0; i < batch->closings; i++) {
		struct rec_count *closing = &batch->closing[i];

		closing->pages = 0;
		while (piece < end && piece->vm == closing->vm && piece->window_ns == closing->window_ns) {
			size_t same = 1;

			while (piece + same < end && piece_order(piece, piece + same) == 0)
				same++;
			closing->pages = num_add(closing->pages, put_sum(out, closing, piece, same));
			piece += same;
		}
		rec_put(out, closing);
	}
}

static void empty_batch(struct batch *batch)
{
	for (size_t i = 0; i < batch->pieces; i++)
		runs_release(&batch->piece[i].runs);
	batch->pieces = batch->closings = 0;
}

void merge(char *const *files, int n)
{
	int parts = n > 0 ? n : 1;
	struct part *part = or_die(calloc((size_t)parts, sizeof(*part)));
	struct batch batch = { 0 };

	for (int i = 0; i < parts; i++)
		part[i].in = rec_open(files + i, n > 0, ACCEPT(count));
	struct rec_out *out = rec_create(REC_count);

	for (int i = 0; i < parts; i++) {
		rec_flush_before_wait(part[i].in, out);
		next_row(&part[i]);
	}
	while (read_batch(&batch, part, parts)) {
		put_batch(out, &batch);
		empty_batch(&batch);
	}
	empty_batch(&batch);
	free(batch.piece);
	free(batch.closing);
	for (int i = 0; i < parts; i++)
		rec_in_close(part[i].in);
	free(part);
	rec_close(out);
}
