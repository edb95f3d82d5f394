/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xen-walk DOMAIN TIMES [PERIOD] - walks the page tables of a domain's guest so often, PERIOD (10ms) apart, with what is
 * mapped, and prints what the last walk found: "table,GFN,PAGES", "page,VA/4096,GFN,PAGES"; then "cost,READ,REFUSED,NS" of
 * as many walks again, without what is mapped.
 */
#include "../../src/common/clock.h"
#include "../../src/common/diag.h"
#include "../../src/common/num.h"
#include "../../src/common/tool.h"
#include "../../src/wss-trace/xen/tables.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool last_one;

static void print_table(void *context, uint64_t gfn, uint64_t n)
{
	(void)context;
	if (last_one)
		printf("table,%" PRIu64 ",%" PRIu64 "\n", gfn, n);
}

static void print_page(void *context, uint64_t va, uint64_t gfn, uint64_t n)
{
	(void)context;
	if (last_one)
		printf("page,%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n", va >> 12, gfn, n);
}

static uint64_t argument(char **argv, int i, uint64_t otherwise, enum num (*read)(const char *, uint64_t *))
{
	uint64_t value = otherwise;

	if (argv[i] && read(argv[i], &value) != NUM_OK)
		die(EX_USAGE, "%s: not understood", argv[i]);
	return value;
}

static enum num plain(const char *text, uint64_t *value)
{
	return num_u64(text, strlen(text), value);
}

static struct xen_tables *open_tables(const struct xen *xen, const char *spec)
{
	struct failure failure;
	xc_domaininfo_t info;
	struct xen_tables *t = NULL;

	if (xen_find(xen, spec, &info, &failure))
		t = xen_tables_open(xen, &info, &failure);
	if (!t)
		die(failure.code, "%s", failure.text);
	return t;
}

int main(int argc, char **argv)
{
	struct failure failure;

	tool_init("xen-walk", TOOL_SOURCE);
	if (argc < 3)
		die(EX_USAGE, "xen-walk DOMAIN TIMES [PERIOD]");
	const struct xen *xen = xen_open(&failure);
	if (!xen)
		die(failure.code, "%s", failure.text);
	uint64_t times = argument(argv, 2, 1, plain), period_ns = argument(argv, 3, 10 * NS_PER_MS, num_ns);
	struct xen_tables *t = open_tables(xen, argv[1]);

	xen_tables_leaves(t, print_page, NULL);
	for (uint64_t i = 1; i <= times; i++) {
		last_one = i == times;
		xen_tables_take(t, UINT64_MAX, print_table, NULL);
		clock_sleep_until(clock_now_ns() + period_ns);
	}
	xen_tables_close(t);

	last_one = false;
	t = open_tables(xen, argv[1]);
	uint64_t spent_ns = 0;
	for (uint64_t i = 1; i <= times; i++) {
		uint64_t begin_ns = clock_now_ns();

		xen_tables_take(t, UINT64_MAX, print_table, NULL);
		spent_ns += clock_now_ns() - begin_ns;
	}
	printf("cost,%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n", xen_tables_facts(t).read, xen_tables_facts(t).refused, spent_ns);
	xen_tables_close(t);
	return tool_finish();
}
