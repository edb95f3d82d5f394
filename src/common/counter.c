/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "counter.h"

#include <stdlib.h>
#include <string.h>

#define LEVEL(side, name, unit, help) { name, COUNTER_LEVEL, COUNTER_##side, unit, help },
#define COUNT(side, name, unit, help) { name, COUNTER_COUNT, COUNTER_##side, unit, help },
const struct counter_decl counter_table[] = {
#include "counter.def"
};
#undef LEVEL
#undef COUNT

enum { TOTAL = sizeof(counter_table) / sizeof(counter_table[0]) };
const size_t counter_total = TOTAL;

static int by_name(const void *a, const void *b)
{
	const struct counter_decl *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

const struct counter_decl *counter_find(const char *name, size_t len)
{
	static const struct counter_decl *sorted[TOTAL];
	size_t low = 0, high = TOTAL;

	if (!sorted[0]) {
		for (size_t i = 0; i < TOTAL; i++)
			sorted[i] = &counter_table[i];
		/* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are what is sorted */
		qsort(sorted, TOTAL, sizeof(sorted[0]), by_name);
	}
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strncmp(sorted[middle]->name, name, len);

		if (order == 0 && sorted[middle]->name[len] == '\0')
			return sorted[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
