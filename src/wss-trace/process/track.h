/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * track - which pages of a process were written since the last look. Two mechanisms, chosen by trying them:
 *
 *   uffd        write protection by an asynchronous userfaultfd, read by PAGEMAP_SCAN: exact; Linux 6.7 and later. The
 *               kernel takes it back when we end, however we end.
 *   soft-dirty  /proc/PID/clear_refs and pagemap: writes between the reading and the clearing, which follow each
 *               other at once, are missed.
 *
 * Nothing here dies for what is wrong with the process: a source may have others.
 */
#ifndef WSS_TRACK_H
#define WSS_TRACK_H

#include "inject.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Addresses start..end of the process; the page at `start` is reported as `gfn`. Page-aligned, in rising order. */
struct track_range {
	uint64_t start, end, gfn;
};

struct track_wish {
	pid_t pid;
	const char *mechanism;            /* "uffd", "soft-dirty"; NULL = the best that works */
	const struct track_range *range; /* NULL = all writable mappings, followed as they come and go; gfn = address */
	size_t ranges;
	bool trust_filter;                /* see inject.h */
};

struct track_facts {
	const char *mechanism;
	uint64_t blind;                   /* BLIND_*, without BLIND_GFN when ranges were given */
	uint64_t cost_ns;                 /* of the first write to a page in a period */
	uint64_t watched_pages;
	uint64_t refused_pages;           /* of mappings that cannot be watched (-v names them) */
	uint64_t resident_pages;          /* of the whole process, at most watched_pages */
	uint64_t scan_ns;                 /* the last look took */
	uint64_t faults;                  /* that the writes of the last look cost the process */
};

struct track;

/* NULL: *failure says why. */
struct track *track_open(const struct track_wish *, struct failure *);
/* Other ranges from the next look on (memory was plugged in). The list is copied. */
void track_ranges(struct track *, const struct track_range *, size_t n);
/* Calls back for runs of pages written since the last look. False: the process has gone; *why says how. */
typedef void track_visit(void *context, uint64_t gfn, uint64_t pages);
bool track_collect(struct track *, track_visit *, void *context, const char **why);
const struct track_facts *track_facts(const struct track *);
/* Stops watching and puts huge pages back together. */
void track_close(struct track *);

/* What track_open() would do, without doing it; `wish->pid` 0: on this machine at all. */
struct track_outlook {
	struct track_facts facts;
	uint64_t huge_pages;              /* that would be split and put back */
	struct failure failure;           /* code 0: it would work */
};
void track_probe(const struct track_wish *, struct track_outlook *);

/* Closes what a killed helper left in the process: how many things, or -1. */
int track_release(pid_t pid, struct failure *);

#endif
