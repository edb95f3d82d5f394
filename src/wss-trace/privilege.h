/* SPDX-License-Identifier: GPL-2.0-or-later */
/* privilege - gives up, for good, what is not needed once tracing has begun. */
#ifndef WSS_PRIVILEGE_H
#define WSS_PRIVILEGE_H

#include <stdint.h>

/* Of the capabilities we have, only those in the mask (1 << CAP_...) stay. Dies (EX_OSERR). */
void privilege_keep(uint64_t capabilities);

#endif
