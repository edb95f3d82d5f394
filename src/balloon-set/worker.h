/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * worker - brings VMs to their targets in a thread of its own, so that whoever hands them in never waits for a
 * hypervisor. Only the newest target of a VM counts; each one that was not replaced is acknowledged once.
 */
#ifndef WSS_WORKER_H
#define WSS_WORKER_H

#include "actuator.h"

struct worker_settings {
	const struct actuator *actuator;
	void *state;           /* the actuator's */
	struct rules rules;
	bool apply;            /* else only acknowledge what would be done */
	const char *stop_file; /* nothing is changed while it exists; may be NULL */
	uint64_t follow_ns;    /* without any progress for so long, a guest does not follow */
};

struct worker;

/* Creates the output and starts the thread. Settings are kept. */
struct worker *worker_start(const struct worker_settings *);

/* `vm` is interned. Never waits for the hypervisor. */
void worker_target(struct worker *, const char *vm, uint64_t target_kib);

/* Waits until the last targets are acknowledged. False when a VM did not follow its last one. */
bool worker_finish(struct worker *);

/* After worker_finish(): whether the VM has its last target. */
bool worker_is_done(struct worker *, const char *vm);
void worker_free(struct worker *);

#endif
