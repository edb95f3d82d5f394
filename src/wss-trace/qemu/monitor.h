/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor - questions to the QEMU of a guest, by its machine protocol (QMP): over a socket of QEMU's own, or through libvirt,
 * which holds it for its domains. Functions that can fail say why in *failure; what cannot be known is UNKNOWN.
 */
#ifndef WSS_MONITOR_H
#define WSS_MONITOR_H

#include "failure.h"
#include "qmp-parse.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { MONITOR_LOG_SECONDS_MAX = 60 }; /* of monitor_log() */

struct monitor {
	/* The answer to a command, a line of JSON, caller frees; NULL when none comes. */
	char *(*ask)(struct monitor *, const char *command);
	void (*close)(struct monitor *);
	pid_t pid; /* of QEMU */
	char name[64];
};

/* NULL: *failure. */
struct monitor *monitor_socket(const char *path, struct failure *);
struct monitor *monitor_libvirt(const char *domain, const char *uri, struct failure *);
/* As lv_wait(), where there is libvirt: its connections want to be looked after. */
bool monitor_wait(uint64_t t_ns);

/*
 * Whether KVM's log of dirty pages can be switched on by monitor_log(): QEMU knows how, nobody else uses it, no migration is
 * going on. False: *failure.
 */
bool monitor_can_log(struct monitor *, struct failure *);
/*
 * Protects the guest's memory, or lets the processor log (PML), for so many seconds, up to 60: each page is marked dirty at its
 * first write in that time. QEMU ends it by itself.
 */
bool monitor_log(struct monitor *, unsigned seconds, struct failure *);
enum logging { LOGGING, LOGGED, LOG_UNKNOWN };
enum logging monitor_logging(struct monitor *);

bool monitor_migrates(struct monitor *);
/* The memory that the guest can have, and what the balloon leaves of it. */
void monitor_sizes(struct monitor *, uint64_t *max_pages, uint64_t *actual_pages);
/* The threads of the virtual processors, by their numbers; how many. */
size_t monitor_threads(struct monitor *, uint32_t *thread, size_t max);
/* A monitor_ask: the context is a struct monitor. */
char *monitor_hmp(void *monitor, const char *command);

#endif
