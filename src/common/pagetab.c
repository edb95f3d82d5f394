/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pagetab.h"

#include <stdlib.h>
#include <string.h>

/*
 * 64 hash tables with linear probing, so that growing one needs 1/64 more memory for a moment. (To give neighbours one
 * home slot was tried: whole runs were faster by a sixth, everything else slower.)
 */
enum {
	TABLE_BITS = 6,
	TABLES = 1 << TABLE_BITS,
	SLOTS_MIN = 24,
	ELSEWHERE = UINT16_MAX, /* the count stands in `big` */
	SORT_SMALL = 24,
	SORT_BITS = 8,
};

/* A free slot is all 0. */
struct page {
	uint32_t gfn_low;
	uint16_t gfn_high;
	uint16_t count[PAGETAB_COUNTS];
};

struct table {
	struct page *slot;
	uint32_t slots, n;
};

/* A count that does not fit into a page. Free: count 0. */
struct big {
	uint64_t key;
	uint64_t count;
};

struct pagetab {
	struct table table[TABLES];
	uint64_t pages;
	struct big *big; /* the same scheme, one table */
	size_t bigs, big_slots;
};

static uint64_t mix(uint64_t x)
{
	x *= UINT64_C(0x9e3779b97f4a7c15);
	x ^= x >> 32;
	return x * UINT64_C(0xd6e8feb86659fd93);
}

/* ---- counts that are large ---- */

static uint64_t big_key(uint64_t gfn, unsigned which)
{
	return gfn << 2 | which;
}

/* Where the key is, or would go. There is always a free slot. */
static size_t big_find(const struct pagetab *t, uint64_t key)
{
	size_t i = mix(key) >> 16 & (t->big_slots - 1);

	while (t->big[i].count && t->big[i].key != key)
		i = (i + 1) & (t->big_slots - 1);
	return i;
}

static bool big_grow(struct pagetab *t)
{
	struct big *old = t->big;
	size_t old_slots = t->big_slots;
	size_t slots = old_slots ? 2 * old_slots : 16;
	struct big *slot = calloc(slots, sizeof(*slot));

	if (!slot)
		return false;
	t->big = slot;
	t->big_slots = slots;
	for (size_t i = 0; i < old_slots; i++)
		if (old[i].count)
			slot[big_find(t, old[i].key)] = old[i];
	free(old);
	return true;
}

static bool big_put(struct pagetab *t, uint64_t key, uint64_t count)
{
	if (4 * (t->bigs + 1) > 3 * t->big_slots && !big_grow(t))
		return false;
	struct big *big = &t->big[big_find(t, key)];

	t->bigs += !big->count;
	*big = (struct big){ key, count };
	return true;
}

static void big_remove(struct pagetab *t, uint64_t key)
{
	size_t hole = big_find(t, key), mask = t->big_slots - 1;

	/* Those behind that may not stand behind a hole move into it. */
	for (size_t i = (hole + 1) & mask; t->big[i].count; i = (i + 1) & mask) {
		size_t home = mix(t->big[i].key) >> 16 & mask;

		if (((i - home) & mask) >= ((i - hole) & mask)) {
			t->big[hole] = t->big[i];
			hole = i;
		}
	}
	t->big[hole].count = 0;
	t->bigs--;
}

/* ---- one page ---- */

static uint64_t gfn_of(const struct page *page)
{
	return (uint64_t)page->gfn_high << 32 | page->gfn_low;
}

static bool is_free(const struct page *page)
{
	return !page->gfn_low && !page->gfn_high && !page->count[0] && !page->count[1] && !page->count[2];
}

static uint64_t load(const struct pagetab *t, const struct page *page, unsigned which)
{
	if (page->count[which] != ELSEWHERE)
		return page->count[which];
	return t->big[big_find(t, big_key(gfn_of(page), which))].count;
}

