/* SPDX-License-Identifier: GPL-2.0-or-later */
/* samples - counters and truth joined by time: a table of numbers, one row for each window whose truth is known. */
#ifndef WSS_SAMPLES_H
#define WSS_SAMPLES_H

#include "store.h"

#include "truth.h"

struct column_of {
	const char *name;
	bool rate;
};

struct samples {
	size_t n, p;
	double *x, *y;          /* n rows of p */
	size_t *vm;             /* of each row: its number in the store */
	size_t *block;          /* of each row: which of SAMPLE_BLOCKS parts of the VM's time */
	size_t dropped;         /* windows in which a counter was not known */
	struct column_of *column;
};
enum { SAMPLE_BLOCKS = 20 };

/*
 * `use` says whether a counter of that name is asked for; truths[v] is the truth of VM v of the store, NULL: none. Counters
 * that one of these VMs has not, or that are unknown in most windows, are left out with a note.
 */
void samples_join(const struct vms *store, const struct truth_vm *const *truths, bool (*use)(const char *name),
		  uint64_t age_ns, struct samples *samples);
void samples_release(struct samples *samples);

#endif
