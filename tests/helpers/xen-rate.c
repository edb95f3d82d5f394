/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xen-rate - in the dom0 of a Xen host, what a look at the log of a domain costs, and a walk of its guest's page tables:
 * numbers for tests/bench/beds/xen.sh, "NAME VALUE" lines. Times are processor times of dom0, hypercalls included, the
 * least of some rounds; only their ratios to copies of a bitmap or a table are looked at.
 *
 * usage: xen-rate DOMAIN (it should be idle)
 */
#include "../../src/wss-trace/bitmap.c"
#include "../../src/wss-trace/xen/log.c"
#include "../../src/wss-trace/xen/tables.h"

#include "common/clock.h"
#include "common/tool.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum { ROUNDS = 30, COPIES = 50, FRAME = 4096 };

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* Keeps the least time since start_ns. */
static void keep(uint64_t *least_ns, uint64_t start_ns)
{
	uint64_t ns = cpu_ns() - start_ns;

	if (ns < *least_ns)
		*least_ns = ns;
}

static void count(void *context, uint64_t gfn, uint64_t pages)
{
	(void)gfn;
	*(uint64_t *)context += pages;
}

static uint64_t count_bitmap(struct xen_log *log)
{
	uint64_t pages = 0;
	struct bitmap_runs runs = { .visit = count, .context = &pages };

	bitmap_take(&runs, 0, words(log), log->room / BITMAP_WORD);
	bitmap_finish(&runs);
	return pages;
}

/* What comes out of a CLEAN; its time. */
static void clean(struct xen_log *log, uint64_t *least_ns)
{
	uint64_t start_ns = cpu_ns();

	if (!read_log(log, XEN_DOMCTL_SHADOW_OP_CLEAN, log->room))
		die_errno(EX_UNAVAILABLE, "CLEAN");
	keep(least_ns, start_ns);
}

static uint64_t take(struct xen_log *log, uint64_t *least_ns)
{
	const char *why;
	uint64_t pages = 0, start_ns = cpu_ns();

	if (!xen_log_take(log, count, &pages, &why))
		die(EX_UNAVAILABLE, "%s", why);
	keep(least_ns, start_ns);
	return pages;
}

static void copy(void *to, const void *from, size_t n, uint64_t *least_ns)
{
	uint64_t start_ns = cpu_ns(), ns = UINT64_MAX;

	for (int i = 0; i < COPIES; i++) {
		memcpy(to, from, n);
		__asm__ volatile("" : : "r"(to) : "memory");
	}
	keep(&ns, start_ns);
	if (ns / COPIES < *least_ns)
		*least_ns = ns / COPIES;
}

static void time_log(struct xen_log *log, uint64_t pages)
{
	uint64_t clean_none_ns = UINT64_MAX, clean_all_ns = UINT64_MAX, take_none_ns = UINT64_MAX, take_all_ns = UINT64_MAX;
	uint64_t read_none_ns = UINT64_MAX, read_other_ns = UINT64_MAX, copy_ns = UINT64_MAX, written = 0;
	uint64_t frames = log->room, *to = or_die(malloc(frames / 8)), start_ns;

	for (int i = 0; i < ROUNDS; i++) {
		take(log, &take_none_ns);
		give_back(log, 0, pages); /* as if the guest had written all it has */
		written = take(log, &take_all_ns);

		clean(log, &clean_none_ns);
		memset(words(log), 0, frames / 8);
		start_ns = cpu_ns();
		count_bitmap(log);
		keep(&read_none_ns, start_ns);

		give_back(log, 0, pages);
		clean(log, &clean_all_ns);
		copy(to, words(log), frames / 8, &copy_ns);
		memset(words(log), 0x55, pages / 8);
		start_ns = cpu_ns();
		count_bitmap(log);
		keep(&read_other_ns, start_ns);
		put_mark(log);
	}
	free(to);
	printf("frames %" PRIu64 "\nwritten %" PRIu64 "\ncopy_ns %" PRIu64 "\n", frames, written, copy_ns);
	printf("clean_none_ns %" PRIu64 "\nclean_all_ns %" PRIu64 "\n", clean_none_ns, clean_all_ns);
	printf("read_none_ns %" PRIu64 "\nread_other_ns %" PRIu64 "\n", read_none_ns, read_other_ns);
	printf("take_none_ns %" PRIu64 "\ntake_all_ns %" PRIu64 "\n", take_none_ns, take_all_ns);
}

/* Complete walks: the lowest tables are found, not read. */
static void time_walk(struct xen_tables *tables)
{
	static char from[FRAME], to[FRAME];
	uint64_t walk_ns = UINT64_MAX, copy_ns = UINT64_MAX, found = 0, read = 0;

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t read_before = xen_tables_facts(tables).read, start_ns = cpu_ns();

		found = 0;
		xen_tables_take(tables, UINT64_MAX, count, &found);
		keep(&walk_ns, start_ns);
		read = xen_tables_facts(tables).read - read_before;
		copy(to, from, FRAME, &copy_ns);
	}
	printf("tables_found %" PRIu64 "\ntables_read %" PRIu64 "\n", found, read);
	printf("walk_ns %" PRIu64 "\ncopy_table_ns %" PRIu64 "\n", walk_ns, copy_ns);
}

int main(int argc, char **argv)
{
	struct failure failure;
	xc_domaininfo_t info;
	const struct xen *xen;
	struct xen_log *log = NULL;
	struct xen_tables *tables = NULL;

	tool_init("xen-rate", TOOL_SOURCE);
	if (argc != 2)
		die(EX_USAGE, "usage: xen-rate DOMAIN");
	if ((xen = xen_open(&failure)) && xen_find(xen, argv[1], &info, &failure))
		log = xen_log_open(xen, &info, &failure);
	if (log)
		tables = xen_tables_open(xen, &info, &failure);
	if (!tables)
		die(failure.code, "%s", failure.text);
	time_log(log, info.tot_pages);
	time_walk(tables);
	xen_tables_close(tables);
	xen_log_close(log);
	return 0;
}
