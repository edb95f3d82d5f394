/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * progress - one line on the terminal that says how far long work is. Shown on standard error when that is a terminal,
 * standard output is not, we are in the foreground, and a second has passed; --progress and --no-progress force it.
 */
#ifndef WSS_PROGRESS_H
#define WSS_PROGRESS_H

#include "diag.h"

/* Redraws at most 4 times a second; cheap to call for every batch. */
void progress(const char *fmt, ...) PRINTF(1, 2);

/* Removes the line before anything else is said. */
void progress_wipe(void);

#endif
