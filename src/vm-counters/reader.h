/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reader - where counters come from. One file reader-NAME.c each, everything in it static but `const struct reader
 * reader_NAME`; the table of readers is made by the Makefile from the file names.
 *
 * vm-counters drives all targets from one thread: open; at the end of each period read; close on every way out.
 */
#ifndef WSS_READER_H
#define WSS_READER_H

#include "sample.h"

struct reader;

/* One thing that is read: what -s named. */
struct target {
	const struct reader *reader;
	const char *name;      /* of the VM: NAME= of -s, or set by open() */
	const char *spec;      /* what stands behind "READER:", without the options */
	const char *options;   /* what stands behind '?', or NULL */
	enum guest guest;      /* set by open() where it is not Linux */
	void *state;           /* the reader's own; NULL: not open */

	struct sample before;  /* the sample before, for counts that begin anew */
	const char *gone;      /* why it went away; NULL: it is there */
	bool waiting;          /* asked, and has not answered */
	bool warned;           /* that it does not answer */
};

enum answer {
	ANSWER_DONE,  /* the sample is whole */
	ANSWER_LATER, /* not yet: when fd() is readable, more() goes on */
	ANSWER_NONE,  /* no sample this time; target_warn() said why */
	ANSWER_GONE,  /* target->gone says why */
};

struct reader {
	const char *name;
	const char *spec_help; /* what the spec is, in capitals: "PID" */
	const char *help;      /* one line */
	bool system;           /* what it reads is the guest's own /proc */
	const char *const *keys; /* of its options, NULL at the end; NULL: it has none */

	/* Required. Sets state, and name when it has none. Dies on error. */
	void (*open)(struct target *);
	/* Required. The counters as they are now, into a sample that is empty. */
	enum answer (*read)(struct target *, struct sample *);
	/* For a reader that answers ANSWER_LATER. */
	int (*fd)(const struct target *);
	enum answer (*more)(struct target *, struct sample *);
	/* Required. Called on every way out. */
	void (*close)(struct target *);
};

/* The generated table, NULL at the end. */
extern const struct reader *const readers[];

/* -R: where /proc and /sys are looked for; "" = the real ones. */
extern const char *sysroot;

/* For open(): names the VM unless -s did; bytes that do not suit a name are left to the CSV. */
void target_name(struct target *, const char *name);
/* The value of an option that stands behind '?', or NULL. */
const char *target_option(const struct target *, const char *key);
/* For read() and more(): the target went away. `why` is kept. */
enum answer target_gone(struct target *, const char *why);
/* For read() and more(): nothing this time; the reason is told once, until it answers again. */
enum answer target_warn(struct target *, const char *why);

#endif
