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

/* Opens it; from here on exit(3) closes it. */
void target_open(struct target *);
/* Closes it once. */
void target_close(struct target *);
/* Takes those that target_add() made and that have ended off the list. */
void target_sweep(void);

/* Where emit() writes. */
void emit_to(struct rec_out *);

#endif
