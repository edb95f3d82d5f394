/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proc.h"

#include "diag.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int proc_open(pid_t pid, const char *file, int flags)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Digits of `base` at *text, which moves behind them. */
static uint64_t digits(const char **text, unsigned base)
{
	uint64_t value = 0;

	for (;; ++*text) {
		unsigned digit = (unsigned)(unsigned char)**text - '0';

		if (digit > 9)
			digit = **text >= 'a' && **text <= 'f' ? (unsigned)(**text - 'a') + 10 : base;
		if (digit >= base)
			return value;
		value = value * base + digit;
	}
}

/* A small file of /proc as text: at most size - 1 bytes. */
static int read_text(pid_t pid, const char *file, char *text, size_t size)
{
	int fd = proc_open(pid, file, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, text, size - 1);
	close(fd);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	return 0;
}

static const char *status_line(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (; text; text = strchr(text, '\n'), text = text ? text + 1 : NULL)
		if (strncmp(text, key, len) == 0 && text[len] == ':') {
			text += len + 1;
			return text + strspn(text, " \t");
		}
	return NULL;
}

int proc_status(pid_t pid, const char *key, unsigned base, uint64_t *value)
{
	char text[4096];
	int error = read_text(pid, "status", text, sizeof(text));
	const char *line = error ? NULL : status_line(text, key);

	if (error)
		return error;
	if (!line)
		return -ENOENT;
	*value = digits(&line, base);
	return 0;
}

char proc_state(pid_t pid)
{
	char text[4096];
	const char *line = read_text(pid, "status", text, sizeof(text)) ? NULL : status_line(text, "State");

	return line ? *line : '\0';
}

void proc_name(pid_t pid, char *name, size_t size)
{
	char comm[32] = "";

	read_text(pid, "comm", comm, sizeof(comm));
	if (*comm)
		comm[strlen(comm) - 1] = '\0'; /* the newline */
	for (char *c = comm; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	snprintf(name, size, "%s.%d", comm, (int)pid);
}

uint64_t proc_resident_pages(pid_t pid)
{
	char text[256] = "";
	const char *resident;

	if (read_text(pid, "statm", text, sizeof(text)) || !(resident = strchr(text, ' ')))
		return 0;
	resident++;
	return digits(&resident, 10);
}

/* ---- mappings ---- */

/* One line: "START-END PERMS OFFSET DEVICE INODE    NAME". */
static void mapping_parse(struct mapping *m, const char *line, const char *end)
{
	const char *name;
	size_t len;

	m->start = digits(&line, 16);
	line++;
	m->end = digits(&line, 16);
	m->writable = line[1] && line[2] == 'w';
	for (int column = 0; column < 4; column++) {
		line += strspn(line, " ");
		line += strcspn(line, " \n");
	}
	name = line + strspn(line, " ");
	len = name < end ? (size_t)(end - name) : 0;
	if (len >= sizeof(m->name))
		len = sizeof(m->name) - 1;
	memcpy(m->name, name, len);
	m->name[len] = '\0';
}

/* The whole of /proc/PID/maps into list->text. */
static int maps_text(struct mappings *list, pid_t pid)
{
	int fd = proc_open(pid, "maps", O_RDONLY);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return fd;
	do {
		if (list->text_size - len < 8192) {
			list->text_size = 2 * list->text_size + 65536;
			list->text = or_die(realloc(list->text, list->text_size));
		}
		n = read(fd, list->text + len, list->text_size - len - 1);
		len += n > 0 ? (size_t)n : 0;
	} while (n > 0 || (n < 0 && errno == EINTR));
	list->text[len] = '\0';
	n = n < 0 ? -errno : 0;
	close(fd);
	return (int)n;
}

int mappings_read(struct mappings *list, pid_t pid)
{
	int error = maps_text(list, pid);

	list->n = 0;
	if (error)
		return error;
	for (const char *line = list->text, *end; (end = strchr(line, '\n')); line = end + 1) {
		if (list->n == list->size) {
			list->size = 2 * list->size + 64;
			list->mapping = or_die(realloc(list->mapping, list->size * sizeof(*list->mapping)));
		}
		mapping_parse(&list->mapping[list->n++], line, end);
	}
	return 0;
}

void mappings_release(struct mappings *list)
{
	free(list->mapping);
	free(list->text);
	*list = (struct mappings){ 0 };
}

/* ---- pagemap ---- */

struct page_run {
	uint64_t start, end, kinds;
};

/* struct pm_scan_arg of linux/fs.h. */
struct scan_arg {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t inverted, all_of, any_of, returned;
};

#define SCAN _IOWR('f', 16, struct scan_arg)

enum { SCAN_PROTECT = 1, SCAN_CHECK_ASYNC = 2, SCAN_RUNS = 4096 };

static int scan(int pagemap, struct scan_arg *arg, page_visit *visit, void *context)
{
	static struct page_run run[SCAN_RUNS];

	arg->size = sizeof(*arg);
	arg->vec = (uint64_t)(uintptr_t)run;
	arg->vec_len = SCAN_RUNS;
	while (arg->start < arg->end) {
		int n = ioctl(pagemap, SCAN, arg);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		for (int i = 0; i < n; i++)
			visit(context, run[i].start, run[i].end);
		if (arg->walk_end <= arg->start)
			break;
		arg->start = arg->walk_end;
	}
	return 0;
}

int pagemap_take_written(int pagemap, uint64_t start, uint64_t end, page_visit *visit, void *context)
{
	/*
	 * Holes are left out: they would count as written, get page tables to be protected, and come back as written
	 * after MADV_DONTNEED. The zero page is left out too: it stands where memory was only read so far.
	 */
	struct scan_arg arg = {
		.flags = SCAN_PROTECT | SCAN_CHECK_ASYNC,
		.start = start,
		.end = end,
		.inverted = PAGE_ZERO,
		.all_of = PAGE_WRITTEN | PAGE_ZERO,
		.any_of = PAGE_PRESENT | PAGE_SWAPPED,
		.returned = PAGE_WRITTEN,
	};

	return scan(pagemap, &arg, visit, context);
}

int pagemap_find(int pagemap, uint64_t start, uint64_t end, uint64_t anyof, page_visit *visit, void *context)
{
	struct scan_arg arg = { .start = start, .end = end, .any_of = anyof, .returned = anyof };

	return scan(pagemap, &arg, visit, context);
}

int pagemap_soft_dirty(int pagemap, uint64_t start, uint64_t end, page_visit *visit, void *context)
{
	enum { ENTRIES = 1 << 16 };
	const uint64_t soft_dirty = 1ULL << 55, there = 3ULL << 62;
	static uint64_t entry[ENTRIES];
	uint64_t run = 0; /* its start; 0 = none */

	while (start < end) {
		uint64_t pages = (end - start) >> PAGE_SHIFT;
		size_t want = (pages < ENTRIES ? pages : ENTRIES) * sizeof(*entry);
		ssize_t got = pread(pagemap, entry, want, (off_t)(start >> PAGE_SHIFT) * (off_t)sizeof(*entry));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < (ssize_t)sizeof(*entry))
			break; /* the address space has gone */
		for (size_t i = 0; i < (size_t)got / sizeof(*entry); i++, start += PAGE_BYTES) {
			bool dirty = (entry[i] & soft_dirty) && (entry[i] & there);

			if (dirty && !run)
				run = start;
			if (!dirty && run) {
				visit(context, run, start);
				run = 0;
			}
		}
	}
	if (run)
		visit(context, run, start);
	return 0;
}
