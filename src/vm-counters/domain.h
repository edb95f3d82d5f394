/* SPDX-License-Identifier: GPL-2.0-or-later */
/* domain - a running domain of libvirt, for the readers that ask libvirt. Domains of one libvirt share a connection. */
#ifndef WSS_DOMAIN_H
#define WSS_DOMAIN_H

#include "reader.h"

#include <libvirt/libvirt.h>

/* Options of all readers that ask libvirt. */
extern const char *const domain_keys[];

/*
 * The domain that the target's spec names, by its name or UUID. Names the target, and sets its guest. Options uri=URI,
 * guest=linux, guest=windows. Dies when there is no such domain, or it does not run.
 */
virDomainPtr domain_open(struct target *, bool read_only);
void domain_close(virDomainPtr);

/* After a call failed: whether the domain is there. */
enum answer domain_failed(struct target *, virDomainPtr);

#endif
