/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tables.h"

#include "diag.h"
#include "../proc.h"
#include "qmp-parse.h"

#include <stdlib.h>
#include <sys/uio.h>

enum { CPUS_MAX = 1024 };

struct qemu_tables {
	pid_t pid;
	struct pagewalk *walk;
	const struct track_range *range; /* borrowed during qemu_tables_take() */
	size_t ranges;
	unsigned char page[PAGEWALK_BATCH][PAGE_BYTES];
};

/* Where a frame lies in QEMU's process; 0 when it is not RAM. */
static uint64_t address_of(const struct qemu_tables *t, uint64_t gfn)
{
	for (size_t i = 0; i < t->ranges; i++) {
		const struct track_range *r = &t->range[i];

		if (gfn >= r->gfn && gfn - r->gfn < (r->end - r->start) / PAGE_BYTES)
			return r->start + (gfn - r->gfn) * PAGE_BYTES;
	}
	return 0;
}

static void read_frames(void *context, const uint64_t *gfn, size_t n, const void **content)
{
	struct qemu_tables *t = context;
	struct iovec to[PAGEWALK_BATCH], from[PAGEWALK_BATCH];
	size_t asked[PAGEWALK_BATCH], pieces = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t address = address_of(t, gfn[i]);

		content[i] = NULL;
		if (!address)
			continue;
		asked[pieces] = i;
		to[pieces] = (struct iovec){ t->page[i], PAGE_BYTES };
		from[pieces++] = (struct iovec){ (void *)(uintptr_t)address, PAGE_BYTES };
	}
	/* It ends before a page that cannot be read. */
	for (size_t done = 0; done < pieces; done++) {
		ssize_t got = process_vm_readv(t->pid, to + done, pieces - done, from + done, pieces - done, 0);

		for (; got >= PAGE_BYTES && done < pieces; got -= PAGE_BYTES, done++)
			content[asked[done]] = t->page[asked[done]];
	}
}

struct qemu_tables *qemu_tables_new(pid_t pid)
{
	struct qemu_tables *t = or_die(calloc(1, sizeof(*t)));
	const struct pagewalk_memory memory = { .context = t, .read = read_frames };

	t->pid = pid;
	t->walk = pagewalk_new(&memory);
	return t;
}

void qemu_tables_free(struct qemu_tables *t)
{
	pagewalk_free(t->walk);
	free(t);
}

void qemu_tables_take(struct qemu_tables *t, const struct track_range *range, size_t ranges, monitor_ask *ask, void *monitor,
		      uint64_t tables, void (*run)(void *context, uint64_t gfn, uint64_t pages), void *context)
{
	static struct pagewalk_regs cpu[CPUS_MAX];
	char *answer = ask(monitor, "info registers -a");
	size_t cpus = answer ? parse_registers(answer, cpu, CPUS_MAX) : 0;
	uint64_t frames = 0;

	free(answer);
	t->range = range;
	t->ranges = ranges;
	for (size_t i = 0; i < ranges; i++) {
		uint64_t end = range[i].gfn + (range[i].end - range[i].start) / PAGE_BYTES;

		frames = end > frames ? end : frames;
	}
	pagewalk_resize(t->walk, frames);
	for (size_t i = 0; i < cpus; i++)
		pagewalk_root(t->walk, &cpu[i]);
	pagewalk_step(t->walk, tables);
	pagewalk_each(t->walk, run, context);
}
