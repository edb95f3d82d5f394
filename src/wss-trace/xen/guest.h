/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xen-guest - a domain of the Xen host as both sources of Xen follow it: who it is, whether it is still there, how much
 * memory it has.
 */
#ifndef WSS_XEN_GUEST_H
#define WSS_XEN_GUEST_H

#include "../source.h"
#include "../../xen/xen-link.h"

/* Numbers and names may move to others: it is known by both number and UUID. */
struct xen_guest {
	const struct xen *xen;
	xc_domaininfo_t info; /* the last we heard */
	char *name;           /* to be freed */
	uint64_t most_pages;  /* it may have, as its configuration says */
};

/* For a target that -s named; these die when there is no Xen, or no such domain. */
const struct xen *xen_for(const struct target *);
xc_domaininfo_t xen_named(const struct xen *, const struct target *);

struct xen_guest xen_guest_of(const struct xen *, const xc_domaininfo_t *);
bool xen_guest_is(const struct xen_guest *, const xc_domaininfo_t *);
/* Its name, or "domainN"; caller frees. */
char *xen_guest_name(const struct xen *, const xc_domaininfo_t *);

/* How it ended, if it did since we last looked; what is known of it is fresh then. */
const char *xen_guest_look(struct xen_guest *);
/* A few pages of a domain are not its guest's memory: they are not to make it larger than it can be. */
uint64_t xen_guest_present_pages(const struct xen_guest *);
/* The size row of a period. */
void xen_guest_put_size(struct xen_guest *, struct target *);

#endif
