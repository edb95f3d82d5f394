/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qemu-tables - the page tables of a guest of QEMU (pagewalk.h): registers of its processors from the monitor, tables read from
 * the guest's RAM in QEMU's process.
 */
#ifndef WSS_QEMU_TABLES_H
#define WSS_QEMU_TABLES_H

#include "guest-ram.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { QEMU_TABLES_USUAL = 4096 }; /* to be read in a period, at most, when the user does not say */

struct qemu_tables;

struct qemu_tables *qemu_tables_new(pid_t pid);
void qemu_tables_free(struct qemu_tables *);

/*
 * Reads at most `tables` tables, and calls back for the frames that hold tables, as far as is known: each once. The ranges are
 * the guest's RAM; `ask` and its context, QEMU's monitor.
 */
void qemu_tables_take(struct qemu_tables *, const struct track_range *range, size_t ranges, monitor_ask *ask, void *monitor,
		      uint64_t tables, void (*run)(void *context, uint64_t gfn, uint64_t pages), void *context);

#endif
