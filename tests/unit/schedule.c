/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Schedules: what the text says is what is touched, at its time, whatever steps it is asked for in. */
#include "common/schedule.h"
#include "tap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t s_ns = 1000000000;
static struct schedule schedule;
static struct schedule_cursor cursor;

static void begin(const char *text, uint64_t seed)
{
	char error[SCHEDULE_ERROR_MAX];

	if (!schedule_parse(&schedule, text, error)) {
		printf("# %s: %s\n", text, error);
		exit(1);
	}
	schedule_begin(&cursor, &schedule, seed);
}

/* Accesses before until_ns. */
static uint64_t count(uint64_t until_ns)
{
	struct touch touch;
	uint64_t n = 0;

	while (schedule_next(&cursor, until_ns, &touch))
		n += touch.pages;
	return n;
}

static void test_windows(void)
{
	static const char *const patterns[] = { "", ":seq", ":uniform", ":zipf=1.2", ":hot=0.1" };
	char text[64];

	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		snprintf(text, sizeof(text), "3s:1000rw%s", patterns[i]);
		begin(text, 1);
		for (uint64_t w = 1; w <= 70; w++) /* two rounds and a bit, by a tenth of a pass */
			CHECK_U64(count(w * s_ns / 10), 100);
		snprintf(text, sizeof(text), "2s:1000w%s@333", patterns[i]);
		begin(text, 1);
		for (uint64_t w = 1; w <= 5; w++)
			CHECK_U64(count(w * s_ns), 333);
		snprintf(text, sizeof(text), "7s:1000w%s*2.5", patterns[i]);
		begin(text, 1);
		for (uint64_t w = 1; w <= 5; w++)
			CHECK_U64(count(w * 7 * s_ns), 2500);
	}
	/* 1000 per 3 s: windows of 1 s hold the accesses i with i * 3 ms in them: 334, 333, 333. */
	begin("3s:1000w*1", 1);
	CHECK_U64(count(s_ns), 334);
	CHECK_U64(count(2 * s_ns), 333);
	CHECK_U64(count(3 * s_ns), 333);
	begin("1.5s:3w", 1); /* at 0, 1/3, 2/3, 1, 4/3 s */
	CHECK_U64(count(3 * s_ns / 2), 5);
	begin("10s:5w@0.5", 1); /* at 0, 2, 4, 6, 8 s */
	CHECK_U64(count(2 * s_ns), 1);
	CHECK_U64(count(2 * s_ns + 1), 1);
	CHECK_U64(count(10 * s_ns), 3);
	begin("365h:1099511627776w@1000000000", 1); /* 128-bit products: one access each ns */
	CHECK_U64(count(1314000 * s_ns - 3), 1314000 * s_ns - 3);
	CHECK_U64(count(1314000 * s_ns), 3);
}

static void next_is(enum touch_kind kind, uint64_t page, uint64_t pages, uint64_t t_ns, uint64_t until_ns)
{
	struct touch touch = { .kind = 0 };

	CHECK(schedule_next(&cursor, until_ns, &touch));
	CHECK_U64(touch.kind, kind);
	CHECK_U64(touch.page, page);
	CHECK_U64(touch.pages, pages);
	CHECK_U64(touch.t_ns, t_ns);
}

