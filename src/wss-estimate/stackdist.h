/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stackdist - exact LRU stack depths of a stream of references, O(log n) each, memory linear in the distinct pages
 * (Mattson et al., Evaluation techniques for storage hierarchies, 1970; the counting tree is that of Bennett and Kruskal,
 * 1975). Pure.
 *
 * Every page holds the slot of its last reference; slots rise with time. The depth of a reference is the number of pages
 * whose slot is at or above the page's own: a bitmap of slots that are in use, and a Fenwick tree over its blocks.
 */
#ifndef WSS_STACKDIST_H
#define WSS_STACKDIST_H

#include <stddef.h>
#include <stdint.h>

#define STACKDIST_COLD UINT64_MAX

struct stackdist {
	struct stackdist_page {
		uint64_t key;      /* page + 1; 0 = free */
		uint64_t slot;
	} *page;                   /* open addressing */
	size_t pages, room;        /* room is a power of two */
	uint64_t *used;            /* a bit for each slot */
	uint32_t *tree;            /* Fenwick: used slots by blocks */
	size_t slots, next;        /* slots is a multiple of a block */
};

/* A stackdist is all zero at first. */
void stackdist_release(struct stackdist *);

/*
 * One reference. Returns its stack depth, 1 for the page referenced last: it hits in every LRU memory of so many pages or
 * more; STACKDIST_COLD for the first reference to a page. Dies when there is no memory.
 */
uint64_t stackdist_touch(struct stackdist *, uint64_t page);

/* Forgets a page, as if it had never been referenced. */
void stackdist_remove(struct stackdist *, uint64_t page);

/* The hash used for pages; also for sampling them. */
static inline uint64_t stackdist_hash(uint64_t page)
{
	uint64_t h = (page + 1) * UINT64_C(0x9e3779b97f4a7c15);

	h = (h ^ h >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	h = (h ^ h >> 27) * UINT64_C(0x94d049bb133111eb);
	return h ^ h >> 31;
}

#endif