static bool store(struct pagetab *t, struct page *page, unsigned which, uint64_t value)
{
	uint64_t key = big_key(gfn_of(page), which);

	if (value >= ELSEWHERE) {
		if (!big_put(t, key, value))
			return false;
		page->count[which] = ELSEWHERE;
		return true;
	}
	if (page->count[which] == ELSEWHERE)
		big_remove(t, key);
	page->count[which] = (uint16_t)value;
	return true;
}

static bool increase(struct pagetab *t, struct page *page, unsigned which, uint64_t by)
{
	if (by < ELSEWHERE && page->count[which] + by < ELSEWHERE) {
		page->count[which] = (uint16_t)(page->count[which] + by);
		return true;
	}
	uint64_t count = load(t, page, which);

	return store(t, page, which, count > UINT64_MAX - by ? UINT64_MAX : count + by);
}

/* ---- a table ---- */

static uint64_t hash_of(uint64_t gfn)
{
	return mix(gfn);
}

static struct table *table_of(const struct pagetab *t, uint64_t hash)
{
	return (struct table *)&t->table[hash >> (64 - TABLE_BITS)];
}

static uint32_t home_of(const struct table *table, uint64_t hash)
{
	return (uint32_t)((hash << TABLE_BITS >> 32) * table->slots >> 32);
}

static uint32_t behind(const struct table *table, uint32_t i)
{
	return i + 1 < table->slots ? i + 1 : 0;
}

/* Puts pages that are not in the table into it. There is room. */
static void put_all(struct table *table, const struct page *page, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		uint32_t i;

		if (is_free(&page[k]))
			continue;
		i = home_of(table, hash_of(gfn_of(&page[k])));
		while (!is_free(&table->slot[i]))
			i = behind(table, i);
		table->slot[i] = page[k];
	}
}

/* Room for one more page: at most 3/4 of the slots are used, and after growing at least 9/16. */
static bool make_room(struct table *table)
{
	struct table wide = { .slots = table->slots, .n = table->n };

	if (wide.n < wide.slots - wide.slots / 4)
		return true;
	wide.slots = wide.slots ? wide.slots + wide.slots / 3 : SLOTS_MIN;
	wide.slot = calloc(wide.slots, sizeof(*wide.slot));
	if (!wide.slot)
		return false;
	put_all(&wide, table->slot, table->slots);
	free(table->slot);
	*table = wide;
	return true;
}

/* Adds to one page. */
static bool add_page(struct pagetab *t, uint64_t gfn, unsigned which, uint64_t by)
{
	uint64_t hash = hash_of(gfn);
	struct table *table = table_of(t, hash);

	if (!make_room(table))
		return false;
	struct page new = { .gfn_low = (uint32_t)gfn, .gfn_high = (uint16_t)(gfn >> 32) };
	uint32_t i = home_of(table, hash);

	for (; !is_free(&table->slot[i]); i = behind(table, i))
		if (table->slot[i].gfn_low == new.gfn_low && table->slot[i].gfn_high == new.gfn_high)
			return increase(t, &table->slot[i], which, by);
	if (!increase(t, &new, which, by))
		return false;
	table->slot[i] = new;
	table->n++;
	t->pages++;
	return true;
}

static struct page *find(const struct pagetab *t, uint64_t gfn)
{
	uint64_t hash = hash_of(gfn);
	struct table *table = table_of(t, hash);

	if (table->n == 0)
		return NULL;
	for (uint32_t i = home_of(table, hash); !is_free(&table->slot[i]); i = behind(table, i))
		if (gfn_of(&table->slot[i]) == gfn)
			return &table->slot[i];
	return NULL;
}

/* Frees the slot of a page whose counts are all 0. */
static void drop(struct pagetab *t, struct page *page)
{
	struct table *table = table_of(t, hash_of(gfn_of(page)));
	uint32_t hole = (uint32_t)(page - table->slot);

	/* Those behind that would not be found behind a hole move into it. */
	for (uint32_t i = behind(table, hole); !is_free(&table->slot[i]); i = behind(table, i)) {
		uint32_t home = home_of(table, hash_of(gfn_of(&table->slot[i])));
		uint32_t from_home = i >= home ? i - home : i + table->slots - home;
		uint32_t from_hole = i >= hole ? i - hole : i + table->slots - hole;

		if (from_home >= from_hole) {
			table->slot[hole] = table->slot[i];
			hole = i;
		}
	}
	table->slot[hole] = (struct page){ 0 };
	table->n--;
	t->pages--;
}

