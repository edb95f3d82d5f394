/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tlb.h"

#include <stdlib.h>
#include <string.h>

/* A translation: page + 1, 0 when there is none. */
struct way {
	uint64_t key;
	bool dirty;
};

struct tlb {
	struct way *way;                /* sets of TLB_WAYS, the one used last first */
	size_t sets;
	uint64_t first[TABLE_LEVELS];   /* number of the first table of the level; 0 is that of the tables that name pages */
	uint64_t last[TABLE_LEVELS];    /* table of the level that the last walk came through, + 1 */
};

static uint64_t tables_of_level(uint64_t pages, int level)
{
	return pages ? ((pages - 1) >> TABLE_BITS_PER_LEVEL * (level + 1)) + 1 : 0;
}

uint64_t tlb_tables(uint64_t pages)
{
	uint64_t tables = 0;

	for (int level = 0; level < TABLE_LEVELS; level++)
		tables += tables_of_level(pages, level);
	return tables;
}

struct tlb *tlb_new(size_t entries, uint64_t pages)
{
	struct tlb *tlb = calloc(1, sizeof(*tlb));

	if (!tlb)
		return NULL;
	for (int level = 1; level < TABLE_LEVELS; level++)
		tlb->first[level] = tlb->first[level - 1] + tables_of_level(pages, level - 1);
	tlb->sets = entries / TLB_WAYS;
	tlb->way = calloc(entries, sizeof(*tlb->way));
	if (!tlb->way) {
		free(tlb);
		return NULL;
	}
	return tlb;
}

void tlb_free(struct tlb *tlb)
{
	if (tlb)
		free(tlb->way);
	free(tlb);
}

void tlb_flush(struct tlb *tlb)
{
	memset(tlb->way, 0, tlb->sets * TLB_WAYS * sizeof(*tlb->way));
	memset(tlb->last, 0, sizeof(tlb->last));
}

/* Puts the translation first in its set. True: it was there, and good for the access. */
static bool look_up(struct tlb *tlb, uint64_t page, bool write)
{
	struct way *set = &tlb->way[page % tlb->sets * TLB_WAYS];
	size_t i = 0;

	while (i < TLB_WAYS - 1 && set[i].key != page + 1)
		i++;
	bool there = set[i].key == page + 1;
	bool good = there && (set[i].dirty || !write);
	struct way used = { .key = page + 1, .dirty = write || (there && set[i].dirty) };

	memmove(set + 1, set, i * sizeof(*set));
	set[0] = used;
	return good;
}

int tlb_access(struct tlb *tlb, uint64_t page, bool write, uint64_t table[TABLE_LEVELS])
{
	bool walking = false;
	int n = 0;

	if (look_up(tlb, page, write))
		return TLB_HIT;
	for (int level = TABLE_LEVELS - 1; level >= 0; level--) {
		uint64_t number = page >> TABLE_BITS_PER_LEVEL * (level + 1);
		uint64_t below = page >> TABLE_BITS_PER_LEVEL * level;

		/* A table is read unless it is known where the one below it is. */
		walking |= level == 0 || tlb->last[level - 1] != below + 1;
		tlb->last[level] = number + 1;
		if (walking)
			table[n++] = tlb->first[level] + number;
	}
	return n;
}
