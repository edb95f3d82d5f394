/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * envelope - what holds for every target, whatever a policy wants; pure, no I/O.
 *
 *   min <= target <= max, always: a VM that stands outside goes to the nearest bound at once
 *   within the bounds, a step is at most `step`
 *   within the bounds, no shrinking where there is a reason to stay
 */
#ifndef WSS_ENVELOPE_H
#define WSS_ENVELOPE_H

#include "record.h"

#include <stdint.h>

struct envelope {
	uint64_t min_kib, max_kib; /* min <= max */
	uint64_t from_kib;         /* where the VM is */
	uint64_t step_kib;         /* the most it may move */
	enum reason stay;          /* why it must not shrink; reason_follow: it may */
};

struct decision {
	uint64_t target_kib;
	enum reason reason;
};

/* want_kib is UNKNOWN when nothing is wanted; then `stay` says why. */
struct decision envelope_decide(const struct envelope *, uint64_t want_kib);

#endif
