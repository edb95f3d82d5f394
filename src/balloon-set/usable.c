/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "usable.h"

#include "../common/num.h"

#include <string.h>

/* A number that ends with `end`; moves *text behind that. */
static bool take_number(const char **text, char end, uint64_t *value)
{
	size_t len = strspn(*text, "0123456789");
	bool good = num_u64(*text, len, value) == NUM_OK && (*text)[len] == end;

	*text += good && end ? len + 1 : 0;
	return good;
}

bool usable_parse(const char *text, struct sizes *sizes)
{
	return take_number(&text, ' ', &sizes->usable_kib) && take_number(&text, ' ', &sizes->reported_s) &&
	       take_number(&text, '\0', &sizes->period_s) && sizes->period_s <= USABLE_PERIOD_MAX_S;
}
