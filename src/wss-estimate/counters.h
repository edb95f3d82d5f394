/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * counters - the second input: rows of counters, kept for each VM until its windows reach them. Nobody waits for them: what
 * has not arrived when a window ends goes to the next one.
 */
#ifndef WSS_COUNTERS_H
#define WSS_COUNTERS_H

#include "record.h"

#include <stdbool.h>
#include <stdint.h>

struct counters;

/* Dies when the file cannot be opened. */
struct counters *counters_open(const char *file);
/* Counters of other names are skipped. `name` is kept. */
void counters_want(struct counters *, const char *name);
/* For the end, when no more windows come: is there a row of that name, of any VM? */
bool counters_seen(struct counters *, const char *name);
/* The next row of the VM, if it is not after until_ns and has arrived. */
bool counters_next(struct counters *, const char *vm, uint64_t until_ns, struct rec_counter *row);
void counters_close(struct counters *);

#endif
