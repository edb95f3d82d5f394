/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sample.h"

#include "diag.h"
#include "num.h"

#include <stdlib.h>

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t next_random(struct sample *s, uint64_t seed)
{
	uint64_t x = seed + (s->random += UINT64_C(0x9e3779b97f4a7c15));

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

void sample_choose(struct sample *s, size_t n, uint64_t seed, uint64_t memory_pages)
{
	if (!s->page) {
		s->page = or_die(calloc(n, sizeof(*s->page)));
		s->touched = or_die(calloc(n, sizeof(*s->touched)));
		s->n = n;
	}
	s->memory_pages = memory_pages;
	for (size_t i = 0; i < n; i++) {
		s->page[i] = num_scale(next_random(s, seed) >> 1, memory_pages, UINT64_C(1) << 63);
		s->touched[i] = false;
	}
	qsort(s->page, n, sizeof(*s->page), compare);
}

void sample_touch(struct sample *s, uint64_t gfn, uint64_t pages)
{
	size_t at = 0, end = s->n;

	while (at < end) { /* the first that is chosen from gfn on */
		size_t middle = at + (end - at) / 2;

		if (s->page[middle] < gfn)
			at = middle + 1;
		else
			end = middle;
	}
	for (; at < s->n && s->page[at] - gfn < pages; at++)
		s->touched[at] = true;
}

size_t sample_touched(const struct sample *s)
{
	size_t touched = 0;

	for (size_t i = 0; i < s->n; i++)
		touched += s->touched[i];
	return touched;
}

uint64_t sample_estimate(const struct sample *s)
{
	return num_scale(s->memory_pages, sample_touched(s), s->n);
}

void sample_release(struct sample *s)
{
	free(s->page);
	free(s->touched);
}
