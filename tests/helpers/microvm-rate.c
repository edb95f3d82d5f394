/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * microvm-rate - what the guest of source microvm does in a second, and what its log costs: numbers for
 * tests/bench/microvm.sh, "NAME VALUE" lines. Times are processor times of one run; only their ratios are looked at.
 *
 * usage: microvm-rate get|clear|ring
 */
#include "../../src/wss-trace/bitmap.c"
#include "../../src/wss-trace/kvm/microvm.c"

#include "common/clock.h"
#include "common/diag.h"
#include "common/pagetab.h"

#include <inttypes.h>
#include <time.h>

enum { PAGES = 1 << 18, ROUNDS = 4, HOT_PAGES = 20000, COPIES = 50 };


/* The processor's time that this thread has had, as guest too: other work on the machine is left out. */
static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void check(bool ok, const struct microvm_fault *fault)
{
	if (!ok)
		die(fault->code, "%s", fault->text);
}

static void fold(void *context, uint64_t page, uint64_t pages)
{
	if (!pagetab_add(context, page, pages, 0, 1))
		die(EX_OSERR, "no memory");
}

static void count(void *context, uint64_t page, uint64_t pages)
{
	(void)page;
	*(uint64_t *)context += pages;
}

static struct microvm *warm_guest(uint64_t pages, enum microvm_log log)
{
	struct microvm_fault fault;
	struct microvm *vm = microvm_new(pages, log, &fault);
	uint64_t n = 0;

	check(vm, &fault);
	check(microvm_use(vm, 0, pages, &fault) && microvm_touch(vm, 0, pages, false, true, &fault) && microvm_run(vm, &fault), &fault);
	check(log == MICROVM_LOG_NONE || microvm_written(vm, count, &n, &fault), &fault);
	return vm;
}

/* How often the guest writes all its pages within a second of its processor's time, its log being read at the end of it. */
static uint64_t passes_a_second(enum microvm_log log)
{
	struct microvm *vm = warm_guest(HOT_PAGES, log);
	struct microvm_fault fault;
	uint64_t passes = 0, written = 0;
	uint64_t start_ns = cpu_ns();

	while (cpu_ns() - start_ns < NS_PER_S) {
		check(microvm_touch(vm, 0, HOT_PAGES, false, true, &fault) && microvm_run(vm, &fault), &fault);
		passes++;
	}
	check(log == MICROVM_LOG_NONE || microvm_written(vm, count, &written, &fault), &fault);
	if (log != MICROVM_LOG_NONE && written != HOT_PAGES)
		die(EX_SOFTWARE, "the log has %" PRIu64 " pages, not %d", written, HOT_PAGES);
	microvm_free(vm);
	return passes;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The log of a GiB of written pages, of one page in the same memory, and a copy of the bitmap of that memory. */
static void time_fetch(enum microvm_log log)
{
	struct microvm *vm = warm_guest(PAGES, log);
	struct microvm_fault fault;
	struct pagetab *table = pagetab_new();
	uint64_t all_ns = UINT64_MAX, fold_ns = UINT64_MAX, one_ns = UINT64_MAX, copy_ns = UINT64_MAX;
	uint64_t *bitmap = or_die(malloc(PAGES / 8)), *copy = or_die(malloc(PAGES / 8));

	memset(bitmap, 1, PAGES / 8);
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t n = 0;

		check(microvm_touch(vm, 0, PAGES, false, true, &fault) && microvm_run(vm, &fault), &fault);
		uint64_t start_ns = cpu_ns();

		check(microvm_written(vm, i % 2 ? count : fold, i % 2 ? (void *)&n : (void *)table, &fault), &fault);
		uint64_t ns = cpu_ns() - start_ns;

		if (i % 2)
			all_ns = smaller(all_ns, ns);
		else
			fold_ns = smaller(fold_ns, ns);
		check(microvm_touch(vm, 4711, 1, false, true, &fault) && microvm_run(vm, &fault), &fault);
		start_ns = cpu_ns();
		check(microvm_written(vm, count, &n, &fault), &fault);
		one_ns = smaller(one_ns, cpu_ns() - start_ns);
		start_ns = cpu_ns();
		for (int j = 0; j < COPIES; j++) {
			memcpy(copy, bitmap, PAGES / 8);
			__asm__ volatile("" : : "r"(copy) : "memory");
		}
		copy_ns = smaller(copy_ns, (cpu_ns() - start_ns) / COPIES);
	}
	printf("fetch_ns %" PRIu64 "\nfetch_fold_ns %" PRIu64 "\nfetch_one_ns %" PRIu64 "\ncopy_ns %" PRIu64 "\n", all_ns, fold_ns,
	       one_ns, copy_ns);
	pagetab_free(table);
	free(bitmap);
	free(copy);
	microvm_free(vm);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	enum microvm_log log = strcmp(name, "get") == 0 ? MICROVM_LOG_GET : strcmp(name, "clear") == 0 ? MICROVM_LOG_CLEAR :
			       strcmp(name, "ring") == 0 ? MICROVM_LOG_RING : MICROVM_LOG_NONE;

	if (log == MICROVM_LOG_NONE)
		die(EX_USAGE, "usage: microvm-rate get|clear|ring");
	uint64_t untraced = passes_a_second(MICROVM_LOG_NONE);
	uint64_t traced = passes_a_second(log);

	printf("untraced_passes %" PRIu64 "\ntraced_passes %" PRIu64 "\n", untraced, traced);
	time_fetch(log);
	return 0;
}
