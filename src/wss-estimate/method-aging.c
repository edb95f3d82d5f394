/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * aging - each page has an 8-bit register; at the end of a window it is shifted right by one, and the highest bit is set
 * if the page was touched. Pages whose register is at least `from` are in the working set.
 */
#include "method.h"
#include "steps.h"

enum { FROM };
enum { REGISTER_BITS = 8, TOUCHED = 0x80 };

static const struct method_parameter parameters[] = {
	[FROM] = { "from", "register a page needs; 32: touched in one of the last 3 windows", OPT_U64, 32, 1, 255 },
	{ 0 },
};

struct aging {
	struct steps registers;
	uint64_t lost[REGISTER_BITS]; /* events lost in this window, the one before, ... */
	unsigned windows;            /* seen so far, at most REGISTER_BITS */
};

static void add_pages(void *state, const uint64_t *value, const struct rec_count *row)
{
	struct aging *a = state;

	(void)value;
	steps_touch(&a->registers, row->gfn, row->pages, method_events(row));
}

static unsigned shift_register(const void *context, unsigned bits, unsigned touched)
{
	(void)context;
	return bits >> 1 | (touched ? TOUCHED : 0);
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

	steps_fold(&a->registers, shift_register, NULL);
	for (unsigned i = REGISTER_BITS - 1; i > 0; i--)
		a->lost[i] = a->lost[i - 1];
	a->lost[0] = closing->lost;
	for (unsigned i = 0; i < span; i++)
		lost = num_add(lost, a->lost[i]);
	if (a->windows < REGISTER_BITS)
		a->windows++;

	result->wss = result->low = steps_pages(&a->registers, value[FROM]);
	result->high = num_add(result->wss, lost);
	if (lost)
		result->note = note_lost;
	else if (a->windows < span)
		result->note = note_warming;
}

static void release(void *state)
{
	struct aging *a = state;

	steps_release(&a->registers);
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
