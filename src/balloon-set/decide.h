/* SPDX-License-Identifier: GPL-2.0-or-later */
/* decide - what a VM's memory may be set to. Pure: no clock, no I/O; all figures are given. */
#ifndef WSS_DECIDE_H
#define WSS_DECIDE_H

#include "record.h"

#include <stdbool.h>
#include <stdint.h>

/* What was read of a VM. */
struct sizes {
	uint64_t actual_kib;     /* it has now */
	uint64_t max_kib;        /* it can have */
	uint64_t usable_kib;     /* its guest could give without swapping; UNKNOWN */
	uint64_t reported_s;     /* Unix time when the guest said so; 0 = never */
	uint64_t period_s;       /* how often it shall; 0 = not at all */
	uint64_t resident_kib;   /* the host holds for it; UNKNOWN */
};

struct rules {
	uint64_t reserve_kib;    /* left on top of what the guest cannot give */
	uint64_t step_kib;       /* most change at once */
	bool trust_lower_bound;  /* shrink also when usable is unknown */
};

enum usable { USABLE_UNKNOWN, USABLE_FRESH, USABLE_WAIT };

/*
 * Whether usable_kib says something about now. It does not when it is older than three periods (and two seconds, as
 * times are whole seconds); it is worth waiting for the next report when it is not younger than our last change, at
 * changed_s.
 */
enum usable judge_usable(const struct sizes *, uint64_t now_s, uint64_t changed_s);

/* Where the VM shall get to, and what its acknowledgement says when it is there. */
struct decision {
	uint64_t goal_kib;       /* actual_kib = nothing is to be changed */
	enum result result;
};

struct decision decide(const struct rules *, const struct sizes *, enum usable, uint64_t target_kib);

/* The first step from actual_kib to goal_kib. */
uint64_t decide_step(const struct rules *, uint64_t actual_kib, uint64_t goal_kib);

/* Whether a VM that had from_kib and was told want_kib has done it. */
bool has_followed(uint64_t from_kib, uint64_t want_kib, uint64_t actual_kib);

/*
 * Whether a guest only says it gave memory back: the host then holds more for it than it can use, by more than
 * OVERHEAD_KIB and by more than it did before the change.
 */
enum { OVERHEAD_KIB = 128 << 10 };
bool is_lying(const struct sizes *before, const struct sizes *now);

#endif
