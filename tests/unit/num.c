/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "common/num.h"
#include "tap.h"

#include <string.h>

static void check_u64(const char *text, enum num result, uint64_t value)
{
	uint64_t got = 7;

	CHECK_U64(num_u64(text, strlen(text), &got), result);
	CHECK_U64(got, result == NUM_OK ? value : 7);
}

static void check_decimal(const char *text, uint64_t scale, enum num result, uint64_t value)
{
	uint64_t got = 7;

	CHECK_U64(num_decimal(text, strlen(text), scale, &got), result);
	CHECK_U64(got, result == NUM_OK ? value : 7);
}

static void check_unit(enum num (*reader)(const char *, uint64_t *), const char *text, enum num result, uint64_t value)
{
	uint64_t got = 7;

	CHECK_U64(reader(text, &got), result);
	CHECK_U64(got, result == NUM_OK ? value : 7);
}

static void whole_numbers(void)
{
	check_u64("0", NUM_OK, 0);
	check_u64("00012", NUM_OK, 12);
	check_u64("18446744073709551615", NUM_OK, UINT64_MAX);
	check_u64("00000000000000000000000018446744073709551615", NUM_OK, UINT64_MAX);
	check_u64("18446744073709551616", NUM_TOO_LARGE, 0); /* the addition overflows */
	check_u64("18446744073709551620", NUM_TOO_LARGE, 0); /* the multiplication overflows */
	check_u64("99999999999999999999999999", NUM_TOO_LARGE, 0);
	check_u64("99999999999999999999999999x", NUM_BAD, 0);
	check_u64("", NUM_BAD, 0);
	check_u64("-1", NUM_BAD, 0);
	check_u64("+1", NUM_BAD, 0);
	check_u64(" 1", NUM_BAD, 0);
	check_u64("1 ", NUM_BAD, 0);
	check_u64("12x", NUM_BAD, 0);
	check_u64("0x10", NUM_BAD, 0);
	check_u64("1/", NUM_BAD, 0); /* the neighbours of the digits */
	check_u64("1:", NUM_BAD, 0);

	uint64_t got;

	CHECK(num_u64("123x", 3, &got) == NUM_OK && got == 123); /* len ends it, not the NUL */
}

static void decimals(void)
{
	check_decimal("2.5", 1000, NUM_OK, 2500);
	check_decimal("2", 1000, NUM_OK, 2000);
	check_decimal("0.0009", 1000, NUM_OK, 0);
	check_decimal("0.001", 1000, NUM_OK, 1);
	check_decimal("1.999", 1, NUM_OK, 1);
	check_decimal("0.1", 10, NUM_OK, 1); /* exact: no binary fraction in between */
	check_decimal("18446744073709551615", 1, NUM_OK, UINT64_MAX);
	check_decimal("18446744073709551616", 1, NUM_TOO_LARGE, 0);
	check_decimal("18446744073709551615", 2, NUM_TOO_LARGE, 0);
	check_decimal("18446744073.709551615", 1000000000, NUM_OK, UINT64_MAX);
	check_decimal("18446744073.709551616", 1000000000, NUM_TOO_LARGE, 0);
	check_decimal(".5", 1000, NUM_BAD, 0);
	check_decimal("5.", 1000, NUM_BAD, 0);
	check_decimal(".", 1000, NUM_BAD, 0);
	check_decimal("1.2.3", 1000, NUM_BAD, 0);
	check_decimal("1.x", 1000, NUM_BAD, 0);
	check_decimal("1.0000000000000000000000001", 1000, NUM_BAD, 0); /* more digits than we can hold */
	check_decimal("1,5", 1000, NUM_BAD, 0);
	check_decimal("-1", 1000, NUM_BAD, 0);
}

