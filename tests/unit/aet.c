/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The curve of aet beside the exact one, at 100 sizes of memory. */
#include "tap.h"
#include "traces.h"

#include "../../src/wss-estimate/method-aet.c"
#include "../../src/wss-estimate/mrc.c"
#include "../../src/wss-estimate/stackdist.c"

enum { SIZES = 100 };

/* The least miss ratio for which the memory is large enough. */
static double ratio_at(const struct state *s, uint64_t size)
{
	double low = 0, high = 1;

	for (int i = 0; i < 40; i++) {
		double middle = (low + high) / 2;

		if (size_at(s, middle) <= (double)size)
			high = middle;
		else
			low = middle;
	}
	return high;
}

static double mean_error(enum trace_kind kind, uint64_t pages, uint64_t references, const uint64_t *value)
{
	struct stackdist stack = { 0 };
	struct mrc exact = { 0 };
	struct state state = { 0 };
	double error = 0;

	for (uint64_t i = 0; i < references; i++) {
		struct rec_event event = { .gfn = trace_page(kind, i, pages), .pages = 1 };
		uint64_t depth = stackdist_touch(&stack, event.gfn);

		if (depth != STACKDIST_COLD)
			mrc_add(&exact, depth, 1);
		add_reference(&state, value, &event);
	}
	for (uint64_t i = 1; i <= SIZES; i++) {
		uint64_t size = 2 * pages * i / SIZES;

		error += fabs(mrc_miss_ratio(&exact, size) - ratio_at(&state, size)) / SIZES;
	}
	stackdist_release(&stack);
	mrc_release(&exact);
	release(&state);
	return error;
}

int main(void)
{
	const uint64_t value[] = { [MISS] = 10000 };

	for (int kind = 0; kind < TRACE_KINDS; kind++) {
		double error = mean_error((enum trace_kind)kind, 100000, 2000000, value);

		printf("# %s: mean absolute error %.4f\n", trace_name[kind], error);
		CHECK(error <= 0.02);
	}
	unsigned wrong = 0;

	/* Bins follow one another, each at most 1/128 of its times wide. */
	for (uint64_t time = 0; time < 5000000; time++)
		wrong += bin_of(time + 1) - bin_of(time) > 1 || bin_of(time + time / 128 + 1) == bin_of(time);
	CHECK_U64(wrong, 0);
	return tap_end("aet");
}
