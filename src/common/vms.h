/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vms - what a program remembers of each VM of a stream, in the order in which they appeared. */
#ifndef WSS_VMS_H
#define WSS_VMS_H

#include "record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vms {
	size_t state_size; /* set by the owner before the first use */
	const char **name; /* interned */
	void **state;      /* state_size bytes each, zeroed at first */
	size_t n, size;
	size_t last;       /* found last: mostly the next one too */
};

/* The state of `name` (interned); a new one is zeroed, and *is_new says so (may be NULL). */
void *vms_get(struct vms *, const char *name, bool *is_new);

/* Frees the states, not what they point to. */
void vms_release(struct vms *);

/* Dies through rec_die() when t_ns is before *last_ns; else sets *last_ns. */
void vms_check_time(struct rec_in *, const char *vm, uint64_t *last_ns, uint64_t t_ns);

#endif
