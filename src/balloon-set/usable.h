/* SPDX-License-Identifier: GPL-2.0-or-later */
/* usable - what a guest of Xen writes into xenstore: "KIB TIME PERIOD". Pure. */
#ifndef WSS_USABLE_H
#define WSS_USABLE_H

#include "decide.h"

/* A guest may not make its word good for longer. */
enum { USABLE_PERIOD_MAX_S = 60 };

/*
 * What it can give without swapping, the Unix time in seconds when it said so, and after how many seconds it will again.
 * False: it is not that.
 */
bool usable_parse(const char *text, struct sizes *);

#endif
