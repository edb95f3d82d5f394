/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runs.h"

#include <stdlib.h>
#include <string.h>

enum {
	NUMBERS = 2 + PAGETAB_COUNTS,
	NUMBER_BYTES = 10, /* at most, 7 bits each */
};

static unsigned char *put(unsigned char *to, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		*to++ = (unsigned char)(value | 0x80);
	*to++ = (unsigned char)value;
	return to;
}

static uint64_t take(const struct runs *runs, size_t *at)
{
	uint64_t value = 0;
	unsigned shift = 0;

	for (; runs->byte[*at] & 0x80; shift += 7)
		value |= (uint64_t)(runs->byte[(*at)++] & 0x7f) << shift;
	return value | (uint64_t)runs->byte[(*at)++] << shift;
}

bool runs_put(struct runs *runs, const struct run *run)
{
	if (runs->size - runs->n < NUMBERS * NUMBER_BYTES) {
		size_t size = runs->size + runs->size / 2 + NUMBERS * NUMBER_BYTES;
		unsigned char *byte = realloc(runs->byte, size);

		if (!byte)
			return false;
		runs->byte = byte;
		runs->size = size;
	}
	unsigned char *to = runs->byte + runs->n;

	to = put(to, run->gfn - runs->end);
	to = put(to, run->pages);
	for (unsigned which = 0; which < PAGETAB_COUNTS; which++)
		to = put(to, run->count[which]);
	runs->n = (size_t)(to - runs->byte);
	runs->end = run->gfn + run->pages;
	return true;
}

bool runs_next(const struct runs *runs, size_t *at, struct run *run)
{
	if (*at == runs->n)
		return false;
	run->gfn += run->pages + take(runs, at);
	run->pages = take(runs, at);
	for (unsigned which = 0; which < PAGETAB_COUNTS; which++)
		run->count[which] = take(runs, at);
	return true;
}

void runs_trim(struct runs *runs)
{
	unsigned char *byte = runs->n ? realloc(runs->byte, runs->n) : NULL;

	if (!byte)
		return;
	runs->byte = byte;
	runs->size = runs->n;
}

void runs_release(struct runs *runs)
{
	free(runs->byte);
	*runs = (struct runs){ 0 };
}

static bool same_counts(const uint64_t a[PAGETAB_COUNTS], const uint64_t b[PAGETAB_COUNTS])
{
	return ((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2])) == 0;
}

bool run_join(struct run *open, uint64_t gfn, const uint64_t count[PAGETAB_COUNTS], struct run *complete)
{
	if (open->pages && gfn == open->gfn + open->pages && same_counts(open->count, count)) {
		open->pages++;
		return false;
	}
	*complete = *open;
	open->gfn = gfn;
	open->pages = 1;
	memcpy(open->count, count, sizeof(open->count));
	return complete->pages != 0;
}
