/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guest of Xen writes into xenstore: three numbers, nothing else. What a domain has, worked out by hand. */
#include "tap.h"

#include "../../src/balloon-set/xen-rules.c"

static bool is_refused(const char *text)
{
	struct sizes sizes;

	return !xen_parse_usable(text, &sizes);
}

int main(void)
{
	static const char *const bad[] = {
		"", " ", "1", "1 2", "1 2 ", "1 2 3 ", " 1 2 3", "1  2 3", "1 2 3 4", "1 2 3\n", "-1 2 3", "1,2,3", "1 2 x", "1 0x2 3",
		"1 2 61", "18446744073709551616 2 3", "1 18446744073709551616 3", "1 2 18446744073709551616",
	};
	struct sizes sizes;

	CHECK(xen_parse_usable("180964 1795307802 2", &sizes));
	CHECK_U64(sizes.usable_kib, 180964);
	CHECK_U64(sizes.reported_s, 1795307802);
	CHECK_U64(sizes.period_s, 2);
	CHECK(xen_parse_usable("0 0 60", &sizes));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!is_refused(bad[i])) {
			printf("# '%s' is taken\n", bad[i]);
			CHECK(false);
		}
	/* it has its target, and 64 KiB or nearly 1 MiB besides; else what it has */
	CHECK_U64(xen_present_kib(163904, 163840, 262144), 163840);
	CHECK_U64(xen_present_kib(163840, 163840, 262144), 163840);
	CHECK_U64(xen_present_kib(163840 + 1023, 163840, 262144), 163840);
	CHECK_U64(xen_present_kib(163840 + 1024, 163840, 262144), 163840 + 1024);
	CHECK_U64(xen_present_kib(163836, 163840, 262144), 163836);
	/* asked for less, it has not moved yet; its target is not known */
	CHECK_U64(xen_present_kib(262208, 163840, 262144), 262144);
	CHECK_U64(xen_present_kib(262208, UNKNOWN, 262144), 262144);
	CHECK_U64(xen_present_kib(262208, UNKNOWN, UNKNOWN), 262208);
	return tap_end("xen-rules");
}
