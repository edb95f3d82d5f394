/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent-parse.h"

#include "num.h"

#include <stdio.h>
#include <string.h>

/* What stands behind "key" and a colon, or NULL. Keys are the agent's own, and its texts have no quotes. */
static const char *value_of(const char *answer, const char *key)
{
	char quoted[32];
	const char *at;

	snprintf(quoted, sizeof(quoted), "\"%s\"", key);
	at = strstr(answer, quoted);
	if (!at)
		return NULL;
	at += strlen(quoted);
	at += strspn(at, " ");
	if (*at++ != ':')
		return NULL;
	return at + strspn(at, " ");
}

bool agent_number(const char *answer, const char *key, uint64_t *value)
{
	const char *at = value_of(answer, key);

	return at && num_u64(at, strspn(at, "0123456789"), value) == NUM_OK;
}

bool agent_bytes(const char *answer, char *to, size_t size, size_t *len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = value_of(answer, "buf-b64");
	unsigned bits = 0, pending = 0;

	*len = 0;
	if (!at || *at++ != '"')
		return false;
	for (; *at && *at != '"' && *at != '='; at++) {
		const char *digit = strchr(digits, *at);

		if (!digit)
			return false;
		bits = bits << 6 | (unsigned)(digit - digits);
		pending += 6;
		if (pending < 8)
			continue;
		pending -= 8;
		if (*len == size)
			return false;
		to[(*len)++] = (char)(bits >> pending);
		bits &= (1u << pending) - 1;
	}
	return at[strspn(at, "=")] == '"';
}
