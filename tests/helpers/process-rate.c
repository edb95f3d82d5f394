/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process-rate - what tracing a process costs: "NAME VALUE" lines for tests/bench/process.sh. The traced process is a
 * child with MEMORY, of which it writes one word in each page of HOT.
 */
#include "../../src/wss-trace/proc.c"
#include "../../src/wss-trace/process/inject.c"
#include "../../src/wss-trace/process/selftest.c"
#include "../../src/wss-trace/process/track.c"

#include "common/tool.h"

enum { MEMORY = 512 << 20, HOT = 64 << 20, TIMES = 15 };

/* Between us and the child. */
static volatile struct talk {
	int order;              /* 0 rest, 1 write without end, 2 write once and time it */
	uint64_t passes, pass_ns;
	uint64_t memory;
} *talk;

static void child(void)
{
	volatile char *memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const struct timespec pause = { .tv_nsec = NS_PER_MS };

	madvise((void *)(uintptr_t)memory, MEMORY, MADV_NOHUGEPAGE);
	memset((void *)(uintptr_t)memory, 1, MEMORY);
	talk->memory = (uint64_t)(uintptr_t)memory;
	for (;;) {
		uint64_t start_ns = clock_now_ns();

		if (talk->order == 0) {
			nanosleep(&pause, NULL);
			continue;
		}
		for (size_t at = 0; at < HOT; at += PAGE_BYTES)
			memory[at]++;
		talk->passes++;
		talk->pass_ns = clock_now_ns() - start_ns;
		if (talk->order == 2)
			talk->order = 0;
	}
}

static void wait_ms(uint64_t ms)
{
	clock_sleep_until(clock_now_ns() + ms * NS_PER_MS);
}

static uint64_t timed_pass(void)
{
	talk->order = 2;
	while (talk->order)
		wait_ms(1);
	return talk->pass_ns;
}

/* Passes in 2 s; a look each second when traced. */
static uint64_t passes(struct track *t)
{
	const char *why;
	uint64_t before;

	talk->order = 1;
	wait_ms(100);
	before = talk->passes;
	for (int second = 0; second < 2; second++) {
		wait_ms(1000);
		if (t)
			track_collect(t, forget, NULL, &why);
	}
	before = talk->passes - before;
	talk->order = 0;
	wait_ms(20);
	return before;
}

/* What is not our cost only ever adds to a time. */
static uint64_t least(const uint64_t *value)
{
	uint64_t found = value[0];

	for (int i = 1; i < TIMES; i++)
		found = value[i] < found ? value[i] : found;
	return found;
}

static uint64_t read_pagemap_ns(int pagemap)
{
	static char buffer[MEMORY / PAGE_BYTES * 8];
	uint64_t start_ns = clock_now_ns();

	if (pread(pagemap, buffer, sizeof(buffer), (off_t)(talk->memory / PAGE_BYTES * 8)) != sizeof(buffer))
		die(EX_OSERR, "cannot read pagemap");
	return clock_now_ns() - start_ns;
}

static void say_value(const char *name, uint64_t value)
{
	printf("%s %llu\n", name, (unsigned long long)value);
}

int main(void)
{
	uint64_t idle[TIMES], busy[TIMES], peer[TIMES], first[TIMES], again[TIMES], untraced, traced;
	struct track_range range;
	struct track_wish wish = { .range = &range, .ranges = 1 };
	struct failure failure;
	struct track *t;
	const char *why;

	tool_init("process-rate", TOOL_SOURCE);
	talk = mmap(NULL, sizeof(*talk), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	wish.pid = fork();
	if (wish.pid == 0)
		child();
	while (!talk->memory)
		wait_ms(1);
	range = (struct track_range){ talk->memory, talk->memory + MEMORY, 0 };
	untraced = passes(NULL);
	t = track_open(&wish, &failure);
	if (!t) {
		kill(wish.pid, SIGKILL);
		die(failure.code, "%s", failure.text);
	}
	traced = passes(t);
	for (int i = 0; i < TIMES; i++) {
		track_collect(t, forget, NULL, &why);
		track_collect(t, forget, NULL, &why);
		idle[i] = track_facts(t)->scan_ns;
		first[i] = timed_pass();
		again[i] = timed_pass();
		track_collect(t, forget, NULL, &why);
		busy[i] = track_facts(t)->scan_ns;
		peer[i] = read_pagemap_ns(t->pagemap);
	}
	track_close(t);
	untraced = (untraced + passes(NULL)) / 2;
	kill(wish.pid, SIGKILL);
	say_value("scan_idle_ns", least(idle));
	say_value("scan_written_ns", least(busy));
	say_value("pagemap_ns", least(peer));
	say_value("first_write_ns", least(first) / (HOT / PAGE_BYTES));
	say_value("next_write_ns", least(again) / (HOT / PAGE_BYTES));
	say_value("passes_traced", traced);
	say_value("passes_untraced", untraced);
	say_value("selftest_cost_ns", selftest_uffd()->cost_ns);
	return 0;
}
