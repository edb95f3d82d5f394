/* SPDX-License-Identifier: GPL-2.0-or-later */
/* store - counter records in memory: for each VM the rows of each counter in order of time. 16 bytes a row. */
#ifndef WSS_STORE_H
#define WSS_STORE_H

#include "vms.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct series {
	const char *name; /* of the counter, interned */
	struct {
		uint64_t t_ns, value; /* UNKNOWN: not reported, or a count that began anew */
	} *row;
	size_t n, size;
};

/* The state of a VM in struct vms. */
struct stored {
	struct series *series;
	size_t n, size, last;
	uint64_t last_ns;
};

/* Reads counter records; no files: standard input. Dies when there is no row. */
void store_read(char *const *files, int n, struct vms *vms);
void store_release(struct vms *vms);

/* NULL when the VM has no such counter. */
const struct series *store_find(const struct stored *vm, const char *name);

/*
 * Is it counted up, so that only its rise per second says something? As counter.def says; a name that is not there: when
 * it rises in some VM and mostly does not fall.
 */
bool store_is_count(const struct vms *vms, const char *name);

#endif
