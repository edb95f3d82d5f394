/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "seen.h"

#include <stdatomic.h>
#include <sys/mman.h>

enum {
	FRAMES = 1 << 28,     /* 1 TiB */
	WORD_FRAMES = 64,     /* in a word of the bitmap */
	BLOCK_WORDS = 64,     /* that share a flag: 16 MiB of the guest */
	BLOCKS = FRAMES / WORD_FRAMES / BLOCK_WORDS,
};

/* A bit for each frame, and a flag for each block of them in which a bit may be set. */
static _Atomic uint64_t *bits[PLUGIN_ACCESSES];
static _Atomic bool touched[PLUGIN_ACCESSES][BLOCKS];
static _Atomic uint64_t lost;

bool seen_init(void)
{
	for (int access = 0; access < PLUGIN_ACCESSES; access++) {
		/* untouched parts of the bitmap stay without memory */
		bits[access] = mmap(NULL, FRAMES / 8, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
				    -1, 0);
		if (bits[access] == MAP_FAILED)
			return false;
	}
	return true;
}

void seen_mark(uint64_t gfn, enum plugin_access access)
{
	if (gfn >= FRAMES) {
		atomic_fetch_add_explicit(&lost, 1, memory_order_relaxed);
		return;
	}
	_Atomic uint64_t *word = &bits[access][gfn / WORD_FRAMES];
	uint64_t bit = UINT64_C(1) << gfn % WORD_FRAMES;

	if (atomic_load_explicit(word, memory_order_relaxed) & bit)
		return;
	/* First the bit, then the flag; seen_take() does it the other way round: a flag without bits costs a look, no more. */
	atomic_fetch_or(word, bit);
	atomic_store(&touched[access][gfn / WORD_FRAMES / BLOCK_WORDS], true);
}

/* The run that is being put together: it may go on in the next word. */
static void extend(struct plugin_run *run, uint64_t gfn, uint32_t pages, seen_run *done, void *context)
{
	if (run->pages && run->gfn + run->pages == gfn) {
		run->pages += pages;
		return;
	}
	if (run->pages)
		done(context, run);
	run->gfn = gfn;
	run->pages = pages;
}

static void take_word(uint64_t word, uint64_t gfn, struct plugin_run *run, seen_run *done, void *context)
{
	while (word) {
		int skip = __builtin_ctzll(word);
		uint64_t rest = ~(word >> skip);
		int length = rest ? __builtin_ctzll(rest) : WORD_FRAMES;

		extend(run, gfn + (uint64_t)skip, (uint32_t)length, done, context);
		if (skip + length >= WORD_FRAMES)
			return;
		word &= ~UINT64_C(0) << (skip + length);
	}
}

uint64_t seen_take(seen_run *done, void *context)
{
	for (int access = 0; access < PLUGIN_ACCESSES; access++) {
		struct plugin_run run = { .access = (uint32_t)access };

		for (uint64_t block = 0; block < BLOCKS; block++) {
			if (!atomic_load_explicit(&touched[access][block], memory_order_relaxed))
				continue;
			atomic_store(&touched[access][block], false);
			for (uint64_t i = block * BLOCK_WORDS; i < (block + 1) * BLOCK_WORDS; i++)
				if (atomic_load_explicit(&bits[access][i], memory_order_relaxed))
					take_word(atomic_exchange(&bits[access][i], 0), i * WORD_FRAMES, &run, done, context);
		}
		if (run.pages)
			done(context, &run);
	}
	return atomic_exchange(&lost, 0);
}
