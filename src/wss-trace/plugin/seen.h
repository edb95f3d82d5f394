/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * seen - which frames were read and written since they were last taken; no I/O. Any number of threads mark while one takes:
 * each access is in the period before or behind the taking, never in none. Memory and time grow with what was touched.
 */
#ifndef WSS_PLUGIN_SEEN_H
#define WSS_PLUGIN_SEEN_H

#include "protocol.h"

#include <stdbool.h>
#include <stdint.h>

/* False when there is no address space for it. */
bool seen_init(void);

void seen_mark(uint64_t gfn, enum plugin_access access);

/* Calls back for each run of frames of one kind, in rising order, and forgets them. Returns the accesses that were lost. */
typedef void seen_run(void *context, const struct plugin_run *run);
uint64_t seen_take(seen_run *, void *context);

#endif