static void drop_if_zero(struct pagetab *t, struct page *page)
{
	if (!page->count[0] && !page->count[1] && !page->count[2])
		drop(t, page);
}

/* ---- in order ---- */

static void sort_small(struct page *page, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct page moving = page[i];
		size_t to = i;

		for (; to > 0 && gfn_of(&page[to - 1]) > gfn_of(&moving); to--)
			page[to] = page[to - 1];
		page[to] = moving;
	}
}

/* Radix sort in place. Each level takes the 8 highest of the bits that differ: it is 6 deep at most. */
static void sort(struct page *page, size_t n)
{
	size_t end[1 << SORT_BITS], next[1 << SORT_BITS] = { 0 }, at = 0;
	uint64_t differ = 0;
	unsigned shift = 0;

	if (n <= SORT_SMALL) {
		sort_small(page, n);
		return;
	}
	for (size_t i = 1; i < n; i++)
		differ |= gfn_of(&page[i]) ^ gfn_of(&page[0]);
	while (differ >> shift >> SORT_BITS)
		shift++;
#define DIGIT(p) (gfn_of(p) >> shift & ((1 << SORT_BITS) - 1))
	for (size_t i = 0; i < n; i++)
		next[DIGIT(&page[i])]++;
	for (size_t digit = 0; digit < 1 << SORT_BITS; digit++) {
		end[digit] = at + next[digit];
		next[digit] = at;
		at = end[digit];
	}
	for (size_t digit = 0; digit < 1 << SORT_BITS; digit++)
		while (next[digit] < end[digit]) {
			struct page moving = page[next[digit]];
			size_t to = DIGIT(&moving);

			page[next[digit]] = page[next[to]];
			page[next[to]++] = moving;
		}
#undef DIGIT
	at = 0;
	for (size_t digit = 0; digit < 1 << SORT_BITS && shift; digit++) {
		if (end[digit] - at > 1)
			sort(page + at, end[digit] - at);
		at = end[digit];
	}
}

/* Moves the pages to the front, sorted; what is behind them is free. */
static void pack(struct table *table)
{
	uint32_t to = 0;

	for (uint32_t i = 0; to < table->n; i++) {
		if (is_free(&table->slot[i]))
			continue;
		if (i != to) {
			table->slot[to] = table->slot[i];
			table->slot[i] = (struct page){ 0 };
		}
		to++;
	}
	sort(table->slot, table->n);
}

/* What is left of a packed table. */
struct rest {
	uint64_t gfn; /* of `at` */
	const struct page *at, *end;
};

/* Moves the first of a heap to its place. */
static void sift(struct rest *heap, size_t n)
{
	struct rest moving = heap[0];
	size_t i = 0;

	for (size_t child; (child = 2 * i + 1) < n; i = child) {
		if (child + 1 < n && heap[child + 1].gfn < heap[child].gfn)
			child++;
		if (moving.gfn <= heap[child].gfn)
			break;
		heap[i] = heap[child];
	}
	heap[i] = moving;
}

/* Sorts the pages and calls back; leaves the tables packed. */
static void visit_in_order(struct pagetab *t, pagetab_visit *visit, void *context)
{
	struct rest heap[TABLES];
	size_t n = 0;

	for (size_t k = 0; k < TABLES; k++) {
		struct table *table = &t->table[k];

		if (table->n == 0)
			continue;
		pack(table);
		size_t i = n++;
		struct rest rest = { gfn_of(table->slot), table->slot, table->slot + table->n };

		/* cppcheck-suppress uninitvar ; heap[0..i) is filled */
		for (; i > 0 && rest.gfn < heap[(i - 1) / 2].gfn; i = (i - 1) / 2)
			heap[i] = heap[(i - 1) / 2];
		heap[i] = rest;
	}
	for (; n > 0; sift(heap, n)) {
		struct rest *first = &heap[0];
		uint64_t count[PAGETAB_COUNTS];

		for (unsigned which = 0; which < PAGETAB_COUNTS; which++)
			count[which] = load(t, first->at, which);
		visit(context, first->gfn, count);
		if (++first->at < first->end)
			first->gfn = gfn_of(first->at);
		else
			*first = heap[--n];
	}
}

