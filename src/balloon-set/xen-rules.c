/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xen-rules.h"

#include "num.h"

#include <string.h>

uint64_t xen_present_kib(uint64_t kib, uint64_t target_kib, uint64_t max_kib)
{
	if (kib >= target_kib && kib - target_kib < XEN_EXTRA_KIB)
		return target_kib;
	return kib >= max_kib && kib - max_kib < XEN_EXTRA_KIB ? max_kib : kib;
}

/* A number that ends with `end`; moves *text behind that. */
static bool take_number(const char **text, char end, uint64_t *value)
{
	size_t len = strspn(*text, "0123456789");
	bool good = num_u64(*text, len, value) == NUM_OK && (*text)[len] == end;

	*text += good && end ? len + 1 : 0;
	return good;
}

bool xen_parse_usable(const char *text, struct sizes *sizes)
{
	return take_number(&text, ' ', &sizes->usable_kib) && take_number(&text, ' ', &sizes->reported_s) &&
	       take_number(&text, '\0', &sizes->period_s) && sizes->period_s <= XEN_PERIOD_MAX_S;
}
