/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mrc-rate exact|shards PAGES REFERENCES - how long the work of method mrc or shards takes on zipf references, without any
 * reading: prints processor time in ns per reference and, for exact, bytes for each distinct page.
 */
#include "../unit/traces.h"

#include "../../src/wss-estimate/mrc.c"
#include "../../src/wss-estimate/stackdist.c"

#include "common/num.h"

#include <stdbool.h>
#include <time.h>

#include "../../src/wss-estimate/method-shards.c"

static double processor_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static uint64_t number(const char *text)
{
	uint64_t value = 0;

	if (num_u64(text, strlen(text), &value) != NUM_OK || value == 0)
		exit(64);
	return value;
}

int main(int argc, char **argv)
{
	const uint64_t value[] = { [RATE] = 10000, [MISS] = 10000 };
	struct stackdist stack = { 0 };
	struct mrc mrc = { 0 };
	struct state state = { 0 };

	if (argc != 4)
		return 64;
	bool exact = strcmp(argv[1], "exact") == 0;
	uint64_t pages = number(argv[2]), references = number(argv[3]);
	uint64_t *page = or_die(calloc(references, sizeof(*page)));

	for (uint64_t i = 0; i < references; i++)
		page[i] = trace_page(TRACE_ZIPF, i, pages);
	double begin_ns = processor_ns();

	for (uint64_t i = 0; i < references; i++) {
		struct rec_event event = { .gfn = page[i], .pages = 1 };

		if (!exact) {
			add_reference(&state, value, &event);
			continue;
		}
		uint64_t depth = stackdist_touch(&stack, page[i]);

		if (depth != STACKDIST_COLD)
			mrc_add(&mrc, depth, 1);
	}
	printf("%.2f ns", (processor_ns() - begin_ns) / (double)references);
	if (exact) {
		size_t words = stack.slots / WORD_BITS;

		printf(" %.1f bytes",
		       (double)(stack.room * sizeof(*stack.page) + words * sizeof(*stack.used) + mrc.room * sizeof(double)) /
			       (double)stack.pages);
	}
	putchar('\n');
	return 0;
}