/* ---- the outside ---- */

struct pagetab *pagetab_new(void)
{
	return calloc(1, sizeof(struct pagetab));
}

void pagetab_free(struct pagetab *t)
{
	if (!t)
		return;
	for (size_t k = 0; k < TABLES; k++)
		free(t->table[k].slot);
	free(t->big);
	free(t);
}

bool pagetab_add(struct pagetab *t, uint64_t gfn, uint64_t pages, unsigned which, uint64_t by)
{
	for (uint64_t end = gfn + pages; gfn < end && by; gfn++)
		if (!add_page(t, gfn, which, by))
			return false;
	return true;
}

void pagetab_subtract(struct pagetab *t, uint64_t gfn, uint64_t pages, unsigned which, uint64_t by)
{
	for (uint64_t end = gfn + pages; gfn < end; gfn++) {
		struct page *page = find(t, gfn);
		uint64_t count = page ? load(t, page, which) : 0;

		if (!page)
			continue;
		store(t, page, which, count > by ? count - by : 0); /* a smaller count needs no memory */
		drop_if_zero(t, page);
	}
}

uint64_t pagetab_get(const struct pagetab *t, uint64_t gfn, unsigned which)
{
	const struct page *page = find(t, gfn);

	return page ? load(t, page, which) : 0;
}

bool pagetab_set(struct pagetab *t, uint64_t gfn, unsigned which, uint64_t value)
{
	struct page *page = find(t, gfn);

	if (!page)
		return pagetab_add(t, gfn, 1, which, value);
	if (!store(t, page, which, value))
		return false;
	drop_if_zero(t, page);
	return true;
}

void pagetab_remove(struct pagetab *t, uint64_t gfn)
{
	struct page *page = find(t, gfn);

	if (!page)
		return;
	for (unsigned which = 0; which < PAGETAB_COUNTS; which++)
		store(t, page, which, 0);
	drop(t, page);
}

uint64_t pagetab_pages(const struct pagetab *t)
{
	return t->pages;
}

/* A table much larger than what it held is given back: the next window shall not pay for it. */
static void clear(struct table *table, bool packed)
{
	if (table->n < table->slots / 8) {
		free(table->slot);
		table->slot = NULL;
		table->slots = 0;
	} else {
		memset(table->slot, 0, (packed ? table->n : table->slots) * sizeof(*table->slot));
	}
	table->n = 0;
}

static void clear_all(struct pagetab *t, bool packed)
{
	for (size_t k = 0; k < TABLES; k++)
		if (t->table[k].slots)
			clear(&t->table[k], packed);
	t->pages = 0;
	free(t->big);
	t->big = NULL;
	t->bigs = t->big_slots = 0;
}

bool pagetab_each(struct pagetab *t, pagetab_visit *visit, void *context)
{
	size_t most = 1;

	for (size_t k = 0; k < TABLES; k++)
		if (t->table[k].n > most)
			most = t->table[k].n;
	struct page *spare = malloc(most * sizeof(*spare));

	if (!spare)
		return false;
	visit_in_order(t, visit, context);
	for (size_t k = 0; k < TABLES; k++) {
		struct table *table = &t->table[k];

		if (table->n == 0)
			continue;
		memcpy(spare, table->slot, table->n * sizeof(*spare));
		memset(table->slot, 0, table->n * sizeof(*spare));
		put_all(table, spare, table->n);
	}
	free(spare);
	return true;
}

void pagetab_drain(struct pagetab *t, pagetab_visit *visit, void *context)
{
	visit_in_order(t, visit, context);
	clear_all(t, true);
}

void pagetab_clear(struct pagetab *t)
{
	clear_all(t, false);
}
