/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bitmap.h"

void bitmap_finish(struct bitmap_runs *runs)
{
	if (runs->first < runs->end)
		runs->visit(runs->context, runs->first, runs->end - runs->first);
	runs->first = runs->end;
}

static void take_word(struct bitmap_runs *runs, uint64_t page, uint64_t bits)
{
	while (bits) {
		unsigned skip = (unsigned)__builtin_ctzll(bits);
		uint64_t rest = ~(bits >> skip);
		unsigned len = rest ? (unsigned)__builtin_ctzll(rest) : BITMAP_WORD;

		if (page + skip != runs->end) {
			bitmap_finish(runs);
			runs->first = page + skip;
		}
		runs->end = page + skip + len;
		if (skip + len >= BITMAP_WORD)
			break;
		bits &= ~UINT64_C(0) << (skip + len);
	}
}

void bitmap_take(struct bitmap_runs *runs, uint64_t page, uint64_t *word, size_t words)
{
	for (size_t i = 0; i < words; i++)
		if (word[i]) {
			take_word(runs, page + i * BITMAP_WORD, word[i]);
			word[i] = 0;
		}
}
