/* SPDX-License-Identifier: GPL-2.0-or-later */
/* merge - count streams of parts of a trace, cut by VM or in time, into the stream of the whole. */
#ifndef WSS_MERGE_H
#define WSS_MERGE_H

#include "../common/record.h"

/* Reads all of n files, each in order of t_ns; none: standard input. */
void merge(char *const *files, int n, struct rec_out *out);

#endif
