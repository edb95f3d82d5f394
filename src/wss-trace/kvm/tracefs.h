/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tracefs - what KVM marks dirty, event by event, for one virtual machine, through the kernel's tracing files: a trace instance
 * of our own for each, with buffers of its own, filled by a probe on the function that all of KVM's dirty marking passes. With
 * the patches of hv-patches/linux-6.1 what the processor logs does not pass there, but a tracepoint, which is switched on too.
 *
 * Nobody else's tracing is touched. Instances and probe carry the number and the start of the process that made them, so that
 * those of a killed one are known (tracefs_release).
 */
#ifndef WSS_TRACEFS_H
#define WSS_TRACEFS_H

#include "failure.h"
#include "ring.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct tracing;

/* Whether dirty marks can be traced on this machine; touches nothing. False: *failure. */
bool tracefs_usable(struct failure *);

/* Whether KVM has the tracepoint for what the processor logs, in order. */
bool tracefs_has_log(void);

/* Begins to trace the one virtual machine of a process, with so much memory for each processor; NULL: *failure. */
struct tracing *tracing_open(pid_t pid, uint64_t buffer_kib, struct failure *);
void tracing_close(struct tracing *);

/* Empties the kernel's buffers. False: *failure. */
bool tracing_read(struct tracing *, struct failure *);

/* Visits what was read and came before until_ns (CLOCK_MONOTONIC), in the order of time. */
void tracing_take(struct tracing *, uint64_t until_ns, void (*visit)(void *context, const struct ring_event *), void *context);

/*
 * Pages that did not fit into the buffers since the last call, exactly; of what the processor logged only the number of events is
 * known, and counted, until it logs the next. False: *failure.
 */
bool tracing_lost(struct tracing *, uint64_t *lost, struct failure *);

/* Removes what processes left that are no more. Returns how many things those were. */
unsigned tracefs_release(void);

#endif