static void test_order(void)
{
	/* 1.5 s at 2 a second: at 0, 0.5, 1.0; then at once what is allocated; a round is 2.5 s. */
	begin("1.5s:2w+7,alloc:4+1,1s:3r,free:4+1", 1);
	CHECK_U64(schedule.pages, 9);
	CHECK_U64(schedule.length_ns, 5 * s_ns / 2);
	next_is(TOUCH_WRITE, 7, 2, 0, 10 * s_ns);
	next_is(TOUCH_WRITE, 7, 1, s_ns, 10 * s_ns);
	CHECK_U64(schedule_next_ns(&cursor), 3 * s_ns / 2);
	CHECK_U64(count(3 * s_ns / 2), 0); /* half-open: what happens at 1.5 s is not before 1.5 s */
	CHECK_U64(schedule_set_pages(&cursor), 2);
	next_is(TOUCH_ALLOC, 1, 4, 3 * s_ns / 2, 10 * s_ns);
	CHECK_U64(schedule_set_pages(&cursor), 3);
	next_is(TOUCH_READ, 0, 1, 3 * s_ns / 2, 3 * s_ns / 2 + 1); /* the run ends where until_ns says */
	CHECK_U64(schedule_next_ns(&cursor), 3 * s_ns / 2 + 333333333);
	next_is(TOUCH_READ, 1, 2, 3 * s_ns / 2 + 333333333, 10 * s_ns);
	next_is(TOUCH_FREE, 1, 4, 5 * s_ns / 2, 10 * s_ns);
	next_is(TOUCH_WRITE, 7, 2, 5 * s_ns / 2, 10 * s_ns);

	begin("2s:7w", 1); /* access 6 is at 6/7 s; a run ends with its pass */
	next_is(TOUCH_WRITE, 0, 6, 0, 857142857);
	next_is(TOUCH_WRITE, 6, 1, 857142857, s_ns + 1);
	next_is(TOUCH_WRITE, 0, 7, s_ns, 2 * s_ns);

	begin("two-phase", 1);
	CHECK_U64(count(60 * s_ns), 60 * 38400);
	CHECK_U64(schedule_set_pages(&cursor), 38400);
	CHECK_U64(count(60 * s_ns + 1), 1);
	CHECK_U64(schedule_set_pages(&cursor), 76800);

	begin("alloc:5,1s:6w", 1);
	CHECK_U64(schedule_set_pages(&cursor), 6);
	begin("60s:0w,1s:100w@0", 1); /* idle */
	CHECK_U64(count(1000 * s_ns), 0);
	CHECK_U64(schedule_next_ns(&cursor), UINT64_MAX);
}

/* The same accesses in steps of all kinds as at one go, and again with the same seed only. */
static void test_chopping(void)
{
	static const char *const text = "1s:1000w,alloc:50,0.3s:500rw:uniform*3+100,2s:77r:zipf=0.9@1234.5,1s:90w:hot=0.2";
	enum { MAX = 60000 };
	static uint64_t access[3][MAX];
	size_t n[3] = { 0 };

	for (size_t pass = 0; pass < 3; pass++) {
		uint64_t until_ns = 0, step_ns = 1;
		struct touch touch;

		begin(text, pass == 2 ? 4 : 3);
		do {
			step_ns = step_ns * 7 % 30000001;
			until_ns = pass == 1 && until_ns + step_ns < 20 * s_ns ? until_ns + step_ns : 20 * s_ns;
			while (schedule_next(&cursor, until_ns, &touch)) {
				CHECK(touch.t_ns < until_ns);
				for (uint64_t i = 0; i < touch.pages && n[pass] < MAX; i++)
					access[pass][n[pass]++] = (touch.page + i) << 3 | touch.kind;
			}
		} while (until_ns < 20 * s_ns);
	}
	CHECK(n[0] > 20000 && n[0] < MAX);
	CHECK_U64(n[1], n[0]);
	CHECK(memcmp(access[0], access[1], sizeof(access[0])) == 0);
	CHECK(memcmp(access[0], access[2], sizeof(access[0])) != 0);
}

static uint64_t next_page(void)
{
	struct touch touch = { .kind = 0 };

	CHECK(schedule_next(&cursor, UINT64_MAX, &touch));
	return touch.page;
}

static void pages_are(const char *text, uint64_t seed, const uint64_t want[5])
{
	begin(text, seed);
	for (int i = 0; i < 5; i++)
		CHECK_U64(next_page(), want[i]);
}

/* The same everywhere and for ever. */
static void test_known(void)
{
	/* the first outputs of splitmix64 for this seed are published; of 2^40 pages their upper 40 bits are drawn */
	begin("1s:1099511627776w:uniform", 1234567);
	CHECK_U64(next_page(), UINT64_C(6457827717110365317) >> 24);
	CHECK_U64(next_page(), UINT64_C(3203168211198807973) >> 24);
	CHECK_U64(next_page(), UINT64_C(9817491932198370423) >> 24);
	/* these, with libm's functions, by a program in another language too */
	pages_are("1s:100000w:zipf=1", 1, (const uint64_t[]){ 104, 11, 0, 460, 460 });
	pages_are("1s:1099511627776w:zipf=0.8", 1,
		  (const uint64_t[]){ 17203681221, 1227811660, 38967, 59042120732, 59092042468 });
	pages_are("1s:1000w:hot=0.01", 1, (const uint64_t[]){ 7, 449, 7, 5, 7 });
}

