/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pagewalk - finds the pages that hold a guest's page tables, from the registers of its processors: 4- and 5-level long
 * mode, PAE and 32-bit. Pure, no I/O: whoever calls it says what a frame contains.
 *
 * Registers tell only the address spaces that run now. Those seen before are walked again as long as they are still address
 * spaces: the upper half of such a root, the kernel's, has an entry in common with a root that runs now; a frame that was
 * given to something else has not. So nothing has to be guessed about how long a table lives.
 *
 * A table is read once in a walk, however many address spaces share it, and the lowest tables not at all: the ones above
 * name them. The guest goes on running meanwhile. So after a table was read, it is looked whether the one above still names
 * it; and a frame with an entry that no processor accepts, or that leads to a table outside of memory, is not a table.
 * Of neither anything is believed.
 */
#ifndef WSS_PAGEWALK_H
#define WSS_PAGEWALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PAGEWALK_BATCH = 64,           /* frames asked for at once, at most */
	PAGEWALK_ROOTS_MAX = 1024,     /* address spaces remembered; then the one that has not run for longest goes */
	PAGEWALK_TABLES_MAX = 1 << 20, /* of a walk, which then ends; they map 2 TiB in 4 KiB pages */
};

struct pagewalk_memory {
	void *context;
	/* The contents of n frames, 4 KiB each: borrowed until the next call; NULL where there is no memory. */
	void (*read)(void *context, const uint64_t *gfn, size_t n, const void **content);
	uint64_t frames; /* gfns from here on are not memory; at most 2^40 */
	/* Entries of a long-mode root that are not the guest's: Xen's in a PV guest. */
	unsigned hidden_first, hidden;
	/* Optional, to look at what is mapped: the lowest tables are then read too. A shared table is reported once. */
	void (*leaf)(void *context, uint64_t va, uint64_t gfn, uint64_t pages);
};

struct pagewalk_regs {
	uint64_t cr0, cr3, cr4, efer;
};

struct pagewalk;

/* `memory` is copied. */
struct pagewalk *pagewalk_new(const struct pagewalk_memory *memory);
void pagewalk_free(struct pagewalk *);
/* `frames` of the memory has changed. */
void pagewalk_resize(struct pagewalk *, uint64_t frames);

/*
 * An address space that a processor uses now, told just before pagewalk_step(): a walk that begins there takes it for one
 * that runs, and later ones know it.
 */
void pagewalk_root(struct pagewalk *, const struct pagewalk_regs *);
/* One that a processor used since the last pagewalk_step(), but may not use now. */
void pagewalk_ran(struct pagewalk *, const struct pagewalk_regs *);

/*
 * Reads at most `tables` tables, and goes on from there at the next call. True: the walk is complete, and the next call
 * begins a new one.
 */
bool pagewalk_step(struct pagewalk *, uint64_t tables);

/*
 * The frames that hold tables, each once, rising, in runs: what the last complete walk and the one under way have found.
 */
void pagewalk_each(struct pagewalk *, void (*run)(void *context, uint64_t gfn, uint64_t pages), void *context);

struct pagewalk_facts {
	uint64_t read;      /* tables, ever */
	uint64_t refused;   /* frames that were not tables, or not any more, or no memory */
	uint64_t cut;       /* walks that ended early because there were too many tables */
	size_t roots;       /* remembered now */
};
struct pagewalk_facts pagewalk_facts(const struct pagewalk *);

#endif
