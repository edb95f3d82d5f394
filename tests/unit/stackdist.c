/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stack depths and miss ratios against brute force: an LRU list that is searched from its front. */
#include "tap.h"
#include "traces.h"

#include "../../src/wss-estimate/mrc.c"
#include "../../src/wss-estimate/stackdist.c"

enum { PAGES = 700, REFERENCES = 40000 };

static uint64_t list[4 * REFERENCES];
static size_t listed;

static uint64_t brute_touch(uint64_t page)
{
	size_t at = 0;
	uint64_t depth;

	while (at < listed && list[at] != page)
		at++;
	depth = at == listed ? STACKDIST_COLD : at + 1;
	if (at == listed)
		listed++;
	memmove(list + 1, list, at * sizeof(*list));
	list[0] = page;
	return depth;
}

static void brute_remove(uint64_t page)
{
	for (size_t at = 0; at < listed; at++)
		if (list[at] == page) {
			memmove(list + at, list + at + 1, (listed - at - 1) * sizeof(*list));
			listed--;
			return;
		}
}

static void against_brute_force(enum trace_kind kind, bool with_removals)
{
	struct stackdist s = { 0 };
	struct mrc mrc = { 0 };
	uint64_t hits[PAGES + 1] = { 0 }, warm = 0;
	unsigned wrong = 0;

	listed = 0;
	for (uint64_t i = 0; i < REFERENCES; i++) {
		uint64_t page = trace_page(kind, i, PAGES), depth = stackdist_touch(&s, page), right = brute_touch(page);

		wrong += depth != right;
		if (right != STACKDIST_COLD) {
			warm++;
			mrc_add(&mrc, depth, 1);
			for (uint64_t size = right; size <= PAGES; size++)
				hits[size]++;
		}
		if (with_removals && i % 7 == 0) {
			page = trace_page(kind, i / 2, PAGES);
			stackdist_remove(&s, page);
			brute_remove(page);
		}
	}
	CHECK_U64(wrong, 0);
	CHECK_U64(s.pages, listed);
	wrong = 0;
	for (uint64_t size = 0; size <= PAGES; size++) {
		double right = (double)(warm - hits[size]) / (double)warm;

		wrong += fabs(mrc_miss_ratio(&mrc, size) - right) > 1e-12;
		wrong += size > 0 && mrc_miss_ratio(&mrc, size) > mrc_miss_ratio(&mrc, size - 1);
	}
	CHECK_U64(wrong, 0);
	for (int percent = 0; percent < 100; percent += 7) {
		double miss = percent / 100.0 + 0.001;
		uint64_t depth = mrc_depth_at(&mrc, miss);

		wrong += mrc_miss_ratio(&mrc, depth) > miss + 1e-12;
		wrong += depth > 0 && mrc_miss_ratio(&mrc, depth - 1) <= miss - 1e-12;
	}
	CHECK_U64(wrong, 0);
	stackdist_release(&s);
	mrc_release(&mrc);
}

int main(void)
{
	struct stackdist s = { 0 };

	/* a b c a: b and c were touched since, a is the third. Then a again: the first. */
	CHECK(stackdist_touch(&s, 10) == STACKDIST_COLD && stackdist_touch(&s, 11) == STACKDIST_COLD &&
		   stackdist_touch(&s, 12) == STACKDIST_COLD && stackdist_touch(&s, 10) == 3 && stackdist_touch(&s, 10) == 1 &&
		   stackdist_touch(&s, 11) == 3);
	stackdist_release(&s);
	for (int kind = 0; kind < TRACE_KINDS; kind++) {
		against_brute_force((enum trace_kind)kind, false);
		against_brute_force((enum trace_kind)kind, true);
	}
	return tap_end("stackdist");
}
