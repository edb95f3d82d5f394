/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guest-ram - where the RAM of a guest lies in its QEMU's process, as QEMU itself says. */
#ifndef WSS_GUEST_RAM_H
#define WSS_GUEST_RAM_H

#include "failure.h"
#include "../process/track.h"

#include <stddef.h>

/* The answer of QEMU's monitor to a command for people, caller frees; NULL when there is none. */
typedef char *monitor_ask(void *context, const char *command);

/* The guest's RAM in rising order of addresses, caller frees; NULL and why. */
struct track_range *guest_ram(monitor_ask *, void *context, size_t *n, struct failure *);

#endif
