/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qmp-parse.h"

#include "num.h"

#include <string.h>

static const char *skip_blanks(const char *at)
{
	return at + strspn(at, " \t\r\n");
}

/* Behind the string that begins here. */
static const char *skip_string(const char *at)
{
	if (*at++ != '"')
		return NULL;
	for (; *at != '"'; at++) {
		if (*at == '\\')
			at++;
		if (*at == '\0')
			return NULL;
	}
	return at + 1;
}

/* Behind the value that begins here. Brackets are counted; what stands between them matters to those who look for it. */
static const char *skip_value(const char *at)
{
	static const char bare[] = "+-.0123456789abcdefghijklmnopqrstuvwxyzE";
	size_t depth = 0;

	do {
		at = skip_blanks(at);
		if (*at == '"') {
			at = skip_string(at);
			if (!at)
				return NULL;
		} else if (*at == '{' || *at == '[') {
			depth++;
			at++;
		} else if (depth && (*at == '}' || *at == ']')) {
			depth--;
			at++;
		} else if (depth && (*at == ',' || *at == ':')) {
			at++;
		} else {
			size_t n = strspn(at, bare);

			if (n == 0)
				return NULL;
			at += n;
		}
	} while (depth);
	return at;
}

bool json_is_whole(const char *text)
{
	const char *end = skip_value(text);

	return end && *skip_blanks(end) == '\0';
}

const char *json_member(const char *object, const char *key)
{
	const char *at = object ? skip_blanks(object) : "";

	if (*at++ != '{')
		return NULL;
	for (;;) {
		const char *name = skip_blanks(at), *end = skip_string(name);

		if (!end || *(at = skip_blanks(end)) != ':')
			return NULL;
		at = skip_blanks(at + 1);
		if ((size_t)(end - name) == strlen(key) + 2 && memcmp(name + 1, key, strlen(key)) == 0)
			return at;
		at = skip_value(at);
		if (!at || *(at = skip_blanks(at)) != ',')
			return NULL;
		at++;
	}
}

const char *json_first(const char *array)
{
	const char *at = array ? skip_blanks(array) : "";

	if (*at != '[')
		return NULL;
	at = skip_blanks(at + 1);
	return *at == ']' ? NULL : at;
}

const char *json_next(const char *element)
{
	const char *at = skip_value(element);

	if (!at || *(at = skip_blanks(at)) != ',')
		return NULL;
	return skip_blanks(at + 1);
}

bool json_u64(const char *value, uint64_t *number)
{
	return value && num_u64(value, strspn(value, "-+.0123456789eE"), number) == NUM_OK;
}

bool json_is(const char *value, const char *literal)
{
	const char *end = value ? skip_value(value) : NULL;

	return end && (size_t)(end - value) == strlen(literal) && memcmp(value, literal, strlen(literal)) == 0;
}

/* The character behind a backslash, or 0; \uXXXX moves *at to its last digit. */
static char unescape(const char **at)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *known = **at ? strchr(from, **at) : NULL;

	if (known)
		return to[known - from];
	if (**at != 'u' || strspn(*at + 1, "0123456789abcdefABCDEF") < 4)
		return 0;
	*at += 4;
	return '?';
}

bool json_text(const char *value, char *to, size_t size)
{
	if (!value || *value != '"')
		return false;
	for (const char *at = value + 1; *at != '"'; at++) {
		char c = *at;

		if (c == '\\') {
			at++;
			c = unescape(&at);
		}
		if (c == '\0' || size < 2)
			return false;
		*to++ = c & 0x80 ? '?' : c;
		size--;
	}
	*to = '\0';
	return true;
}

/* "CR3=00000000029fe000", behind `from`. */
static const char *take_register(const char *from, const char *name, uint64_t *value)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = strstr(from, name), *digit;

	if (!at)
		return NULL;
	at += strlen(name);
	if (!*at || !strchr(digits, *at))
		return NULL;
	for (*value = 0; *at && (digit = strchr(digits, *at)); at++)
		*value = *value << 4 | (uint64_t)(digit - digits);
	return at;
}

size_t parse_registers(const char *text, struct pagewalk_regs *regs, size_t max)
{
	size_t n = 0;

	/* In this order for each processor. */
	for (; n < max; n++) {
		struct pagewalk_regs *r = &regs[n];

		if (!(text = take_register(text, "CR0=", &r->cr0)) || !(text = take_register(text, "CR3=", &r->cr3)) ||
		    !(text = take_register(text, "CR4=", &r->cr4)) || !(text = take_register(text, "EFER=", &r->efer)))
			break;
	}
	return n;
}
