/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xen-link - the control interfaces of the Xen we run on, and which domains there are; for all tools that talk to Xen. */
#ifndef WSS_XEN_LINK_H
#define WSS_XEN_LINK_H

#include "failure.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Xen's headers declare types by their alignment, which they think GNU C alone can do. */
#undef __STRICT_ANSI__
#include <xenctrl.h>
#include <xendevicemodel.h>
#include <xenforeignmemory.h>
#include <xenstore.h>

struct xen {
	xc_interface *xc;
	xendevicemodel_handle *dm;
	xenforeignmemory_handle *fm;
	struct xs_handle *xs;
};

enum { XEN_UUID_MAX = 37 };

/* Opens them, once: all callers share, and they stay open until the program ends. NULL: *failure says why. */
const struct xen *xen_open(struct failure *);

/* What the hypervisor says of a domain now; false: there is none of that number. */
bool xen_info(const struct xen *, uint32_t id, xc_domaininfo_t *);
/* All domains, dom0 too, in order of their numbers; caller frees. NULL: errno. */
xc_domaininfo_t *xen_list(const struct xen *, size_t *n);
/* The domain of that name, number, or UUID. False: *failure says that there is none. */
bool xen_find(const struct xen *, const char *spec, xc_domaininfo_t *, struct failure *);

/* Its UUID as text: names and numbers may move to others. */
const char *xen_uuid(const xc_domaininfo_t *, char text[XEN_UUID_MAX]);
/* Its name, caller frees; NULL: it has none (it is being built, or has just gone). */
char *xen_name(const struct xen *, uint32_t id);
/* What xenstore has at a path that is made like printf; caller frees; NULL: nothing. */
char *xen_read(const struct xen *, const char *path, ...) __attribute__((format(printf, 2, 3)));
/* Whether there is anything below such a path. */
bool xen_has(const struct xen *, const char *path, ...) __attribute__((format(printf, 2, 3)));

/* Of the domain's state, with its memory gone or without a processor running: "it crashed"; NULL: it goes on. */
const char *xen_how_it_ended(const xc_domaininfo_t *);

#endif
