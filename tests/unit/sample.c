/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Corrections for caches, counts that begin anew, and texts of /proc and of guest agents, worked out by hand. */
#include "tap.h"

#include "../../src/vm-counters/agent-parse.c"
#include "../../src/vm-counters/sample.c"

static struct sample s;

static void set(const char *name, uint64_t value)
{
	sample_set(&s, name, strlen(name), value);
}

/* UNKNOWN - 1 when the counter is not there. */
static uint64_t value(const char *name)
{
	size_t i = (size_t)(counter_find(name, strlen(name)) - counter_table);

	return s.has[i] ? s.value[i] : UNKNOWN - 1;
}

static bool absent(const char *name)
{
	return value(name) == UNKNOWN - 1;
}

static void meminfo(void)
{
	sample_clear(&s);
	set("MemTotal", 1000000);
	set("MemFree", 100000);
	set("MemAvailable", 350000);
	set("Active(file)", 200000);
	set("Inactive(file)", 60000);
	set("KReclaimable", 7000);
	set("SReclaimable", 6000);
}

static void check_linux(void)
{
	meminfo();
	sample_correct(&s, CACHE_FULL, GUEST_LINUX);
	CHECK_U64(value("wss.full_kib"), 900000);
	sample_correct(&s, CACHE_ACTIVE, GUEST_LINUX);
	CHECK_U64(value("wss.active_kib"), 833000); /* 900000 - 60000 - 7000 */
	sample_correct(&s, CACHE_NONE, GUEST_LINUX);
	CHECK_U64(value("wss.none_kib"), 633000); /* less 200000 */
	sample_correct(&s, CACHE_AVAILABLE, GUEST_LINUX);
	CHECK_U64(value("wss.available_kib"), 650000);

	/* Before Linux 4.20 there was SReclaimable only. */
	meminfo();
	s.has[counter_find("KReclaimable", 12) - counter_table] = false;
	sample_correct(&s, CACHE_ACTIVE, GUEST_LINUX);
	CHECK_U64(value("wss.active_kib"), 834000);

	/* What is not there, is not made up; nor is a negative size. */
	meminfo();
	set("MemAvailable", UNKNOWN);
	sample_correct(&s, CACHE_AVAILABLE, GUEST_LINUX);
	CHECK(absent("wss.available_kib"));
	set("MemAvailable", 1000001);
	sample_correct(&s, CACHE_AVAILABLE, GUEST_LINUX);
	CHECK_U64(value("wss.available_kib"), 0);
	meminfo();
	sample_correct(&s, CACHE_OFF, GUEST_LINUX);
	CHECK(absent("wss.full_kib") && absent("wss.active_kib") && absent("wss.none_kib") && absent("wss.available_kib"));
}

static void balloon(void)
{
	sample_clear(&s);
	set("balloon.available", 800000);
	set("balloon.unused", 300000);
	set("balloon.usable", 420000);
	set("balloon.disk_caches", 150000);
}

static void check_balloon(void)
{
	balloon();
	for (enum cache cache = CACHE_FULL; cache <= CACHE_OFF; cache++)
		sample_correct(&s, cache, GUEST_LINUX);
	CHECK_U64(value("wss.full_kib"), 500000);
	CHECK(absent("wss.active_kib"));
	CHECK_U64(value("wss.none_kib"), 350000);
	CHECK_U64(value("wss.available_kib"), 380000);

	/* What Windows calls available has its standby lists in it. */
	balloon();
	for (enum cache cache = CACHE_FULL; cache <= CACHE_OFF; cache++)
		sample_correct(&s, cache, GUEST_WINDOWS);
	CHECK(absent("wss.full_kib"));
	CHECK_U64(value("wss.active_kib"), 500000);
	CHECK_U64(value("wss.none_kib"), 350000);
	CHECK_U64(value("wss.available_kib"), 380000);
}

static void check_reported(void)
{
	CHECK_U64(sample_reported(UINT64_MAX), UNKNOWN);
	CHECK_U64(sample_reported(UINT64_MAX / 1024), UNKNOWN); /* 2^64 - 1 bytes, in KiB */
	CHECK_U64(sample_reported(UINT64_MAX - 0x7ffffffe), UNKNOWN);
	CHECK_U64(sample_reported(UINT64_MAX / 1024 - 1), UINT64_MAX / 1024 - 1);
	CHECK_U64(sample_reported(0), 0);
}

