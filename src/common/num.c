/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "num.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t factor;
};

/* Ascending; the first row is the unit of the value. */
static const struct unit times[] = {
	{ "ns", 1 },
	{ "us", 1000 },
	{ "ms", 1000000 },
	{ "s", 1000000000 },
	{ "min", 60 * UINT64_C(1000000000) },
	{ "h", 3600 * UINT64_C(1000000000) },
};
static const struct unit sizes[] = {
	{ "KiB", 1 },
	{ "MiB", UINT64_C(1) << 10 },
	{ "GiB", UINT64_C(1) << 20 },
	{ "TiB", UINT64_C(1) << 30 },
};
static const struct unit shares[] = {
	{ "%", 10000 },
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum num num_u64(const char *text, size_t len, uint64_t *value)
{
	uint64_t v = 0;

	if (len == 0)
		return NUM_BAD;
	for (size_t i = 0; i < len; i++)
		if (text[i] < '0' || text[i] > '9')
			return NUM_BAD;
	for (size_t i = 0; i < len; i++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(text[i] - '0'), &v))
			return NUM_TOO_LARGE;
	*value = v;
	return NUM_OK;
}

enum num num_decimal(const char *text, size_t len, uint64_t scale, uint64_t *value)
{
	const char *dot = memchr(text, '.', len);
	size_t whole_len = dot ? (size_t)(dot - text) : len;
	uint64_t whole;
	enum num result = num_u64(text, whole_len, &whole);

	if (result != NUM_OK)
		return result;
	if (__builtin_mul_overflow(whole, scale, &whole))
		return NUM_TOO_LARGE;
	if (!dot)
		len = whole_len;
	else if (whole_len + 1 == len)
		return NUM_BAD;
	uint64_t fraction = 0, one = 1;

	for (size_t i = whole_len + 1; i < len; i++) {
		if (text[i] < '0' || text[i] > '9' || one > UINT64_MAX / 100)
			return NUM_BAD;
		fraction = fraction * 10 + (uint64_t)(text[i] - '0');
		one *= 10;
	}
	if (__builtin_add_overflow(whole, num_scale(fraction, scale, one), &whole))
		return NUM_TOO_LARGE;
	*value = whole;
	return NUM_OK;
}

static enum num with_unit(const char *text, const struct unit *units, size_t n, uint64_t *value)
{
	size_t digits = strspn(text, "0123456789.");

	for (size_t i = 0; i < n; i++)
		if (strcmp(text + digits, units[i].name) == 0)
			return num_decimal(text, digits, units[i].factor, value);
	return NUM_BAD;
}

enum num num_ns(const char *text, uint64_t *value)
{
	return with_unit(text, times, COUNT(times), value);
}

enum num num_kib(const char *text, uint64_t *value)
{
	return with_unit(text, sizes, COUNT(sizes), value);
}

enum num num_ppm(const char *text, uint64_t *value)
{
	return with_unit(text, shares, COUNT(shares), value);
}

char *num_put_u64(char *to, uint64_t value)
{
	/* Two digits at a time: this is where a writer spends its time. */
	static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
				    "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
				    "8081828384858687888990919293949596979899";
	char digits[20];
	size_t at = sizeof(digits);

	for (; value >= 10; value /= 100)
		memcpy(&digits[at -= 2], &pairs[2 * (value % 100)], 2);
	if (value > 0 || at == sizeof(digits))
		digits[--at] = (char)('0' + value);
	memcpy(to, digits + at, sizeof(digits) - at);
	return to + sizeof(digits) - at;
}

static const char *text_of(char *to, uint64_t value, const struct unit *units, size_t n)
{
	size_t i = n - 1;

	/* The largest unit in which two digits after the point lose nothing. */
	while (i > 0 && (value < units[i].factor || value % units[i].factor * 100 % units[i].factor != 0))
		i--;
	uint64_t hundredths = value % units[i].factor * 100 / units[i].factor;
	uint64_t whole = value / units[i].factor;

	if (hundredths == 0)
		snprintf(to, NUM_MAX, "%" PRIu64 "%s", whole, units[i].name);
	else if (hundredths % 10 == 0)
		snprintf(to, NUM_MAX, "%" PRIu64 ".%" PRIu64 "%s", whole, hundredths / 10, units[i].name);
	else
		snprintf(to, NUM_MAX, "%" PRIu64 ".%02" PRIu64 "%s", whole, hundredths, units[i].name);
	return to;
}

const char *num_text_ns(char *to, uint64_t ns)
{
	return text_of(to, ns, times, COUNT(times));
}

const char *num_text_kib(char *to, uint64_t kib)
{
	return text_of(to, kib, sizes, COUNT(sizes));
}

uint64_t num_add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

uint64_t num_mul(uint64_t a, uint64_t b)
{
	uint64_t product;

	return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

uint64_t num_scale(uint64_t value, uint64_t numerator, uint64_t denominator)
{
	__extension__ unsigned __int128 wide = value;

	wide = wide * numerator / denominator;
	return wide > UINT64_MAX ? UINT64_MAX : (uint64_t)wide;
}
