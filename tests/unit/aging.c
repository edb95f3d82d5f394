/* SPDX-License-Identifier: GPL-2.0-or-later */
/* aging by steps against the same kept plainly, one register for each page, on random windows. */
#include "../../src/wss-estimate/method-aging.c"
#include "../../src/wss-estimate/steps.c"

#include <stdio.h>
#include <string.h>

enum { PAGES = 600, WINDOWS = 2000 };

static uint64_t state = 1;

static unsigned below(unsigned n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state >> 33) % n;
}

int main(void)
{
	static unsigned char plain[PAGES];
	static const uint64_t froms[] = { 1, 7, 32, 96, 128, 255 };
	const size_t n = sizeof(froms) / sizeof(froms[0]);
	struct aging aging[sizeof(froms) / sizeof(froms[0])] = { 0 };

	for (unsigned w = 0; w < WINDOWS; w++) {
		unsigned char touched[PAGES] = { 0 };
		unsigned rows = below(4) ? below(40) : 0;

		for (unsigned r = 0; r < rows; r++) {
			struct rec_count row = { .accesses = below(10) ? 1 : 0 };

			/* mostly rising and apart, at times anywhere and overlapping */
			row.gfn = w % 3 ? below(PAGES - 20) : r * 15;
			row.pages = 1 + below(20);
			for (size_t i = 0; i < n; i++)
				add_pages(&aging[i], &froms[i], &row);
			if (row.accesses)
				memset(touched + row.gfn, TOUCHED, row.pages);
		}
		for (unsigned page = 0; page < PAGES; page++)
			plain[page] = (unsigned char)(plain[page] >> 1 | touched[page]);
		for (size_t i = 0; i < n; i++) {
			struct rec_count closing = { 0 };
			struct method_result result = { 0 };
			uint64_t wanted = 0;

			for (unsigned page = 0; page < PAGES; page++)
				wanted += plain[page] >= froms[i];
			close_window(&aging[i], &froms[i], &closing, &result);
			if (result.wss != wanted) {
				printf("not ok 1 window %u, from %d: %d pages, not %d\n", w, (int)froms[i],
				       (int)result.wss, (int)wanted);
				return 1;
			}
		}
	}
	for (size_t i = 0; i < n; i++)
		release(&aging[i]);
	printf("ok 1 aging: %d random windows as page by page\n1..1\n", WINDOWS);
	return 0;
}
