/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spec - what -s names, taken apart: [NAME=]KIND:WHAT[?KEY=VALUE&KEY=VALUE...]. */
#ifndef WSS_SPEC_H
#define WSS_SPEC_H

struct spec {
	const char *name;      /* interned; NULL when it was not given */
	const char *kind;
	const char *what;      /* may be empty */
	const char *options;   /* behind the first '?', which a URI behind it may contain again; NULL = none */
};

/* Dies (EX_USAGE); `form` says what it should be, "SOURCE:SPEC". The texts are kept for ever. */
struct spec spec_parse(const char *text, const char *form);

/* The value of `key` in options key=value&key=value, kept for ever; NULL when it is not there. */
const char *spec_option(const char *options, const char *key);

/* Dies (EX_USAGE) when an option is none of `keys` (ends with NULL; NULL = none). */
void spec_check_options(const char *options, const char *const *keys, const char *kind);

#endif