/* Draws of the first pages, against what theory says, within 5 standard deviations. */
static void zipf_is(const char *text, double s, uint64_t pages)
{
	enum { DRAWS = 200000, FIRST = 20 };
	uint64_t seen[FIRST] = { 0 };
	double sum = 0, first = 0;

	begin(text, 1);
	for (int i = 0; i < DRAWS; i++) {
		uint64_t page = next_page();

		CHECK(page < pages);
		if (page < FIRST)
			seen[page]++;
	}
	for (uint64_t n = pages; n > 0; n--)
		sum += pow((double)n, -s);
	for (int n = 0; n < FIRST && (uint64_t)n < pages; n++) {
		double p = pow(n + 1, -s) / sum;

		first += p;
		CHECK(fabs((double)seen[n] - DRAWS * p) <= 5 * sqrt(DRAWS * p * (1 - p)) + 1);
	}
	CHECK(first <= 1 + 1e-9);
}

static void test_chance(void)
{
	uint64_t hot = 0;

	zipf_is("1s:1000w:zipf=0", 0, 1000);
	zipf_is("1s:1000w:zipf=0.5", 0.5, 1000);
	zipf_is("1s:100000w:zipf=0.999999", 0.999999, 100000);
	zipf_is("1s:100000w:zipf=1", 1, 100000);
	zipf_is("1s:7w:zipf=1.000001", 1.000001, 7);
	zipf_is("1s:100000w:zipf=2.5", 2.5, 100000);
	zipf_is("1s:2w:zipf=10", 10, 2);
	zipf_is("1s:1w:zipf=1", 1, 1);

	begin("1s:1000w:hot=0.05+10", 1);
	for (int i = 0; i < 100000; i++) {
		uint64_t page = next_page();

		CHECK(page >= 10 && page < 1010);
		hot += page < 60;
	}
	CHECK(hot > 90000 - 475 && hot < 90000 + 475); /* 5 standard deviations of 95 */
	begin("1s:3w:hot=0.01", 1); /* a hot page at least, and no cold ones is no error */
	CHECK(next_page() < 3);
	begin("1s:3w:hot=1", 1);
	CHECK(next_page() < 3);
}

static void test_names(void)
{
	for (const char *const *name = schedule_names(); *name; name++) {
		char first[32];

		snprintf(first, sizeof(first), "%.*s", (int)strcspn(*name, "\t"), *name);
		begin(first, 1);
		CHECK(schedule.pages <= 102400 && schedule.length_ns >= 40 * s_ns);
	}
	begin("RWRW", 1);
	CHECK_U64(schedule.phase[0].kind, TOUCH_READ_WRITE);
	CHECK_U64(schedule.length_ns, 300 * s_ns);
	begin("constant", 1);
	CHECK_U64(schedule.pages, 76800);
}

