/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xen-log - the log-dirty mode of a domain: the frames that were written since the last look.
 *
 * A domain has one such log, and whoever asks is given it: live migration turns it off and on again when it finds it on, and
 * would lose, without a word, what we take out of it then. Nothing says whose it is. So it carries a mark of ours: a frame
 * that belongs to the domain but not to its guest (the identity page table, which only old processors use) is made dirty
 * after each look, as a device model does it. A log without the mark is not ours any more: it is neither read nor turned
 * off. To pass unseen, another's two calls (off, on) must fall between two of ours that follow each other at once.
 *
 * PV guests have no device model that could do so, and no such frame. Their mark is the number of a frame behind their last
 * (the last that fits into the same page of the log), of which a migration does not read. It becomes dirty as frames do
 * that the guest itself gives new numbers, with a frame of Xen's own that has no number. A guest can set the mark, too, if
 * it gives one of its frames a number that it does not have: then we could take the log of its migration for ours.
 * That spoils its own migration only, which it can do in many ways, and never happens to one that keeps to its memory.
 *
 * The mark outlives us when we are killed, which tells a log that we left on from that of a migration; a lock on a file
 * tells that another wss-trace is at work.
 */
#ifndef WSS_XEN_LOG_H
#define WSS_XEN_LOG_H

#include "../bitmap.h"
#include "../../xen/xen-link.h"

struct xen_log;

/* What stands against it, as far as can be known without trying; true: nothing. */
bool xen_log_possible(const struct xen *, const xc_domaininfo_t *, struct failure *);

/* Turns it on; a log that a killed wss-trace left, or that was left on, begins anew. NULL: *failure says why. */
struct xen_log *xen_log_open(const struct xen *, const xc_domaininfo_t *, struct failure *);
/* Calls back for the frames written since the last call, or the opening. False: no more can be had, *why says why. */
bool xen_log_take(struct xen_log *, bitmap_visit *, void *context, const char **why);
/* Turns it off, unless another has it now. */
void xen_log_close(struct xen_log *);
/* Leaves it on. */
void xen_log_leave(struct xen_log *);

/* Turns off what was left on. 1: it was; 0: nothing of ours; -1: *failure. */
int xen_log_release(const struct xen *, const xc_domaininfo_t *, struct failure *);

#endif
