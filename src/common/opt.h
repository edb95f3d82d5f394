/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * opt - options from a table. One table gives the parser, --help and what check-man compares the manual page with.
 * The options all programs share (-o -P -q -v -h -V --progress --no-progress) are added here.
 */
#ifndef WSS_OPT_H
#define WSS_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum opt_type {
	OPT_FLAG,  /* bool */
	OPT_U64,   /* uint64_t, min..max */
	OPT_NS,    /* uint64_t, a time with its unit, min..max */
	OPT_KIB,   /* uint64_t, a size with its unit, min..max */
	OPT_PPM,   /* uint64_t, a percentage, in parts per million, min..max */
	OPT_TEXT,  /* const char * */
	OPT_LIST,  /* struct opt_list: may be repeated */
};

struct opt_list {
	const char **item;
	size_t n;
};

struct opt {
	char letter;       /* 0 = long form only */
	const char *name;  /* long form */
	const char *arg;   /* what the argument is called in --help; NULL for OPT_FLAG */
	const char *help;  /* one line; the default, when it is a number, is added */
	enum opt_type type;
	void *var;
	uint64_t min, max; /* bounds of numbers, both allowed; max 0 = no bound */
};

struct usage {
	const char *synopsis; /* after the program's name */
	const char *purpose;  /* one sentence */
	const struct opt *opts; /* ends with name NULL */
	const char *examples; /* lines, each indented by two blanks */
};

/* Reads the options. Dies with EX_USAGE. -h and -V end the program. Returns the index of the first operand in argv. */
int opt_parse(int argc, char **argv, const struct usage *usage);

/* Dies with EX_USAGE: "what; try 'NAME --help'". */
_Noreturn void opt_die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The number in `text` by the rules of `type`, between min and max; dies with EX_USAGE naming `what`. */
uint64_t opt_number(const char *what, const char *text, enum opt_type type, uint64_t min, uint64_t max);

#endif
