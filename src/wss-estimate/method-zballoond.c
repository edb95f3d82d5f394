/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * zballoond - starts at the guest's Committed_AS and goes down by a step of it in each epoch until the guest swaps in or
 * refaults; there it stays. Starts again when Committed_AS changes.
 */
#include "method.h"

enum { STEP, EPOCH };
enum { ONE_PPM = 1000000 };

static const struct method_parameter parameters[] = {
	[STEP] = { "step", "of Committed_AS, in each epoch", OPT_PPM, 50000, 1, ONE_PPM },
	[EPOCH] = { "epoch", "time between two steps", OPT_NS, UINT64_C(1000000000), 1, 0 },
	{ 0 },
};

enum { COMMITTED, PSWPIN };
/* The first refault counter is that of kernels before 5.9. */
static const char *const counters[] = {
	[COMMITTED] = "Committed_AS",
	[PSWPIN] = "pswpin",
	"workingset_refault",
	"workingset_refault_anon",
	"workingset_refault_file",
	NULL,
};
enum { COUNTERS = sizeof(counters) / sizeof(counters[0]) - 1 };

struct zballoond {
	uint64_t last[COUNTERS];
	bool known[COUNTERS];
	bool restart, harm;    /* since the window before */
	bool stays;
	uint64_t target_kib;
	uint64_t next_ns;      /* of the next step */
};

static void set_counter(void *state, size_t which, const struct rec_counter *row)
{
	struct zballoond *z = state;

	if (which == COMMITTED)
		z->restart = z->restart || !z->known[which] || row->value != z->last[which];
	else
		z->harm = z->harm || (z->known[which] && row->value > z->last[which]);
	z->last[which] = row->value;
	z->known[which] = true;
}

static bool sees_harm(const struct zballoond *z)
{
	for (size_t i = PSWPIN; i < COUNTERS; i++)
		if (z->known[i])
			return true;
	return false;
}

static void close_window(void *state, const uint64_t *value, const struct rec_count *closing, struct method_result *result)
{
	struct zballoond *z = state;
	uint64_t step_kib = num_scale(z->last[COMMITTED], value[STEP], ONE_PPM);

	if (!z->known[COMMITTED] || !sees_harm(z)) {
		result->note = note_no_data;
		return;
	}
	if (z->restart) {
		z->target_kib = z->last[COMMITTED];
		z->next_ns = num_add(closing->t_ns, value[EPOCH]);
		z->stays = false;
	} else {
		z->stays = z->stays || z->harm;
		if (!z->stays && closing->t_ns >= z->next_ns) {
			z->target_kib -= step_kib < z->target_kib ? step_kib : z->target_kib;
			z->next_ns = num_add(closing->t_ns, value[EPOCH]);
		}
	}
	z->restart = z->harm = false;
	result->wss = z->target_kib / KIB_PER_PAGE;
	result->note = TOKEN_NONE;
}

const struct method method_zballoond = {
	.name = "zballoond",
	.help = "down from the guest's Committed_AS until it swaps in or refaults",
	.source = "J.-H. Chiang, H.-L. Li, T. Chiueh: Working set-based physical memory ballooning, ICAC 2013",
	.parameters = parameters,
	.state_size = sizeof(struct zballoond),
	.window = close_window,
	.counters = counters,
	.counter = set_counter,
};
