/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmware - sampling: at the begin of an interval n pages of the VM are chosen at random (a page may be chosen twice); when
 * f of them were touched in it, the working set is f / n of the memory. The bounds are a 95 % confidence interval.
 */
#include "method.h"
#include "sample.h"

#include <math.h>

enum { N, INTERVAL, SEED };

static const struct method_parameter parameters[] = {
	[N] = { "n", "pages that are chosen", OPT_U64, 100, 1, SAMPLE_MAX },
	[INTERVAL] = { "interval", "time between two choices", OPT_NS, UINT64_C(30000000000), 1, 0 },
	[SEED] = { "seed", "of the choice", OPT_U64, 1, 0, 0 },
	{ 0 },
};

struct vmware {
	struct sample sample;
	bool chosen;             /* for the interval that runs */
	uint64_t begin_ns, lost; /* of it */
	struct method_result last; /* of the interval before */
	bool known;
};

static void touch_pages(void *state, const uint64_t *value, const struct rec_count *row)
{
	struct vmware *v = state;

	(void)value;
	if (method_events(row) > 0)
		sample_touch(&v->sample, row->gfn, row->pages);
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
	v->last.wss = sample_estimate(&v->sample);
	set_bounds(&v->last, (double)sample_touched(&v->sample), (double)value[N], (double)v->sample.memory_pages);
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
	if (!v->chosen) {
		sample_choose(&v->sample, value[N], value[SEED], closing->memory_pages);
		v->chosen = true;
		v->begin_ns = closing->t_ns;
		v->lost = 0;
	}
	if (v->known)
		*result = v->last;
	else
		result->note = note_warming;
}

static void release(void *state)
{
	sample_release(&((struct vmware *)state)->sample);
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
