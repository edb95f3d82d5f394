/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tlb - which guest frames a processor walks through for a load in one large array of 4 KiB pages; pure, no I/O.
 *
 * Translations are kept in sets of four, the one that was used longest ago goes. The guest's page tables have four levels;
 * of each level above the page the table used last is remembered, and a walk begins below it: at a fresh start it reads
 * four tables, to a neighbouring page one.
 */
#ifndef WSS_TLB_H
#define WSS_TLB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TLB_WAYS = 4, TLB_ENTRIES = 512, TLB_ENTRIES_MAX = 65536, TABLE_LEVELS = 4, TABLE_BITS_PER_LEVEL = 9 };

struct tlb;

/* For an array of so many pages; `entries` is a multiple of TLB_WAYS. NULL when there is no memory. */
struct tlb *tlb_new(size_t entries, uint64_t pages);
void tlb_free(struct tlb *);

/*
 * An access to the page. How many tables are walked through, in the order of the walk: table[0..n), those that name
 * pages have the lowest numbers, the root the highest; and then the page itself. Or TLB_HIT: no walk. A write to a page that
 * was only read walks again, to set its flags.
 */
enum { TLB_HIT = -1 };
int tlb_access(struct tlb *, uint64_t page, bool write, uint64_t table[TABLE_LEVELS]);

/* Forgets all translations. */
void tlb_flush(struct tlb *);

/* How many tables an array of so many pages has. */
uint64_t tlb_tables(uint64_t pages);

#endif
