/* SPDX-License-Identifier: GPL-2.0-or-later */
/* system - the files of a Linux system that hold counters: the same ones, whichever way they are fetched. */
#ifndef WSS_SYSTEM_H
#define WSS_SYSTEM_H

#include "sample.h"

enum { SYSTEM_FILES = 3, SYSTEM_TEXT = 1 << 16 /* bytes of one of them, at most */ };

struct system_file {
	const char *path; /* without the first '/' */
	enum format format;
	const char *prefix;
};

static const struct system_file system_file[SYSTEM_FILES] = {
	{ "proc/meminfo", FORMAT_MEMINFO, "" },
	{ "proc/vmstat", FORMAT_PAIRS, "" },
	{ "proc/pressure/memory", FORMAT_PRESSURE, "pressure." }, /* where the kernel has it */
};

#endif