static void test_errors(void)
{
	static const struct {
		const char *text, *error;
	} bad[] = {
		{ "", "no schedule is named ''" },
		{ "Constant", "no schedule is named 'Constant'" },
		{ "1s:1w,", "phase 2: bad phase ''; need TIME:PAGES and r, w or rw" },
		{ "1s:1w,constant", "phase 2: bad phase 'constant'; need TIME:PAGES and r, w or rw" },
		{ "1:1w", "phase 1: bad time '1'; need a number and ns, us, ms, s, min or h" },
		{ "0s:1w", "phase 1: '0s' is too short: at least 1ns" },
		{ "1s:1", "phase 1: bad pages '1'; need a whole number and r, w or rw" },
		{ "1s:1x", "phase 1: bad pages '1x'; need a whole number and r, w or rw" },
		{ "1s:w", "phase 1: bad number of pages 'w'; need a whole number" },
		{ "1s:1099511627777w", "phase 1: '1099511627777w' is too large: at most 2^40 pages" },
		{ "1s:18446744073709551616w", "phase 1: '18446744073709551616w' is too large: at most 2^40 pages" },
		{ "1s:1w+", "phase 1: bad offset '+'; need a whole number of pages" },
		{ "1s:1w+-1", "phase 1: bad offset '+-1'; need a whole number of pages" },
		{ "1s:1w+1099511627776", "phase 1: '+1099511627776' is too large: pages end at 2^40" },
		{ "1s:1w,1s:1w:zpf", "phase 2: bad pattern 'zpf'; need seq, uniform, zipf=S or hot=F" },
		{ "1s:1w:zipf", "phase 1: bad pattern 'zipf'; need seq, uniform, zipf=S or hot=F" },
		{ "1s:1w:seq=1", "phase 1: bad pattern 'seq=1'; need seq, uniform, zipf=S or hot=F" },
		{ "1s:1w:zipf=x", "phase 1: bad value 'zipf=x'; need a number from 0 to 10" },
		{ "1s:1w:zipf=10.1", "phase 1: bad value 'zipf=10.1'; need a number from 0 to 10" },
		{ "1s:1w:hot=0", "phase 1: bad value 'hot=0'; need a number above 0, at most 1" },
		{ "1s:1w:hot=1.5", "phase 1: bad value 'hot=1.5'; need a number above 0, at most 1" },
		{ "1s:1w@", "phase 1: bad rate '@'; need a number" },
		{ "1s:1w*two", "phase 1: bad passes '*two'; need a number" },
		{ "1s:1w@5*2", "phase 1: bad rate '@5*2'; need a number" },
		{ "1h:1w@18446744073709551", "phase 1: too many accesses: at most 2^63" },
		{ "alloc:0,1s:1w", "phase 1: no pages" },
		{ "alloc:1r,1s:1w", "phase 1: bad number of pages '1r'; need a whole number" },
		{ "alloc:1,free:1", "phase 2: the schedule has no phase with a time" },
		{ "2562047h:1w,1h:1w", "phase 2: the schedule is too long: at most 292 years" },
	};
	char error[SCHEDULE_ERROR_MAX], text[8192] = "1s:1w";

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK(!schedule_parse(&schedule, bad[i].text, error));
		if (strcmp(error, bad[i].error) != 0)
			printf("# '%s': %s\n", bad[i].text, error);
		CHECK(strcmp(error, bad[i].error) == 0);
	}
	for (size_t i = 1; i < SCHEDULE_PHASES_MAX; i++)
		memcpy(text + strlen(text), ",1s:1w", sizeof(",1s:1w"));
	CHECK(schedule_parse(&schedule, text, error));
	memcpy(text + strlen(text), ",1s:1w", sizeof(",1s:1w"));
	CHECK(!schedule_parse(&schedule, text, error));
	CHECK(strcmp(error, "phase 257: too many phases: at most 256") == 0);
	memset(text, '1', 128);
	CHECK(!schedule_parse(&schedule, text, error));
	CHECK(strcmp(error, "phase 1: longer than 127 characters") == 0);
}

/* Whatever the text: an answer, and touches that stay inside. */
static void test_mutations(void)
{
	static const char *const seedtext = "alloc:9+3,2s:40rw:zipf=1.5@10+2,1ms:7r:hot=0.5*3";
	static const char alphabet[] = "0123456789.,:@*+=arwseqzipfhotmnu";
	uint64_t random = 1;
	size_t good = 0;

	for (int i = 0; i < 30000; i++) {
		char text[64], error[SCHEDULE_ERROR_MAX] = "";
		struct touch touch;

		snprintf(text, sizeof(text), "%s", seedtext);
		for (int changes = 0; changes < 2; changes++) {
			random = random * UINT64_C(6364136223846793005) + 1442695040888963407U;
			text[(random >> 33) % strlen(seedtext)] = alphabet[(random >> 45) % (sizeof(alphabet) - 1)];
		}
		if (!schedule_parse(&schedule, text, error)) {
			CHECK(error[0] != '\0');
			continue;
		}
		good++;
		schedule_begin(&cursor, &schedule, 1);
		for (int n = 0; n < 20 && schedule_next(&cursor, schedule.length_ns, &touch); n++)
			CHECK(touch.pages > 0 && touch.page + touch.pages <= schedule.pages);
	}
	CHECK(good > 300); /* not all is refused */
}

int main(void)
{
	test_windows();
	test_order();
	test_chopping();
	test_known();
	test_chance();
	test_names();
	test_errors();
	test_mutations();
	return tap_end("schedule");
}
