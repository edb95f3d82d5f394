/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * aging - each page has an 8-bit register; at the end of a window it is shifted right by one, and the highest bit is set
 * if the page was touched. Pages whose register is at least `from` are in the working set.
 *
 * Registers are kept as steps in order of gfn: from this gfn on, up to the next step, registers have this value. Neighbours
 * with the same past share a step, so that memory and time grow with the runs touched in the last 8 windows, whatever
 * their length.
 */
#include "method.h"

#include "../common/diag.h"

#include <stdbool.h>
#include <stdlib.h>

enum { FROM };
enum { REGISTER_BITS = 8, TOUCHED = 0x80 };

static const struct method_parameter parameters[] = {
	[FROM] = { "from", "register a page needs; 32: touched in one of the last 3 windows", OPT_U64, 32, 1, 255 },
	{ 0 },
};

struct steps {
	uint64_t *step;              /* gfn << REGISTER_BITS | register */
	size_t n, size;
};

static uint64_t step_gfn(uint64_t step)
{
	return step >> REGISTER_BITS;
}

static unsigned step_bits(uint64_t step)
{
	return step & ((1u << REGISTER_BITS) - 1);
}

/* Pages first..end, without end. */
struct run {
	uint64_t first, end;
};

struct aging {
	struct steps now, next;      /* next is empty but while a window closes */
	struct run *run;             /* touched in this window */
	size_t runs, runs_size;
	bool out_of_order;           /* the runs are */
	uint64_t lost[REGISTER_BITS]; /* events lost in this window, the one before, ... */
	unsigned windows;            /* seen so far, at most REGISTER_BITS */
};

static void *grow(void *array, size_t *size, size_t element)
{
	*size = *size ? 2 * *size : 64;
	return or_die(reallocarray(array, *size, element));
}

static void add_pages(void *state, const uint64_t *value, const struct rec_count *row)
{
	struct aging *a = state;
	struct run *last = a->runs ? &a->run[a->runs - 1] : NULL;

	(void)value;
	if (method_events(row) == 0)
		return;
	if (last && row->gfn == last->end) {
		last->end += row->pages;
		return;
	}
	if (last && row->gfn < last->end)
		a->out_of_order = true;
	if (a->runs == a->runs_size)
		a->run = grow(a->run, &a->runs_size, sizeof(*a->run));
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): there is room whenever runs < runs_size */
	a->run[a->runs++] = (struct run){ row->gfn, row->gfn + row->pages };
}

static int compare_runs(const void *left, const void *right)
{
	const struct run *a = left, *b = right;

	return (a->first > b->first) - (a->first < b->first);
}

/* Brings runs into order and joins those that overlap, as pages of several address spaces may. */
static void order_runs(struct aging *a)
{
	size_t n = 0;

	if (!a->out_of_order)
		return;
	qsort(a->run, a->runs, sizeof(*a->run), compare_runs);
	for (size_t i = 1; i < a->runs; i++) {
		if (a->run[i].first > a->run[n].end)
			a->run[++n] = a->run[i];
		else if (a->run[i].end > a->run[n].end)
			a->run[n].end = a->run[i].end;
	}
	a->runs = n + 1;
	a->out_of_order = false;
}

/* From gfn on registers are `bits`. */
static void put_step(struct steps *to, uint64_t gfn, unsigned bits)
{
	if (bits == (to->n ? step_bits(to->step[to->n - 1]) : 0))
		return;
	if (to->n == to->size)
		to->step = grow(to->step, &to->size, sizeof(*to->step));
	to->step[to->n++] = gfn << REGISTER_BITS | bits;
}

/* Shifts all registers and sets the highest bit of those touched: one walk along old steps and runs. */
static void shift_registers(struct aging *a)
{
	size_t s = 0, edge = 0; /* edge 2i is the first page of run i, 2i + 1 its end */
	unsigned old = 0, touched = 0;
	struct steps swap = a->now;

	while (s < a->now.n || edge < 2 * a->runs) {
		uint64_t step_at = s < a->now.n ? step_gfn(a->now.step[s]) : UINT64_MAX;
		uint64_t edge_at = edge >= 2 * a->runs ? UINT64_MAX
				   : edge % 2 ? a->run[edge / 2].end : a->run[edge / 2].first;

		if (step_at <= edge_at)
			old = step_bits(a->now.step[s++]);
		if (edge_at <= step_at)
			touched = edge++ % 2 ? 0 : TOUCHED;
		put_step(&a->next, step_at < edge_at ? step_at : edge_at, old >> 1 | touched);
	}
	a->now = a->next;
	a->next = swap;
	a->next.n = 0;
	a->runs = 0;
}

static uint64_t count_pages(const struct steps *steps, uint64_t from)
{
	uint64_t pages = 0;

	for (size_t i = 0; i + 1 < steps->n; i++)
		if (step_bits(steps->step[i]) >= from)
			pages += step_gfn(steps->step[i + 1]) - step_gfn(steps->step[i]);
	return pages;
}

/* Bits below the lowest one of `from` do not change the comparison: so many windows matter. */
static unsigned windows_that_matter(uint64_t from)
{
	return REGISTER_BITS - (unsigned)__builtin_ctzll(from);
}

static void close_window(void *state, const uint64_t *value, const struct rec_count *closing, struct method_result *result)
{
	struct aging *a = state;
	unsigned span = windows_that_matter(value[FROM]);
	uint64_t lost = 0;

	order_runs(a);
	shift_registers(a);
	for (unsigned i = REGISTER_BITS - 1; i > 0; i--)
		a->lost[i] = a->lost[i - 1];
	a->lost[0] = closing->lost;
	for (unsigned i = 0; i < span; i++)
		lost = num_add(lost, a->lost[i]);
	if (a->windows < REGISTER_BITS)
		a->windows++;

	result->wss = result->low = count_pages(&a->now, value[FROM]);
	result->high = num_add(result->wss, lost);
	if (lost)
		result->note = note_lost;
	else if (a->windows < span)
		result->note = note_warming;
}

static void release(void *state)
{
	struct aging *a = state;

	free(a->now.step);
	free(a->next.step);
	free(a->run);
}

const struct method method_aging = {
	.name = "aging",
	.help = "8-bit register for each page, shifted at each window; pages from a value up",
	.source = "A. S. Tanenbaum: Modern Operating Systems, not frequently used with aging",
	.parameters = parameters,
	.state_size = sizeof(struct aging),
	.pages = add_pages,
	.window = close_window,
	.release = release,
};
