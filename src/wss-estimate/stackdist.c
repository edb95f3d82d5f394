/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stackdist.h"

#include "diag.h"

#include <stdlib.h>
#include <string.h>

enum { WORD_BITS = 64, BLOCK_WORDS = 8, BLOCK_SLOTS = WORD_BITS * BLOCK_WORDS, FIRST_SLOTS = 8 * BLOCK_SLOTS };

static size_t find(const struct stackdist *s, uint64_t page)
{
	size_t at = stackdist_hash(page) & (s->room - 1);

	while (s->page[at].key && s->page[at].key != page + 1)
		at = (at + 1) & (s->room - 1);
	return at;
}

static void tree_add(struct stackdist *s, size_t slot, uint32_t by)
{
	for (size_t i = slot / BLOCK_SLOTS + 1; i <= s->slots / BLOCK_SLOTS; i += i & -i)
		s->tree[i] += by;
}

static void set_slot(struct stackdist *s, size_t slot)
{
	s->used[slot / WORD_BITS] |= UINT64_C(1) << slot % WORD_BITS;
	tree_add(s, slot, 1);
}

static void clear_slot(struct stackdist *s, size_t slot)
{
	s->used[slot / WORD_BITS] &= ~(UINT64_C(1) << slot % WORD_BITS);
	tree_add(s, slot, (uint32_t)-1);
}

/* Used slots below `slot`. */
static uint64_t rank(const struct stackdist *s, size_t slot)
{
	size_t block = slot / BLOCK_SLOTS, word = block * BLOCK_WORDS;
	uint64_t n = 0;

	for (size_t i = block; i; i -= i & -i)
		n += s->tree[i];
	for (; word < slot / WORD_BITS; word++)
		n += (uint64_t)__builtin_popcountll(s->used[word]);
	return n + (uint64_t)__builtin_popcountll(s->used[word] & ((UINT64_C(1) << slot % WORD_BITS) - 1));
}

/* Gives the pages the slots 0, 1, ... in the order they have, and room for as many again. */
static void renumber(struct stackdist *s)
{
	size_t slots = FIRST_SLOTS;

	for (size_t i = 0; i < s->room && s->slots; i++)
		if (s->page[i].key)
			s->page[i].slot = rank(s, s->page[i].slot);
	while (slots < 2 * s->pages)
		slots *= 2;
	free(s->used);
	free(s->tree);
	s->slots = slots;
	s->next = s->pages;
	/* A word more: rank() looks at the word of the slot behind the last. */
	s->used = or_die(calloc(slots / WORD_BITS + 1, sizeof(*s->used)));
	s->tree = or_die(calloc(slots / BLOCK_SLOTS + 1, sizeof(*s->tree)));
	for (size_t slot = 0; slot < s->pages; slot++)
		s->used[slot / WORD_BITS] |= UINT64_C(1) << slot % WORD_BITS;
	for (size_t slot = 0; slot < s->pages; slot += BLOCK_SLOTS)
		tree_add(s, slot, (uint32_t)(s->pages - slot < BLOCK_SLOTS ? s->pages - slot : BLOCK_SLOTS));
}

static void grow_table(struct stackdist *s)
{
	struct stackdist old = *s;

	s->room = old.room ? 2 * old.room : 1024;
	s->page = or_die(calloc(s->room, sizeof(*s->page)));
	for (size_t i = 0; i < old.room; i++)
		if (old.page[i].key)
			s->page[find(s, old.page[i].key - 1)] = old.page[i];
	free(old.page);
}

uint64_t stackdist_touch(struct stackdist *s, uint64_t page)
{
	struct stackdist_page *entry;
	uint64_t depth = STACKDIST_COLD;

	if (4 * (s->pages + 1) > 3 * s->room)
		grow_table(s);
	if (s->next == s->slots)
		renumber(s);
	entry = &s->page[find(s, page)];
	if (entry->key) {
		/* The page in front is touched again and again: no slot is used up for it. */
		if (entry->slot + 1 == s->next)
			return 1;
		depth = s->pages - rank(s, entry->slot);
		clear_slot(s, entry->slot);
	} else {
		entry->key = page + 1;
		s->pages++;
	}
	entry->slot = s->next++;
	set_slot(s, entry->slot);
	return depth;
}

void stackdist_remove(struct stackdist *s, uint64_t page)
{
	size_t mask = s->room - 1, hole, at;

	if (!s->pages || !s->page[hole = find(s, page)].key)
		return;
	clear_slot(s, s->page[hole].slot);
	s->pages--;
	/* Entries behind the hole that may not be found across it move into it. */
	for (at = (hole + 1) & mask; s->page[at].key; at = (at + 1) & mask) {
		size_t home = stackdist_hash(s->page[at].key - 1) & mask;

		if (((at - home) & mask) >= ((at - hole) & mask)) {
			s->page[hole] = s->page[at];
			hole = at;
		}
	}
	s->page[hole].key = 0;
}

void stackdist_release(struct stackdist *s)
{
	free(s->page);
	free(s->used);
	free(s->tree);
}