static void units(void)
{
	check_unit(num_ns, "5ns", NUM_OK, 5);
	check_unit(num_ns, "5us", NUM_OK, 5000);
	check_unit(num_ns, "5ms", NUM_OK, 5000000);
	check_unit(num_ns, "1.5s", NUM_OK, 1500000000);
	check_unit(num_ns, "2min", NUM_OK, UINT64_C(120000000000));
	check_unit(num_ns, "1h", NUM_OK, UINT64_C(3600000000000));
	check_unit(num_ns, "5", NUM_BAD, 0);
	check_unit(num_ns, "s", NUM_BAD, 0);
	check_unit(num_ns, "5 s", NUM_BAD, 0);
	check_unit(num_ns, "5S", NUM_BAD, 0);
	check_unit(num_ns, "5sec", NUM_BAD, 0);
	check_unit(num_ns, "1e3s", NUM_BAD, 0);
	check_unit(num_ns, "5124095h", NUM_OK, UINT64_C(18446742000000000000)); /* 2^64 ns are 5124095.58 h */
	check_unit(num_ns, "5124096h", NUM_TOO_LARGE, 0);
	check_unit(num_kib, "1KiB", NUM_OK, 1);
	check_unit(num_kib, "1.5MiB", NUM_OK, 1536);
	check_unit(num_kib, "2GiB", NUM_OK, 2097152);
	check_unit(num_kib, "1TiB", NUM_OK, UINT64_C(1) << 30);
	check_unit(num_kib, "1MB", NUM_BAD, 0);
	check_unit(num_kib, "1M", NUM_BAD, 0);
	check_unit(num_ppm, "2%", NUM_OK, 20000);
	check_unit(num_ppm, "2.5%", NUM_OK, 25000);
	check_unit(num_ppm, "100%", NUM_OK, 1000000);
	check_unit(num_ppm, "0.0001%", NUM_OK, 1);
	check_unit(num_ppm, "2", NUM_BAD, 0);
}

static void check_text(const char *(*text_of)(char *, uint64_t), uint64_t value, const char *expected)
{
	char to[NUM_MAX];

	text_of(to, value);
	if (strcmp(to, expected) != 0)
		printf("# is '%s', should be '%s'\n", to, expected);
	CHECK(strcmp(to, expected) == 0);
}

static void texts(void)
{
	static const uint64_t numbers[] = { 0, 9, 10, 99, 100, UINT64_MAX };
	static const char *const digits[] = { "0", "9", "10", "99", "100", "18446744073709551615" };
	char to[NUM_MAX];

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		*num_put_u64(to, numbers[i]) = '\0';
		CHECK(strcmp(to, digits[i]) == 0);
	}
	check_text(num_text_ns, 0, "0ns");
	check_text(num_text_ns, 999, "999ns");
	check_text(num_text_ns, 1000, "1us");
	check_text(num_text_ns, 1500000000, "1.5s");
	check_text(num_text_ns, 1250000000, "1.25s");
	check_text(num_text_ns, 1050000000, "1.05s");
	check_text(num_text_ns, 1234000000, "1234ms");
	check_text(num_text_ns, UINT64_C(90000000000), "1.5min");
	check_text(num_text_ns, UINT64_C(3600000000000), "1h");
	check_text(num_text_ns, UINT64_MAX, "18446744073709551615ns");
	check_text(num_text_kib, 64 << 10, "64MiB");
	check_text(num_text_kib, 1536, "1.5MiB");
	check_text(num_text_kib, 1025, "1025KiB");
	check_text(num_text_kib, UINT64_MAX, "18446744073709551615KiB");
}

static void arithmetic(void)
{
	CHECK_U64(num_add(1, 2), 3);
	CHECK_U64(num_add(UINT64_MAX, 0), UINT64_MAX);
	CHECK_U64(num_add(UINT64_MAX - 1, 1), UINT64_MAX);
	CHECK_U64(num_add(UINT64_MAX, UINT64_MAX), UINT64_MAX);
	CHECK_U64(num_mul(3, 4), 12);
	CHECK_U64(num_mul(UINT64_C(1) << 32, UINT64_C(1) << 31), UINT64_C(1) << 63);
	CHECK_U64(num_mul(UINT64_C(1) << 32, UINT64_C(1) << 32), UINT64_MAX);
	CHECK_U64(num_scale(UINT64_MAX, 3, 3), UINT64_MAX);
	CHECK_U64(num_scale(UINT64_MAX, 1, 2), UINT64_MAX / 2);
	CHECK_U64(num_scale(UINT64_MAX, 2, 1), UINT64_MAX);
	CHECK_U64(num_scale(7, 1, 2), 3);
}

int main(void)
{
	whole_numbers();
	decimals();
	units();
	texts();
	arithmetic();
	return tap_end("num");
}
