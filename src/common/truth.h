/* SPDX-License-Identifier: GPL-2.0-or-later */
/* truth - truth records held in memory, to compare with or learn from: for each VM its windows, by one of their figures. */
#ifndef WSS_TRUTH_H
#define WSS_TRUTH_H

#include "opt.h"
#include "vms.h"

#include <stddef.h>
#include <stdint.h>

/* A window, with the figure that was chosen. */
struct truth {
	uint64_t t_ns, window_ns;
	uint64_t kib;
};

struct truth_vm {
	struct truth *row;     /* in order of time */
	size_t n, size;
	uint64_t last_ns;
};

/* Initialiser of the VMs. */
#define TRUTHS_NONE { .state_size = sizeof(struct truth_vm) }

/* Dies (EX_USAGE) unless --against is touched, written or set. */
void truth_check_figure(const char *against);

/* Reads the files. Dies as rec_next() does, and (EX_DATAERR) "FILE: no row: nothing to PURPOSE" when there is none. */
void truth_read(struct vms *truths, const struct opt_list *files, const char *against, const char *purpose);

/* The truth of `vm`: as --vm says (`names`: VM=TRUTHNAME); its own name; unless --vm named one, the only one there is. */
const struct truth_vm *truth_of(const struct vms *truths, const struct opt_list *names, const char *vm);

void truth_release(struct vms *truths);

#endif
