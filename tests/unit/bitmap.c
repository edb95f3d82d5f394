/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bitmap.h: known runs at the edges of words, and random bitmaps against a look at each bit. */
#include "../../src/wss-trace/bitmap.c"

#include "tap.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS = 40, PAGES = WORDS * BITMAP_WORD, FIRST = 128 };

static uint64_t word[WORDS];
static bool told[FIRST + PAGES];
static unsigned calls;
static char text[256];

static void remember(void *context, uint64_t page, uint64_t pages)
{
	(void)context;
	calls++;
	if (strlen(text) < 200)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%d+%d ", (int)page, (int)pages);
	for (uint64_t i = page; i < page + pages && i < FIRST + PAGES; i++)
		told[i] = true;
}

static void set_run(unsigned page, unsigned pages)
{
	for (unsigned i = page; i < page + pages; i++)
		word[i / BITMAP_WORD] |= UINT64_C(1) << i % BITMAP_WORD;
}

/* Both halves as bitmaps that follow each other. */
static void take(void)
{
	struct bitmap_runs runs = { .visit = remember };

	calls = 0;
	*text = 0;
	memset(told, 0, sizeof(told));
	bitmap_take(&runs, FIRST, word, WORDS / 2);
	bitmap_take(&runs, FIRST + PAGES / 2, word + WORDS / 2, WORDS / 2);
	bitmap_finish(&runs);
}

static void check_known(void)
{
	take();
	CHECK(calls == 0);
	set_run(0, 1);
	set_run(63, 1);
	set_run(64, 1);
	set_run(100, 28); /* to the end of a word */
	set_run(192, 64); /* a whole word */
	set_run(300, 300); /* over words */
	set_run(PAGES / 2 - 1, 2); /* into the next bitmap */
	set_run(PAGES - 1, 1);
	take();
	CHECK(strcmp(text, "128+1 191+2 228+28 320+64 428+300 1407+2 2687+1 ") == 0);
	take();
	CHECK(calls == 0); /* it was taken */
}

static bool random_is_exact(void)
{
	bool set[PAGES];
	unsigned starts = 0, density = (unsigned)rand() % 64 + 1;

	for (unsigned i = 0; i < PAGES; i++) {
		set[i] = (unsigned)rand() % 64 < density;
		starts += set[i] && (i == 0 || !set[i - 1]);
		if (set[i])
			set_run(i, 1);
	}
	take();
	for (unsigned i = 0; i < PAGES; i++)
		if (told[FIRST + i] != set[i])
			return false;
	return calls == starts;
}

int main(void)
{
	unsigned wrong = 0;

	check_known();
	srand(1);
	for (unsigned i = 0; i < 1000; i++)
		wrong += !random_is_exact();
	CHECK(wrong == 0);
	return tap_end("bitmap");
}