/* Names as in virsh(1), of a domain with two processors and two disks. */
static void check_domstats(void)
{
	sample_clear(&s);
	sample_add_domstat(&s, "balloon.swap_in", UINT64_MAX / 1024);
	CHECK_U64(value("balloon.swap_in"), UNKNOWN);
	sample_add_domstat(&s, "balloon.rss", 5);
	CHECK_U64(value("balloon.rss"), 5);
	sample_add_domstat(&s, "cpu.time", UINT64_MAX / 1024); /* ns, and no balloon's */
	CHECK_U64(value("cpu.time"), UINT64_MAX / 1024);
	sample_add_domstat(&s, "block.count", 2);
	sample_add_domstat(&s, "block.0.rd.reqs", 20);
	sample_add_domstat(&s, "block.11.rd.reqs", 3);
	CHECK_U64(value("block.rd.reqs"), 23);
	sample_add_domstat(&s, "vcpu.0.time", 100);
	sample_add_domstat(&s, "vcpu.1.time", 11);
	CHECK_U64(value("vcpu.time"), 111);
	sample_add_domstat(&s, "vcpu.0.exits.sum", 7);
	sample_add_domstat(&s, "vcpu.1.exits.sum", 8);
	sample_add_domstat(&s, "vm.pages_4k.cur", 9);
	CHECK_U64(value("kvm.exits"), 15);
	CHECK_U64(value("kvm.pages_4k"), 9);
	sample_add_domstat(&s, "nodot", 1);
	sample_add_domstat(&s, "vcpu.0", 1);
	sample_add_domstat(&s, "vcpu.", 1);
	sample_add_domstat(&s, "", 1);
	for (size_t i = 0, n = 0; i <= counter_total; i++) {
		if (i == counter_total)
			CHECK_U64(n, 7);
		else
			n += s.has[i];
	}
}

static void check_resets(void)
{
	static const uint64_t faults[] = { 10, 30, 5, 9, UNKNOWN, 7, 8 };
	/* 5 is after a new beginning; what was not known before 7 cannot be compared. */
	static const uint64_t expected[] = { 10, 30, UNKNOWN, 9, UNKNOWN, 7, 8 };
	struct sample before = { 0 };

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		sample_clear(&s);
		set("pgfault", faults[i]);
		set("MemFree", 100 - i); /* levels may fall */
		sample_resets(&s, &before);
		CHECK_U64(value("pgfault"), expected[i]);
		CHECK_U64(value("MemFree"), 100 - i);
	}
}

static void check_texts(void)
{
	static const char meminfo_text[] = "MemTotal:  12 kB\nMemFree: x kB\nMemAvailable\nNoSuch: 1 kB\nActive(file): 7 kB";
	static const char huge[] = "pswpin 18446744073709551616\npswpout 3\n\n pgfault 4\n";

	sample_clear(&s);
	sample_parse(&s, FORMAT_MEMINFO, "", meminfo_text, strlen(meminfo_text));
	CHECK_U64(value("MemTotal"), 12);
	CHECK(absent("MemFree") && absent("MemAvailable"));
	CHECK_U64(value("Active(file)"), 7);
	sample_parse(&s, FORMAT_PAIRS, "", huge, strlen(huge));
	CHECK(absent("pswpin") && absent("pgfault"));
	CHECK_U64(value("pswpout"), 3);
	sample_parse(&s, FORMAT_PRESSURE, "pressure.", "some avg10=1.00 total=55\nfull total=\n", 36);
	CHECK_U64(value("pressure.some_us"), 55);
	CHECK(absent("pressure.full_us"));
	sample_add(&s, "block.rd.reqs", 13, 5);
	sample_add(&s, "block.rd.reqs", 13, 6);
	CHECK_U64(value("block.rd.reqs"), 11);
	CHECK(counter_find("MemT", 4) == NULL && counter_find("MemTotalx", 9) == NULL && counter_find("", 0) == NULL);
}

static bool bytes_are(const char *answer, const char *expected)
{
	char got[8];
	size_t len;

	return agent_bytes(answer, got, sizeof(got), &len) && len == strlen(expected) && memcmp(got, expected, len) == 0;
}

static void check_agent(void)
{
	uint64_t n = 0;
	char byte[2];
	size_t len;

	CHECK(agent_number("{\"return\":1000}", "return", &n) && n == 1000);
	CHECK(agent_number("{\"return\": 7, \"id\" : 8}", "id", &n) && n == 8);
	CHECK(!agent_number("{\"return\":{}}", "return", &n));
	CHECK(bytes_are("{\"return\":{\"count\":3,\"buf-b64\":\"YWJj\",\"eof\":true}}", "abc"));
	CHECK(bytes_are("{\"buf-b64\":\"YWI=\"}", "ab"));
	CHECK(bytes_are("{\"buf-b64\":\"YQ==\"}", "a"));
	CHECK(bytes_are("{\"buf-b64\":\"\"}", ""));
	CHECK(bytes_are("{\"buf-b64\":\"/+9+\"}", "\xff\xef\x7e"));
	CHECK(!agent_bytes("{\"buf-b64\":\"YWJj\"}", byte, sizeof(byte), &len)); /* no room */
	CHECK(!bytes_are("{\"buf-b64\":\"YW*j\"}", "abc"));
	CHECK(!bytes_are("{\"buf-b64\":\"YWJj", "abc")); /* cut off */
	CHECK(!bytes_are("{\"return\":{}}", ""));
}

int main(void)
{
	check_linux();
	check_balloon();
	check_reported();
	check_domstats();
	check_resets();
	check_texts();
	check_agent();
	return tap_end("sample");
}
