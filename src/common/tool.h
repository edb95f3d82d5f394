/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tool - how every program begins and ends: name, signals, common settings, standard output checked. */
#ifndef WSS_TOOL_H
#define WSS_TOOL_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#define WSS_VERSION "0.1.0"

/* What signals mean to a program (wss-tools(7), SIGNALS). */
enum tool_role {
	/*
	 * Makes a stream: SIGINT and SIGTERM set tool_stop, the second one of them kills; SIGHUP sets it too: it comes twice
	 * when a terminal goes, and does not kill. SIGPIPE is ignored, so that what was done to a VM is undone first;
	 * tool_finish() dies of it afterwards.
	 */
	TOOL_SOURCE,
	/*
	 * Reads a stream: the first SIGINT is left to the source when standard input is a pipe; SIGTERM sets tool_stop:
	 * what has already arrived is still worked off (gzio.c).
	 */
	TOOL_FILTER,
};

/* Settings that all programs share; the options for them are in opt.c. */
struct tool {
	const char *name;
	const char *output;    /* -o FILE; NULL = standard output */
	bool plain;            /* -P: CSV without gzip */
	bool quiet;            /* -q */
	bool verbose;          /* -v */
	int progress;          /* 1 --progress, -1 --no-progress, 0 when it suits (progress.c) */
};
extern struct tool tool;

/* Set when the program shall finish what it has and end. */
extern volatile sig_atomic_t tool_stop;

/* First line of every main(). `name` is kept. Dies when descriptors 0-2 cannot be had. */
void tool_init(const char *name, enum tool_role role);

/* A descriptor that becomes readable when tool_stop is set; never read from it. */
int tool_stop_fd(void);

/* Last line of every main(): checks standard output (EX_IOERR), dies of SIGPIPE when the reader went away. Returns EX_OK. */
int tool_finish(void);

/* Called by gzio.c when a source's reader has gone: sets tool_stop, and tool_finish() will die of SIGPIPE. */
void tool_reader_gone(void);

#endif
