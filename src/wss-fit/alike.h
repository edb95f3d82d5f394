/* SPDX-License-Identifier: GPL-2.0-or-later */
/* alike - the table of --homogeneity: which counters behave alike in all files, each the recording of one guest system. */
#ifndef WSS_ALIKE_H
#define WSS_ALIKE_H

#include <stdbool.h>

/* `use` says whether a counter of that name is asked for. */
void alike_write(char *const *files, int n, bool (*use)(const char *name));

#endif
