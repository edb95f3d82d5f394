/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * clock - Unix time in ns that never steps: CLOCK_REALTIME is read once, CLOCK_MONOTONIC advances it. Streams of
 * several hosts can be joined, and setting the clock does not reach a running trace.
 */
#ifndef WSS_CLOCK_H
#define WSS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum { NS_PER_US = 1000, NS_PER_MS = 1000000, NS_PER_S = 1000000000 };

uint64_t clock_now_ns(void);

/* The time of clock_now_ns() at which CLOCK_MONOTONIC had that value, and the other way round. */
uint64_t clock_from_monotonic(uint64_t monotonic_ns);
uint64_t clock_to_monotonic(uint64_t t_ns);

/* Sleeps until clock_now_ns() reaches t_ns. False if tool_stop was set first. */
bool clock_sleep_until(uint64_t t_ns);

#endif
