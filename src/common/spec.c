/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spec.h"

#include "diag.h"
#include "opt.h"
#include "record.h"

#include <string.h>

struct spec spec_parse(const char *text, const char *form)
{
	const char *colon = strchr(text, ':');
	const char *equals = strchr(text, '=');
	struct spec spec = { .name = NULL };
	char *what, *options;

	if (equals && (!colon || equals < colon)) {
		size_t len = (size_t)(equals - text);

		if (len == 0 || len > TEXT_FIELD_MAX)
			opt_die("-s: bad name in '%s'", text);
		spec.name = rec_intern(text, len);
		text = equals + 1;
	}
	if (!colon)
		opt_die("-s: '%s' is not %s", text, form);
	spec.kind = or_die(strndup(text, (size_t)(colon - text)));
	what = or_die(strdup(colon + 1));
	options = strchr(what, '?');
	if (options)
		*options++ = '\0';
	spec.what = what;
	spec.options = options;
	return spec;
}

/* The option behind this one. */
static const char *next_option(const char *at)
{
	at = strchr(at, '&');
	return at ? at + 1 : NULL;
}

const char *spec_option(const char *options, const char *key)
{
	size_t len = strlen(key);

	for (const char *at = options; at; at = next_option(at))
		if (strncmp(at, key, len) == 0 && at[len] == '=')
			return or_die(strndup(at + len + 1, strcspn(at + len + 1, "&")));
	return NULL;
}

void spec_check_options(const char *options, const char *const *keys, const char *kind)
{
	for (const char *at = options; at && *at; at = next_option(at)) {
		size_t len = strcspn(at, "=&"), i = 0;

		while (keys && keys[i] && !(strlen(keys[i]) == len && strncmp(keys[i], at, len) == 0))
			i++;
		if (!keys || !keys[i] || at[len] != '=')
			opt_die("-s %s: unknown option '%.*s'", kind, (int)strcspn(at, "&"), at);
	}
}
