/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inject - borrows a thread of another process for two system calls, to get a userfaultfd of its memory: the thread is
 * stopped at the entry of a system call of its own (0.1 ms), opens the descriptor, closes it again after it was copied
 * to us, and then does its own system call. Nothing is written into its memory.
 */
#ifndef WSS_INJECT_H
#define WSS_INJECT_H

#include "failure.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * Returns a userfaultfd of the process, UFFDIO_API not yet done, or -1. `trust_filter`: inject although a seccomp
 * filter that cannot be suspended might kill the process for it.
 */
int inject_userfaultfd(pid_t pid, bool trust_filter, struct failure *);

/*
 * Closes in the process what a helper killed half-way left there: userfaultfds on which UFFDIO_API was never done.
 * Returns how many, or -1.
 */
int inject_release(pid_t pid, bool trust_filter, struct failure *);

/* 0, or -1 with the reason why the process cannot be traced at all, or not borrowed from. They touch nothing. */
int process_reachable(pid_t pid, struct failure *);
int inject_allowed(pid_t pid, bool trust_filter, struct failure *);

#endif
