/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmware - sampling: at the begin of an interval n pages of the VM are chosen at random (a page may be chosen twice); when
 * f of them were touched in it, the working set is f / n of the memory. The bounds are a 95 % confidence interval.
 */
#include "method.h"

#include "../common/diag.h"

#include <math.h>
#include <stdlib.h>

enum { N, INTERVAL, SEED };
enum { N_MAX = 1000000 };

static const struct method_parameter parameters[] = {
	[N] = { "n", "pages that are chosen", OPT_U64, 100, 1, N_MAX },
	[INTERVAL] = { "interval", "time between two choices", OPT_NS, UINT64_C(30000000000), 1, 0 },
	[SEED] = { "seed", "of the choice", OPT_U64, 1, 0, 0 },
	{ 0 },
};

struct vmware {
	uint64_t *page;          /* those chosen, in order */
	bool *touched;
	bool chosen;             /* they are */
	uint64_t random;         /* state of the generator, less the seed */
	uint64_t memory_pages, begin_ns, lost; /* of this interval */
	struct method_result last; /* of the interval before */
	bool known;
};

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t next_random(struct vmware *v, uint64_t seed)
{
	uint64_t x = seed + (v->random += UINT64_C(0x9e3779b97f4a7c15));

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

static void choose(struct vmware *v, const uint64_t *value, const struct rec_count *closing)
{
	if (!v->page) {
		v->page = or_die(calloc(value[N], sizeof(*v->page)));
		v->touched = or_die(calloc(value[N], sizeof(*v->touched)));
	}
	v->memory_pages = closing->memory_pages;
	v->begin_ns = closing->t_ns;
	v->lost = 0;
	v->chosen = true;
	for (size_t i = 0; i < value[N]; i++) {
		v->page[i] = num_scale(next_random(v, value[SEED]) >> 1, v->memory_pages, UINT64_C(1) << 63);
		v->touched[i] = false;
	}
	qsort(v->page, value[N], sizeof(*v->page), compare);
}

static void touch_pages(void *state, const uint64_t *value, const struct rec_count *row)
{
	struct vmware *v = state;
	size_t at = 0, end = value[N];

	if (!v->chosen || method_events(row) == 0)
		return;
	while (at < end) { /* the first that is chosen from gfn on */
		size_t middle = at + (end - at) / 2;

		if (v->page[middle] < row->gfn)
			at = middle + 1;
		else
			end = middle;
	}
	for (; at < value[N] && v->page[at] - row->gfn < row->pages; at++)
		v->touched[at] = true;
}

/* Wilson's interval for f of n. */
static void set_bounds(struct method_result *result, double f, double n, double memory)
{
	const double z = 1.959964; /* 95 % of the normal distribution */
	double middle = (f + z * z / 2) / (n + z * z);
	double half = z / (n + z * z) * sqrt(f * (n - f) / n + z * z / 4);

	result->low = f > 0 ? (uint64_t)((middle - half) * memory) : 0;
	result->high = f < n ? (uint64_t)ceil((middle + half) * memory) : (uint64_t)memory;
}

static void end_interval(struct vmware *v, const uint64_t *value)
{
	uint64_t f = 0;

	for (size_t i = 0; i < value[N]; i++)
		f += v->touched[i];
	v->last.wss = num_scale(v->memory_pages, f, value[N]);
	set_bounds(&v->last, (double)f, (double)value[N], (double)v->memory_pages);
	v->last.high = num_add(v->last.high, v->lost);
	v->last.note = v->lost ? note_lost : TOKEN_NONE;
	v->known = true;
	v->chosen = false;
}

static void close_window(void *state, const uint64_t *value, const struct rec_count *closing, struct method_result *result)
{
	struct vmware *v = state;
	bool is_frame = closing->blind == UNKNOWN || !(closing->blind & BLIND_GFN);

	if (closing->memory_pages == UNKNOWN || closing->memory_pages >> GFN_BITS || !is_frame) {
		v->chosen = v->known = false;
		result->note = note_no_data;
		return;
	}
	v->lost = num_add(v->lost, closing->lost);
	if (v->chosen && closing->t_ns - v->begin_ns >= value[INTERVAL])
		end_interval(v, value);
	if (!v->chosen)
		choose(v, value, closing);
	if (v->known)
		*result = v->last;
	else
		result->note = note_warming;
}

static void release(void *state)
{
	struct vmware *v = state;

	free(v->page);
	free(v->touched);
}

const struct method method_vmware = {
	.name = "vmware",
	.help = "share of n random pages that was touched in an interval, times the memory",
	.source = "C. A. Waldspurger: Memory Resource Management in VMware ESX Server, OSDI 2002",
	.parameters = parameters,
	.state_size = sizeof(struct vmware),
	.pages = touch_pages,
	.window = close_window,
	.release = release,
};
