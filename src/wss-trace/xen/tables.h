/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xen-tables - the page tables of a domain's guest (pagewalk.h): registers of its processors from the hypervisor, tables
 * mapped read-only. HVM and PVH guests, and PV ones, whose tables hold frame numbers of the host.
 */
#ifndef WSS_XEN_TABLES_H
#define WSS_XEN_TABLES_H

#include "../pagewalk.h"
#include "../../xen/xen-link.h"

enum { XEN_TABLES_USUAL = 4096 }; /* to be read in a period, at most, when the user does not say */

struct xen_tables;

/* NULL: *failure says why. */
struct xen_tables *xen_tables_open(const struct xen *, const xc_domaininfo_t *, struct failure *);
void xen_tables_close(struct xen_tables *);

/*
 * An address space that ran since the last call of xen_tables_take(), if it was seen. (Those that run at that call are found
 * by themselves.)
 */
void xen_tables_ran(struct xen_tables *, uint64_t cr3);

/*
 * Reads at most `tables` tables, and calls back for the frames that hold tables, as far as is known (pagewalk_each()):
 * each once; guest frame numbers.
 */
void xen_tables_take(struct xen_tables *, uint64_t tables, void (*run)(void *context, uint64_t gfn, uint64_t pages),
		     void *context);

struct pagewalk_facts xen_tables_facts(const struct xen_tables *);

/* Tests only, before the first call of xen_tables_take(): what is mapped. */
void xen_tables_leaves(struct xen_tables *, void (*leaf)(void *context, uint64_t va, uint64_t gfn, uint64_t pages),
		       void *context);

#endif
