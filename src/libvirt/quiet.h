/* SPDX-License-Identifier: GPL-2.0-or-later */
/* quiet - libvirt's errors as texts for our own messages; without lv_quiet() libvirt prints them as well. */
#ifndef WSS_LIBVIRT_QUIET_H
#define WSS_LIBVIRT_QUIET_H

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

static inline void lv_ignore(void *context, virErrorPtr error)
{
	(void)context;
	(void)error;
}

static inline void lv_quiet(void)
{
	virSetErrorFunc(NULL, lv_ignore);
}

/* Why the last call failed; good until the next one. */
static inline const char *lv_error(void)
{
	const virError *error = virGetLastError();

	return error && error->message ? error->message : "no reason given";
}

#endif
