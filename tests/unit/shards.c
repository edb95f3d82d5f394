/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The curve of shards beside the exact one, at 100 sizes of memory. */
#include "tap.h"
#include "traces.h"

#include "../../src/wss-estimate/method-shards.c"
#include "../../src/wss-estimate/mrc.c"
#include "../../src/wss-estimate/stackdist.c"

enum { SIZES = 100 };

static double ratio_at(const struct state *s, uint64_t size)
{
	return mrc_miss_ratio(&s->mrc, (uint64_t)((double)size * rate_of(s)));
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
	adjust(&state);
	for (uint64_t i = 1; i <= SIZES; i++) {
		uint64_t size = 2 * pages * i / SIZES;

		error += fabs(mrc_miss_ratio(&exact, size) - ratio_at(&state, size)) / SIZES;
	}
	stackdist_release(&stack);
	mrc_release(&exact);
	release(&state);
	return error;
}

/* Points of a curve, and the last of them. */
struct points {
	uint64_t n, pages, miss_ppm;
};

static void count_point(void *context, uint64_t pages, uint64_t miss_ppm)
{
	struct points *points = context;

	*points = (struct points){ points->n + 1, pages, miss_ppm };
}

/*
 * Two pages in turn, both in a sample at rate 0.5, which so holds 100 references, twice what it should: -50 at depth 1. Were
 * they to count, more than all would miss in one page. All have depth 2, which is 4 pages.
 */
static void check_negative_correction(void)
{
	const uint64_t value[] = { [RATE] = 500000, [MISS] = 10000 };
	struct state state = { 0 };
	struct points points = { 0 };
	uint64_t page[2], found = 0;

	for (uint64_t at = 0; found < 2; at++)
		if (hash_of(at) < UINT64_C(1) << (HASH_BITS - 1))
			page[found++] = at;
	for (unsigned i = 0; i < 100; i++)
		add_reference(&state, value, &(struct rec_event){ .gfn = page[i % 2], .pages = 1 });
	put_curve(&state, count_point, &points);
	CHECK_U64(points.n, 1);
	CHECK_U64(points.pages, 4);
	CHECK_U64(points.miss_ppm, 0);
	CHECK_U64((uint64_t)state.mrc.warm, 98 - 50);
	adjust(&state);
	CHECK_U64((uint64_t)state.mrc.warm, 98 - 50);
	release(&state);
}

int main(void)
{
	const uint64_t fixed_rate[] = { [RATE] = 10000, [MISS] = 10000 };
	const uint64_t fixed_size[] = { [RATE] = 1000000, [SIZE] = 8192, [MISS] = 10000 };

	for (int kind = 0; kind < TRACE_KINDS; kind++) {
		double error = mean_error((enum trace_kind)kind, 300000, 3000000, fixed_rate);

		printf("# %s at rate 0.01: mean absolute error %.4f\n", trace_name[kind], error);
		CHECK(error <= 0.02);
		error = mean_error((enum trace_kind)kind, 300000, 3000000, fixed_size);
		printf("# %s with 8192 pages: mean absolute error %.4f\n", trace_name[kind], error);
		CHECK(error <= 0.02);
	}
	check_negative_correction();
	return tap_end("shards");
}
