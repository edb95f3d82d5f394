/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The page table against a plain array of the same pages, over random operations. */
#include "common/pagetab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGES = 3000, RUN_MAX = 40, STEPS = 20000, PAGES_MAX = PAGES + RUN_MAX };

static uint64_t random_u64(void)
{
	static uint64_t x = 88172645463325252u; /* xorshift64 */

	x ^= x << 13;
	x ^= x >> 7;
	return x ^= x << 17;
}

/* ---- the plain array: page i of it is gfn[i], rising ---- */

struct plain {
	uint64_t gfn[PAGES_MAX];
	uint64_t count[PAGES_MAX][PAGETAB_COUNTS];
};

static bool is_there(const struct plain *plain, size_t i)
{
	return plain->count[i][0] || plain->count[i][1] || plain->count[i][2];
}

static int by_value(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

/* Pages one behind the other, the last of them the last one there can be. */
static void number_dense(struct plain *plain)
{
	for (size_t i = 0; i < PAGES_MAX; i++)
		plain->gfn[i] = (UINT64_C(1) << 48) - PAGES_MAX + i;
}

static void number_from_zero(struct plain *plain)
{
	for (size_t i = 0; i < PAGES_MAX; i++)
		plain->gfn[i] = i;
}

/* Numbers that differ only in their high bits, as where two tables' or two words' parts could be mixed up. */
static void number_high(struct plain *plain)
{
	for (size_t i = 0; i < PAGES_MAX; i++)
		plain->gfn[i] = (uint64_t)i << 36;
}

static void number_anywhere(struct plain *plain)
{
	for (size_t i = 0; i < PAGES_MAX; i++)
		plain->gfn[i] = random_u64() >> 16;
	plain->gfn[0] = 0;
	plain->gfn[1] = (UINT64_C(1) << 48) - 1;
	qsort(plain->gfn, PAGES_MAX, sizeof(plain->gfn[0]), by_value);
	for (size_t i = 1; i < PAGES_MAX; i++) /* all different */
		if (plain->gfn[i] <= plain->gfn[i - 1])
			plain->gfn[i] = plain->gfn[i - 1] + 1;
}

/* ---- comparing ---- */

struct walk {
	const struct plain *plain;
	size_t i; /* the page that must come next, if it is there */
	bool wrong;
};

static void visit(void *context, uint64_t gfn, const uint64_t count[PAGETAB_COUNTS])
{
	struct walk *walk = context;

	while (walk->i < PAGES_MAX && !is_there(walk->plain, walk->i))
		walk->i++;
	if (walk->i == PAGES_MAX || walk->plain->gfn[walk->i] != gfn ||
	    memcmp(walk->plain->count[walk->i], count, sizeof(walk->plain->count[0])) != 0)
		walk->wrong = true;
	walk->i += walk->i < PAGES_MAX;
}

static bool ends_well(struct walk *walk)
{
	while (walk->i < PAGES_MAX && !is_there(walk->plain, walk->i))
		walk->i++;
	return !walk->wrong && walk->i == PAGES_MAX;
}

static bool same(struct pagetab *tab, const struct plain *plain)
{
	struct walk walk = { .plain = plain };
	uint64_t pages = 0;

	for (size_t i = 0; i < PAGES_MAX; i++) {
		for (unsigned which = 0; which < PAGETAB_COUNTS; which++)
			if (pagetab_get(tab, plain->gfn[i], which) != plain->count[i][which])
				return false;
		pages += is_there(plain, i);
	}
	return pagetab_pages(tab) == pages && pagetab_each(tab, visit, &walk) && ends_well(&walk);
}

/* ---- operations, on both ---- */

/* How many of the pages from i on follow one another. */
static uint64_t run_at(const struct plain *plain, size_t i)
{
	uint64_t n = 1, most = 1 + random_u64() % RUN_MAX;

	while (n < most && plain->gfn[i + n] == plain->gfn[i] + n)
		n++;
	return n;
}

/* Mostly small; around 65535, where a count leaves its page; and as large as there is. */
static uint64_t some_count(void)
{
	switch (random_u64() % 8) {
	case 0:
		return 65533 + random_u64() % 4;
	case 1:
		return random_u64() % 8 ? random_u64() % 200000 : UINT64_MAX - random_u64() % 2;
	default:
		return random_u64() % 4;
	}
}

static bool step(struct pagetab *tab, struct plain *plain, size_t pages)
{
	size_t i = random_u64() % pages;
	unsigned which = (unsigned)(random_u64() % PAGETAB_COUNTS);
	uint64_t by = some_count(), n = run_at(plain, i);
	struct walk walk = { .plain = plain };
	bool good = true;

	switch (random_u64() % 1000 ? random_u64() % 8 : 8 + random_u64() % 2) {
	case 0:
	case 1:
	case 2:
		good = pagetab_add(tab, plain->gfn[i], n, which, by);
		for (; n--; i++)
			plain->count[i][which] += by < UINT64_MAX - plain->count[i][which]
						? by : UINT64_MAX - plain->count[i][which];
		break;
	case 3:
	case 4:
		pagetab_subtract(tab, plain->gfn[i], n, which, by);
		for (; n--; i++)
			plain->count[i][which] -= by < plain->count[i][which] ? by : plain->count[i][which];
		break;
	case 5:
	case 6:
		pagetab_remove(tab, plain->gfn[i]);
		memset(plain->count[i], 0, sizeof(plain->count[i]));
		break;
	case 7:
		good = pagetab_set(tab, plain->gfn[i], which, by);
		plain->count[i][which] = by;
		break;
	case 8:
		pagetab_clear(tab);
		memset(plain->count, 0, sizeof(plain->count));
		break;
	case 9:
		pagetab_drain(tab, visit, &walk);
		good = ends_well(&walk);
		memset(plain->count, 0, sizeof(plain->count));
		break;
	}
	return good;
}

/* Few pages: counts are large and return to 0. Many: tables grow and are thrown away. */
static bool agrees(void (*number)(struct plain *), size_t pages)
{
	static struct plain plain;
	struct pagetab *tab = pagetab_new();
	bool good = tab;

	memset(&plain, 0, sizeof(plain));
	number(&plain);
	for (unsigned n = 0; n < STEPS && good; n++)
		good = step(tab, &plain, pages) && (n % 100 || same(tab, &plain));
	good = good && same(tab, &plain);
	pagetab_free(tab);
	return good;
}

int main(void)
{
	static const struct {
		const char *name;
		void (*number)(struct plain *);
	} numbers[] = {
		{ "from 0 on", number_from_zero },
		{ "up to 2^48 - 1", number_dense },
		{ "far apart", number_high },
		{ "anywhere below 2^48", number_anywhere },
	};
	static const size_t pages[] = { 10, 300, PAGES };
	unsigned n = 0, wrong = 0;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		for (size_t k = 0; k < sizeof(pages) / sizeof(pages[0]); k++) {
			bool good = agrees(numbers[i].number, pages[k]);

			printf("%sok %u - %zu pages %s\n", good ? "" : "not ", ++n, pages[k], numbers[i].name);
			wrong += !good;
		}
	printf("1..%u\n", n);
	return wrong != 0;
}
