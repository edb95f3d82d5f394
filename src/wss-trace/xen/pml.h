/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xen-pml - the raw log of what a processor with PML saw of a domain, from a hypervisor with the patches of
 * hv-patches/xen-4.17. It is no log-dirty mode: a migration may have that at the same time, and neither disturbs the other.
 */
#ifndef WSS_XEN_PML_H
#define WSS_XEN_PML_H

#include "../../xen/xen-link.h"

#include "pml-domctl.h"

struct xen_pml_config {
	bool two_buffers, no_tables;
	uint32_t entries; /* room in the hypervisor's ring */
};

struct xen_pml;

/* What stands against it, as far as can be known without trying: for any domain, for this one. True: nothing. */
bool xen_pml_here(struct failure *);
bool xen_pml_possible(const xc_domaininfo_t *, struct failure *);

/* NULL: *failure says why. */
struct xen_pml *xen_pml_open(const xc_domaininfo_t *, const struct xen_pml_config *, struct failure *);
/* Ends the log. */
void xen_pml_close(struct xen_pml *);

/* Ends a period: what was logged until here can be read, what is written from here on is logged anew. False: errno. */
bool xen_pml_flush(struct xen_pml *);
/* The hypervisor's figures, as of then. */
const struct xen_domctl_pml_log *xen_pml_facts(const struct xen_pml *);
/* Calls back for the entries of the period, in the order of the log, some at a time. False: errno. */
bool xen_pml_read(struct xen_pml *, void (*entries)(void *context, const struct xen_pml_log_entry *, size_t n), void *context);

/* With no_tables: these frames, and no others, are left out from now on. */
void xen_pml_tables_begin(struct xen_pml *);
void xen_pml_table(struct xen_pml *, uint64_t gfn);
/* False: errno. */
bool xen_pml_tables_end(struct xen_pml *);

/* Ends a log that was left on. 1: it was; 0: none is on; -1: *failure. */
int xen_pml_release(const xc_domaininfo_t *, struct failure *);

#endif
