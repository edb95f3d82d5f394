/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guest of Xen writes into xenstore: three numbers, nothing else. */
#include "tap.h"

#include "../../src/balloon-set/usable.c"

static bool is_refused(const char *text)
{
	struct sizes sizes;

	return !usable_parse(text, &sizes);
}

int main(void)
{
	static const char *const bad[] = {
		"", " ", "1", "1 2", "1 2 ", "1 2 3 ", " 1 2 3", "1  2 3", "1 2 3 4", "1 2 3\n", "-1 2 3", "1,2,3", "1 2 x", "1 0x2 3",
		"1 2 61", "18446744073709551616 2 3", "1 18446744073709551616 3", "1 2 18446744073709551616",
	};
	struct sizes sizes;

	CHECK(usable_parse("180964 1795307802 2", &sizes));
	CHECK_U64(sizes.usable_kib, 180964);
	CHECK_U64(sizes.reported_s, 1795307802);
	CHECK_U64(sizes.period_s, 2);
	CHECK(usable_parse("0 0 60", &sizes));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!is_refused(bad[i])) {
			printf("# '%s' is taken\n", bad[i]);
			CHECK(false);
		}
	return tap_end("usable");
}
