/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xen-cr3 - the changes of address space of a domain's processors, as the hypervisor reports them (vm_event).
 *
 * Xen stops a processor of the guest when the ring of events, which has room for 8 or so, is full, whoever should empty it
 * having died or not. So it is emptied by a process of its own, the reader, which waits for nothing else: it keeps the events
 * in memory it shares with us, and when we end, in whatever way, it turns the reports off. Only when both are killed at once
 * does the guest stand still, until xen_cr3_release().
 */
#ifndef WSS_XEN_CR3_H
#define WSS_XEN_CR3_H

#include "../../xen/xen-link.h"

struct xen_cr3;

struct xen_cr3_event {
	uint64_t t_ns, cr3;
	uint32_t vcpu;
	bool flush; /* it has this address space as before: its translations were flushed */
};

/* Whether the domain's guest can be watched; true: nothing stands against it, as far as can be known without trying. */
bool xen_cr3_possible(const struct xen *, const xc_domaininfo_t *, struct failure *);

/* NULL: *failure says why. */
struct xen_cr3 *xen_cr3_open(const struct xen *, const xc_domaininfo_t *, struct failure *);
/* The next event. False: there are no more now. */
bool xen_cr3_next(struct xen_cr3 *, struct xen_cr3_event *);
/* Events missed since the last call. A reader that was killed is replaced. */
uint64_t xen_cr3_lost(struct xen_cr3 *);
void xen_cr3_close(struct xen_cr3 *);

/* Turns off what was left on. 1: it was; 0: nothing of ours; -1: *failure. */
int xen_cr3_release(const struct xen *, const xc_domaininfo_t *, struct failure *);

#endif
