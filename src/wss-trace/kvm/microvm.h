/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * microvm - the smallest guest that KVM runs: one virtual processor, no kernel, no devices. It touches the pages it is
 * told to and nothing else, so KVM's dirty log of it is known beforehand, page by page.
 *
 * Page P of its memory is guest frame MICROVM_FIRST_GFN + P. Code, page tables and list lie below in a memory slot that
 * is not logged. Functions that can fail return false (or NULL) and say why in the fault; none of them dies, since one
 * thread may run the guest while another one waits. Only one may call at a time.
 */
#ifndef WSS_MICROVM_H
#define WSS_MICROVM_H

#include "../bitmap.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	MICROVM_FIRST_GFN = 1 << 20,  /* 4 GiB: above everything KVM keeps for itself */
	MICROVM_PAGES_MAX = 1 << 24,  /* 64 GiB */
	MICROVM_FAULT_MAX = 160,
};

enum microvm_log {
	MICROVM_LOG_NONE,   /* the guest is not traced */
	MICROVM_LOG_GET,    /* KVM_GET_DIRTY_LOG, which protects all written pages again */
	MICROVM_LOG_CLEAR,  /* the same, then KVM_CLEAR_DIRTY_LOG only where something was written */
	MICROVM_LOG_RING,   /* the dirty ring */
};

struct microvm_fault {
	int code; /* of sysexits.h */
	char text[MICROVM_FAULT_MAX];
};

struct microvm;

/* Whether /dev/kvm can run such a guest; *best is the kind of log to choose, *has_ring whether there is a ring. */
bool microvm_usable(enum microvm_log *best, bool *has_ring, struct microvm_fault *);

/* A guest of so many pages, none of which KVM knows yet. NULL: see the fault. */
struct microvm *microvm_new(uint64_t pages, enum microvm_log, struct microvm_fault *);
void microvm_free(struct microvm *);

/* Gives the pages to KVM (in pieces of 1 GiB): before they are touched for the first time. */
bool microvm_use(struct microvm *, uint64_t page, uint64_t pages, struct microvm_fault *);

/* Puts a touch of neighbouring pages on the guest's list; the guest runs when the list is full, and by microvm_run(). */
bool microvm_touch(struct microvm *, uint64_t page, uint64_t pages, bool read, bool write, struct microvm_fault *);
bool microvm_run(struct microvm *, struct microvm_fault *);

/* The runs of pages that KVM says were written since the last call, in rising order; from here on they are new again. */
bool microvm_written(struct microvm *, bitmap_visit *, void *context, struct microvm_fault *);

#endif
