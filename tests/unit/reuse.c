/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reuse by steps against the same rule kept plainly, page by page and window by window, on random windows. */
#include "../../src/wss-estimate/method-reuse.c"
#include "../../src/wss-estimate/steps.c"

#include <math.h>
#include <stdio.h>

enum { PAGES = 300, WINDOWS = 600, LOOK_AHEAD = 5 };

static uint64_t state = 1;

static unsigned below(unsigned n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state >> 33) % n;
}

static struct {
	bool known, often;
	unsigned last;
} page[PAGES];
static double could_plainly[WINDOWS][KINDS][MEMORY], did_plainly[WINDOWS][KINDS][MEMORY];

static double plain_share(unsigned from, unsigned to, unsigned kind, unsigned rest)
{
	double could = 0, did = 0;

	for (unsigned w = from; w < to; w++) {
		could += could_plainly[w][kind][rest];
		did += did_plainly[w][kind][rest];
	}
	return could > 0 ? did / could : -1;
}

static double plain_likely(unsigned w, unsigned kind, unsigned rest, bool *watched)
{
	double away = 1, one, could = 0, did = 0, unseen;

	for (unsigned i = w > 7 ? w - 7 : 0; i <= w; i++)
		for (unsigned k = (w + 1) / 2; k < MEMORY; k++) {
			could += could_plainly[i][kind][k];
			did += did_plainly[i][kind][k];
		}
	unseen = w < 8 ? 1 : could > 0 ? did / could : 0;

	*watched = true;
	for (unsigned k = 0; k < MEMORY; k++) {
		unsigned end = w + 1, half = end > 4 ? end - 4 : 0;
		double older = plain_share(end > 8 ? end - 8 : 0, half, kind, k), newer = plain_share(half, end, kind, k);
		one = older > newer ? older : newer;
		if (one < 0) {
			if (k < 8)
				*watched = false;
			one = k + 2 < w + 1 ? 0 : unseen;
		}
		if (k >= rest && k < rest + LOOK_AHEAD)
			away *= 1 - one;
	}
	return 1 - away;
}

static double plain_estimate(unsigned w, const bool *touched)
{
	double sum = 0;
	bool watched;
	bool fresh[PAGES] = { false };

	for (unsigned i = 0; i < PAGES; i++) {
		unsigned rest = w - page[i].last - 1;

		if (page[i].known) {
			could_plainly[w][page[i].often][rest]++;
			did_plainly[w][page[i].often][rest] += touched[i];
		}
		if (page[i].known && !touched[i] && rest + 1 >= MEMORY)
			page[i].known = false;
		if (!touched[i])
			continue;
		fresh[i] = !page[i].known;
		page[i].often = page[i].known;
		page[i].known = true;
		page[i].last = w;
	}
	for (unsigned i = 0; i < PAGES; i++) {
		if (!page[i].known)
			continue;
		if (fresh[i]) {
			double likely = plain_likely(w, ONCE, 0, &watched);

			sum += watched ? likely : 1;
		} else if (touched[i]) {
			sum += 1;
		} else {
			sum += plain_likely(w, page[i].often, w - page[i].last, &watched);
		}
	}
	return sum;
}

int main(void)
{
	const uint64_t value[] = { LOOK_AHEAD };
	struct reuse reuse = { 0 };

	for (unsigned w = 0; w < WINDOWS; w++) {
		struct rec_count closing = { 0 };
		struct method_result result = { 0 };
		bool touched[PAGES] = { false };

		/* A set used whole, one by chance, one page that is used once, and at times everything or nothing. */
		for (unsigned i = 0; i < PAGES; i++)
			touched[i] = w % 150 == 149 || (w % 50 < 45 && (i < 50 || (i < 150 && below(5) == 0) || i == 150 + w % 150));
		for (unsigned i = 0; i < PAGES; i++) {
			struct rec_count row = { .gfn = i, .pages = 1, .accesses = 1 };

			if (touched[i])
				add_pages(&reuse, value, &row);
		}
		close_window(&reuse, value, &closing, &result);
		double wanted = plain_estimate(w, touched);

		if (fabs((double)result.wss - wanted) > 0.51) {
			printf("not ok 1 window %u: %d pages, not %.2f\n", w, (int)result.wss, wanted);
			return 1;
		}
	}
	release(&reuse);
	printf("ok 1 reuse: %d random windows as page by page\n1..1\n", WINDOWS);
	return 0;
}
