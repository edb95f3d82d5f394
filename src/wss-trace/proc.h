/* SPDX-License-Identifier: GPL-2.0-or-later */
/* proc - what /proc says of a process: status, mappings, pagemap. Functions return -errno; nothing here dies. */
#ifndef WSS_PROC_H
#define WSS_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PAGE_SHIFT = 12, PAGE_BYTES = 1 << PAGE_SHIFT, HUGE_BYTES = 2 << 20 };

int proc_open(pid_t pid, const char *file, int flags);

/* The number behind "KEY:" in /proc/PID/status; -ENOENT when the line is not there. `base` is 10 or 16. */
int proc_status(pid_t pid, const char *key, unsigned base, uint64_t *value);
/* The letter behind "State:", 0 when the process is not there. */
char proc_state(pid_t pid);
/* COMM.PID, with '?' for bytes that do not print. */
void proc_name(pid_t pid, char *name, size_t size);
/* Resident pages, of /proc/PID/statm. */
uint64_t proc_resident_pages(pid_t pid);

struct mapping {
	uint64_t start, end;
	bool writable;
	char name[64]; /* the beginning of what stands behind it, "" for anonymous memory */
};

/* A list of mappings, in rising order; the memory is kept from one reading to the next. */
struct mappings {
	struct mapping *mapping;
	size_t n, size;
	char *text;
	size_t text_size;
};

int mappings_read(struct mappings *, pid_t pid);
void mappings_release(struct mappings *);

/* Kinds of pages, as in linux/fs.h since 6.7; here because older headers do not have them. */
enum {
	PAGE_WRITTEN = 1 << 1,
	PAGE_PRESENT = 1 << 3,
	PAGE_SWAPPED = 1 << 4,
	PAGE_ZERO = 1 << 5,
	PAGE_HUGE = 1 << 6,
};

typedef void page_visit(void *context, uint64_t start, uint64_t end);

/* Visits the runs of pages in start..end that were written since the last call, and protects them again. */
int pagemap_take_written(int pagemap, uint64_t start, uint64_t end, page_visit *, void *context);
/* Visits the runs of pages that are of one of the kinds in `anyof`. */
int pagemap_find(int pagemap, uint64_t start, uint64_t end, uint64_t anyof, page_visit *, void *context);
/* Visits the runs of pages that are soft-dirty and there, in memory or in swap. For kernels of any age. */
int pagemap_soft_dirty(int pagemap, uint64_t start, uint64_t end, page_visit *, void *context);

#endif
