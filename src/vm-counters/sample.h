/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sample - the values of a VM's counters at one time, by their places in counter_table; and what can be made of them
 * without asking anybody: the parsing of /proc, the corrections for caches, counts that began anew. No I/O.
 */
#ifndef WSS_SAMPLE_H
#define WSS_SAMPLE_H

#include "record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SAMPLE_MAX = 256 }; /* counters in counter_table, at most */

struct sample {
	uint64_t value[SAMPLE_MAX]; /* UNKNOWN: there is such a counter, and its value is not known */
	bool has[SAMPLE_MAX];
};

/* What system the guest runs: the balloon driver's figures mean other things on each. */
enum guest { GUEST_LINUX, GUEST_WINDOWS };

/* How much of the page cache is taken for part of the working set. */
enum cache { CACHE_FULL, CACHE_ACTIVE, CACHE_NONE, CACHE_AVAILABLE, CACHE_OFF };

void sample_clear(struct sample *);
/* Counters that are not in the table are skipped. */
void sample_set(struct sample *, const char *name, size_t len, uint64_t value);
/* The same, on top of what is there: for the disks of a VM. */
void sample_add(struct sample *, const char *name, size_t len, uint64_t value);
/* Adds what `virsh domstats` calls that. */
void sample_add_domstat(struct sample *, const char *given, uint64_t value);
/* A value in KiB or a count as libvirt passes it on: UNKNOWN when the guest never reported it. */
uint64_t sample_reported(uint64_t value);

/* How a file of /proc or of a cgroup is written. */
enum format {
	FORMAT_MEMINFO,  /* "Name:   12 kB" */
	FORMAT_PAIRS,    /* "name 12" */
	FORMAT_PRESSURE, /* "some avg10=0.00 ... total=12" */
	FORMAT_VALUE,    /* "12": the counter is called as `prefix` */
};

/* The counters in a file's text; their names begin with `prefix`. Lines that are not as they should be are skipped. */
void sample_parse(struct sample *, enum format, const char *prefix, const char *text, size_t len);

/* Adds the working set by that rule, if the counters that it needs are there. */
void sample_correct(struct sample *, enum cache, enum guest);

/* Makes counts that are less than in `before` unknown, and keeps the sample there. */
void sample_resets(struct sample *, struct sample *before);

#endif
