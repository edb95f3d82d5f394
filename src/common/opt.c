/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "opt.h"

#include "diag.h"
#include "num.h"
#include "tool.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_OPTIONS = 64, LONG_ONLY = 256, HELP_COLUMN = 26 };

static bool want_help, want_version, want_progress, no_progress;

static const struct opt common_opts[] = {
	{ 'o', "output", "FILE", "write to FILE, not to standard output", OPT_TEXT, &tool.output, 0, 0 },
	{ 'P', "plain", NULL, "write plain CSV, not gzip", OPT_FLAG, &tool.plain, 0, 0 },
	{ 'q', "quiet", NULL, "no warnings", OPT_FLAG, &tool.quiet, 0, 0 },
	{ 'v', "verbose", NULL, "say more", OPT_FLAG, &tool.verbose, 0, 0 },
	{ 0, "progress", NULL, "show progress, terminal or not", OPT_FLAG, &want_progress, 0, 0 },
	{ 0, "no-progress", NULL, "never show progress", OPT_FLAG, &no_progress, 0, 0 },
	{ 'h', "help", NULL, "show this help", OPT_FLAG, &want_help, 0, 0 },
	{ 'V', "version", NULL, "show the version", OPT_FLAG, &want_version, 0, 0 },
	{ 0, NULL, NULL, NULL, OPT_FLAG, NULL, 0, 0 },
};

void opt_die(const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	die(EX_USAGE, "%s; try '%s --help'", text, tool.name);
}

static const char *value_text(char *to, enum opt_type type, uint64_t value)
{
	switch (type) {
	case OPT_NS:
		return num_text_ns(to, value);
	case OPT_KIB:
		return num_text_kib(to, value);
	case OPT_PPM:
		if (value % 10000 == 0)
			snprintf(to, NUM_MAX, "%" PRIu64 "%%", value / 10000);
		else
			snprintf(to, NUM_MAX, "%" PRIu64 ".%02" PRIu64 "%%", value / 10000, value / 100 % 100);
		return to;
	default:
		snprintf(to, NUM_MAX, "%" PRIu64, value);
		return to;
	}
}

uint64_t opt_number(const char *what, const char *text, enum opt_type type, uint64_t min, uint64_t max)
{
	char low[NUM_MAX], high[NUM_MAX];
	uint64_t value = 0;
	enum num result = NUM_BAD;
	const char *need = "need a whole number";

	switch (type) {
	case OPT_U64:
		result = num_u64(text, strlen(text), &value);
		break;
	case OPT_NS:
		result = num_ns(text, &value);
		need = "need a number and ns, us, ms, s, min or h";
		break;
	case OPT_KIB:
		result = num_kib(text, &value);
		need = "need a number and KiB, MiB, GiB or TiB";
		break;
	case OPT_PPM:
		result = num_ppm(text, &value);
		need = "need a number and %";
		break;
	default:
		bug("option '%s' is no number", what);
	}
	if (result == NUM_BAD)
		opt_die("%s: bad value '%s': %s", what, text, need);
	if (result == NUM_TOO_LARGE || (max && value > max))
		opt_die("%s: '%s' is too large: at most %s", what, text,
			value_text(high, type, max ? max : UINT64_MAX));
	if (value < min)
		opt_die("%s: '%s' is too small: at least %s", what, text, value_text(low, type, min));
	return value;
}

static void set(const struct opt *opt, const char *text)
{
	char what[64];

	snprintf(what, sizeof(what), "--%s", opt->name);
	switch (opt->type) {
	case OPT_FLAG:
		*(bool *)opt->var = true;
		return;
	case OPT_TEXT:
		*(const char **)opt->var = text;
		return;
	case OPT_LIST: {
		struct opt_list *list = opt->var;

		list->item = or_die(reallocarray(list->item, list->n + 1, sizeof(*list->item)));
		list->item[list->n++] = text;
		return;
	}
	default:
		*(uint64_t *)opt->var = opt_number(what, text, opt->type, opt->min, opt->max);
	}
}

static void help_rows(const struct opt *opts)
{
	for (; opts->name; opts++) {
		char left[64], number[NUM_MAX];
		int n = snprintf(left, sizeof(left), "  %c%c%s --%s%s%s", opts->letter ? '-' : ' ',
				 opts->letter ? opts->letter : ' ', opts->letter ? "," : " ", opts->name,
				 opts->arg ? "=" : "", opts->arg ? opts->arg : "");
		bool number_type = opts->type >= OPT_U64 && opts->type <= OPT_PPM;

		if (n >= HELP_COLUMN)
			printf("%s\n%*s%s", left, HELP_COLUMN, "", opts->help);
		else
			printf("%-*s%s", HELP_COLUMN, left, opts->help);
		if (number_type && *(uint64_t *)opts->var)
			printf(" [%s]", value_text(number, opts->type, *(uint64_t *)opts->var));
		putchar('\n');
	}
}

static _Noreturn void help(const struct usage *usage)
{
	printf("Usage: %s %s\n%s\n\nOptions:\n", tool.name, usage->synopsis, usage->purpose);
	help_rows(usage->opts);
	help_rows(common_opts);
	printf("\nExamples:\n%s", usage->examples);
	exit(tool_finish());
}

/* The long options of one table for getopt_long, and where each is found again. */
static size_t add_options(const struct opt *opts, struct option *longs, const struct opt **by_value, size_t n, char *shorts)
{
	for (; opts->name; opts++, n++) {
		if (n + 1 >= MAX_OPTIONS)
			bug("too many options");
		longs[n] = (struct option){ opts->name, opts->arg ? required_argument : no_argument, NULL,
					    (int)(LONG_ONLY + n) };
		by_value[n] = opts;
		if (opts->letter) {
			size_t len = strlen(shorts);

			shorts[len] = opts->letter;
			shorts[len + 1] = opts->arg ? ':' : '\0';
			shorts[len + 2] = '\0';
		}
	}
	return n;
}

int opt_parse(int argc, char **argv, const struct usage *usage)
{
	struct option longs[MAX_OPTIONS] = { { NULL, 0, NULL, 0 } };
	const struct opt *by_value[MAX_OPTIONS];
	char shorts[2 * MAX_OPTIONS + 2] = ":";
	size_t n = add_options(usage->opts, longs, by_value, 0, shorts);
	int c;

	n = add_options(common_opts, longs, by_value, n, shorts);
	opterr = 0;
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct opt *opt = NULL;
		const char *word = argv[optind - 1];

		if (c == ':')
			opt_die("option '%s' needs an argument", word);
		if (c == '?' && optopt >= LONG_ONLY)
			opt_die("option '%s' takes no argument", word);
		if (c == '?' && optopt)
			opt_die("unknown option '-%c'", optopt);
		if (c == '?')
			opt_die("unknown option '%s'", word);
		for (size_t i = 0; i < n && !opt; i++)
			if (c == (int)(LONG_ONLY + i) || c == by_value[i]->letter)
				opt = by_value[i];
		if (!opt)
			bug("option %d is in no table", c);
		set(opt, optarg);
	}
	tool.progress = no_progress ? -1 : want_progress;
	if (want_help)
		help(usage);
	if (want_version) {
		printf("%s %s\n", tool.name, WSS_VERSION);
		exit(tool_finish());
	}
	return optind;
}
