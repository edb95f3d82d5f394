/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xen-rules - what the figures of Xen mean. Pure. */
#ifndef WSS_XEN_RULES_H
#define WSS_XEN_RULES_H

#include "decide.h"

/*
 * Some pages of a domain are none of its guest's memory (a PVH guest has 16 of them, its start page and so on), and stay
 * when the guest gives memory back. xl leaves this room for them above a domain's limit, and so do we.
 */
enum { XEN_EXTRA_KIB = 1024 };

/*
 * What a domain has for which Xen holds kib: its target, or all it can have, when it has that and no more than what may be
 * extra.
 */
uint64_t xen_present_kib(uint64_t kib, uint64_t target_kib, uint64_t max_kib);

/* A guest may not make its word good for longer. */
enum { XEN_PERIOD_MAX_S = 60 };

/*
 * What a guest writes into xenstore, "KIB TIME PERIOD": what it can give without swapping, the Unix time in seconds when it
 * said so, and after how many seconds it will again. False: it is not that.
 */
bool xen_parse_usable(const char *text, struct sizes *);

#endif
