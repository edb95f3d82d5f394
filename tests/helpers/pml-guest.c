/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pml-guest PAGES - a guest (src/wss-trace/kvm/microvm.h) whose dirty log KVM keeps for itself, so that others can watch how it
 * does. It writes all pages once, then says "ready" and does what the lines of standard input say:
 *
 *	N STRIDE	writes N pages: 0, STRIDE, 2 * STRIDE, ... (modulo PAGES), in this order, in one go
 *	N interrupted	as `N 1`, again and again for 100 signals, one each millisecond; the log is read at each of them. It
 *			runs in real time: the kernel's threads do not have the processor for what was left to them.
 *
 * Each answer has the pages written, and those that KVM's log misses or has in excess, seen from what is in the memory.
 */
#include "../../src/wss-trace/bitmap.c"
#include "../../src/wss-trace/kvm/microvm.c"

#include "num.h"

#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <sys/time.h>

enum { SIGNALS = 100 };

static struct microvm_fault fault;
static bool logged[LIST_MAX]; /* each page, since forget() */

_Noreturn static void give_up(void)
{
	fprintf(stderr, "pml-guest: %s\n", fault.text);
	exit(fault.code);
}

static void add_run(void *context, uint64_t page, uint64_t pages)
{
	(void)context;
	memset(logged + page, true, pages);
}

/* No page is written, in memory and log; nothing is running. */
static void forget(struct microvm *vm)
{
	if (!microvm_written(vm, add_run, NULL, &fault))
		give_up();
	memset(logged, false, sizeof(logged));
	for (uint64_t p = 0; p < vm->pages; p++)
		vm->memory[p * PAGE] = 0;
}

static void list_pages(struct microvm *vm, uint64_t n, uint64_t stride)
{
	for (uint64_t i = 0; i < n; i++)
		if (!microvm_touch(vm, i * stride % vm->pages, 1, false, true, &fault))
			give_up();
}

struct tally {
	uint64_t written, missing, extra;
};

/* The pages that have 1 in them against the log. */
static void compare(struct microvm *vm, struct tally *tally)
{
	*tally = (struct tally){ 0 };
	for (size_t i = 0; i < SLOTS; i++)
		vm->slot[i].touched = vm->slot[i].pages;
	if (!microvm_written(vm, add_run, NULL, &fault))
		give_up();
	for (uint64_t p = 0; p < vm->pages; p++) {
		bool written = vm->memory[p * PAGE];

		tally->written += written;
		tally->missing += written && !logged[p];
		tally->extra += !written && logged[p];
	}
}

static void print(const struct tally *tally)
{
	printf("written %" PRIu64 " missing %" PRIu64 " extra %" PRIu64 "\n", tally->written, tally->missing, tally->extra);
}

static void write_pages(struct microvm *vm, uint64_t n, uint64_t stride)
{
	struct tally tally;

	forget(vm);
	list_pages(vm, n, stride);
	if (!microvm_run(vm, &fault))
		give_up();
	compare(vm, &tally);
	print(&tally);
}

static void do_nothing(int number)
{
	(void)number;
}

/* Lets the guest in until it is through with its list or a signal comes. */
static bool run_a_while(struct microvm *vm)
{
	if (ioctl(vm->vcpu, KVM_RUN, 0) == 0)
		return vm->run->exit_reason != KVM_EXIT_INTR;
	if (errno != EINTR) {
		fail_errno(&fault, "KVM_RUN");
		give_up();
	}
	return false;
}

static void interrupt(struct microvm *vm, uint64_t n)
{
	const struct sigaction action = { .sa_handler = do_nothing };
	const struct itimerval often = { .it_interval.tv_usec = 1000, .it_value.tv_usec = 1000 }, never = { 0 };
	struct tally tally, all = { 0 };

	sigaction(SIGALRM, &action, NULL);
	if (sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 50 }) < 0) {
		fail_errno(&fault, "real time");
		give_up();
	}
	for (int signals = 0; signals < SIGNALS;) {
		forget(vm);
		list_pages(vm, n, 1);
		((struct run *)(void *)(vm->control + LIST))[vm->listed] = (struct run){ .pages = 0 };
		setitimer(ITIMER_REAL, &often, NULL);
		while (!run_a_while(vm)) {
			compare(vm, &tally);
			all.missing += tally.missing;
			all.extra += tally.extra;
			signals++;
		}
		setitimer(ITIMER_REAL, &never, NULL);
		vm->listed = 0;
		vm->listed_pages = 0;
		compare(vm, &tally);
		all.written += tally.written;
		all.missing += tally.missing;
	}
	sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){ 0 });
	print(&all);
}

/* The number that a word at *at is, and *at behind it. */
static uint64_t next_number(const char **at)
{
	size_t len = strcspn(*at, " \n");
	uint64_t value;

	if (num_u64(*at, len, &value) != NUM_OK || value > LIST_MAX) {
		fprintf(stderr, "pml-guest: bad number in '%s'\n", *at);
		exit(EX_USAGE);
	}
	*at += len;
	*at += **at == ' ';
	return value;
}

int main(int argc, char **argv)
{
	const char *at = argc == 2 ? argv[1] : "";
	uint64_t pages = next_number(&at);
	struct microvm *vm = microvm_new(pages, MICROVM_LOG_GET, &fault);
	char line[80];

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!vm || !microvm_use(vm, 0, pages, &fault))
		give_up();
	write_pages(vm, pages, 1);
	puts("ready");
	while (fgets(line, sizeof(line), stdin)) {
		at = line;
		uint64_t n = next_number(&at);

		if (strcmp(at, "interrupted\n") == 0)
			interrupt(vm, n);
		else
			write_pages(vm, n, next_number(&at));
	}
	microvm_free(vm);
	return 0;
}
