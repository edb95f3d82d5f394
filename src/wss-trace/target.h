/* SPDX-License-Identifier: GPL-2.0-or-later */
/* target - the targets of a run as wss-trace.c sees them: made from -s, opened, closed on every way out. */
#ifndef WSS_TARGET_H
#define WSS_TARGET_H

#include "source.h"

struct rec_out;

/* [NAME=]SOURCE:SPEC[?key=value&...] as a new target, in the list all_targets. Dies with EX_USAGE. */
struct target *target_parse(const char *text, uint64_t period_ns);

extern struct target **all_targets;
extern size_t target_count;

/*
 * --period auto: PERIOD_AUTO in place of a time. The next period is then the shortest of 100 ms, 200 ms, ... 102.4 s in which
 * neither what tracing costs the target, nor own_ns, what it took us to read, write and pack the last period, is more than
 * max_overhead_ppm.
 */
enum { PERIOD_AUTO = 0 };
uint64_t period_auto(const struct target *, uint64_t own_ns);

/* Opens it; from here on exit(3) closes it. */
void target_open(struct target *);
/* Closes it once. */
void target_close(struct target *);
/* Takes those that target_add() made and that have ended off the list. */
void target_sweep(void);

/* Where emit() writes. */
void emit_to(struct rec_out *);

#endif
