/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libvirt-link - a connection to a libvirt of this host that may go away and come back, and questions to its domains. */
#ifndef WSS_LIBVIRT_LINK_H
#define WSS_LIBVIRT_LINK_H

#include "failure.h"
#include "../process/track.h"

#include <libvirt/libvirt.h>
#include <stdbool.h>
#include <stdint.h>

struct lv {
	virConnectPtr conn;  /* NULL: it does not answer. Borrowed until the next lv_answers() */
	const char *uri;     /* NULL: libvirt's usual one */
	unsigned connected;  /* how often: callbacks are registered once for each */
	unsigned users;
	uint64_t tried_ns;
	bool told;
};

/* NULL: *failure says why. `uri` is kept. */
struct lv *lv_open(const char *uri, struct failure *);
struct lv *lv_share(struct lv *);
void lv_close(struct lv *);
/* Whether it answers; tries again, once a second, when it went away. Tells the user when that changes. */
bool lv_answers(struct lv *);

/* Sleeps until clock_now_ns() reaches t_ns while events are handled; one of them may end it early. False: tool_stop is set. */
bool lv_wait(uint64_t t_ns);
/* For callbacks of events: ends lv_wait(). */
void lv_wake(void);

/* What is going on with the domain that tracing must keep away from ("a migration"), or NULL. */
const char *domain_job(virDomainPtr);
/* The same, asked of QEMU itself, so that what was started behind libvirt's back is seen. */
bool domain_migrates(virDomainPtr);
/*
 * Waits until a background snapshot that began while we held the domain's memory is over that (3 s at most). If it failed,
 * QEMU has left the guest paused: it is resumed, and true returned. Of other migrations nothing is touched.
 */
bool domain_resume_after_snapshot(virDomainPtr);
/* The process of the domain on this machine, or 0 and why. */
pid_t domain_pid(const char *uuid, struct failure *);
/* A monitor_ask (guest-ram.h): the context is a virDomainPtr. */
char *domain_ask(void *domain, const char *command);
/* The guest's RAM in that process, caller frees; NULL and why. */
struct track_range *domain_ranges(virDomainPtr, size_t *n, struct failure *);

#endif
