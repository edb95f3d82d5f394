/* SPDX-License-Identifier: GPL-2.0-or-later */
/* merge - count streams of parts of a trace, cut by VM or in time, into the stream of the whole. */
#ifndef WSS_MERGE_H
#define WSS_MERGE_H

/* Reads n files side by side, each in order of t_ns; none: standard input. Writes to the program's output. */
void merge(char *const *files, int n);

#endif
