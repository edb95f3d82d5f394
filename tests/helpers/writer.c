/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * writer - a process that does as it is told, one command per line on standard input, and answers each with a line, so
 * that a test knows which pages were written between two ticks:
 *
 *   map NAME MIB [huge|nohuge|sparse|shared|again]   memory NAME; `again` maps new memory over it, at the same place
 *   write NAME FIRST PAGES [STEP]       one word in each STEP-th page from FIRST
 *   read NAME FIRST PAGES
 *   drop NAME FIRST PAGES               MADV_DONTNEED
 *   grow NAME MIB                       mremap, where it is or elsewhere
 *   brk MIB                             more of it, written
 *   data                                writes .data and .bss (16 pages each)
 *   stack KIB                           deeper
 *   fork PAGES                          a child writes the first pages of all memory and stays
 *   exec                                becomes `sleep 60`
 *   spin MS [PAGES]                     computes without a system call, and writes the first PAGES (1) of all memory
 *   threads N                           N more threads, each beats on the first page of all memory every ms
 *   beat                                does so itself, and says "beat" every 10 ms, for ever
 *   alarm USEC                          a signal so often, with a handler; 0 ends it
 *   epoll MS                            waits for nothing: "ok 0", or "ok ERRNO" when it was not left in peace
 *   vfork MS                            stands in the kernel, where nothing but its end stops it
 *   filter                              a seccomp filter that kills for a userfaultfd
 *   rss vmpte huge                      KiB of that in /proc/self/status and smaps_rollup
 *   quit
 *
 * An answer is "ok", or for those that touch pages "ok FIRST PAGES": first frame (address / 4096) and how many.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/num.h"

enum { PAGE = 4096, AREAS = 16, MIB = 1 << 20, HUGE = 2 << 20 };

static struct area {
	char name[16];
	volatile char *at;
	size_t size;
} area[AREAS];
static size_t areas;

static volatile char in_data[16 * PAGE] = { 1 };
static volatile char in_bss[16 * PAGE];
static volatile char sink;

static uint64_t number(const char *text)
{
	uint64_t value = 0;

	if (text)
		num_u64(text, strlen(text), &value);
	return value;
}

static struct area *find(const char *name)
{
	for (size_t i = 0; i < areas; i++)
		if (strcmp(area[i].name, name) == 0)
			return &area[i];
	if (areas == AREAS)
		exit(2);
	snprintf(area[areas].name, sizeof(area[areas].name), "%s", name);
	return &area[areas++];
}

static void answer(volatile const char *at, uint64_t pages)
{
	printf("ok %llu %llu\n", (unsigned long long)((uintptr_t)at / PAGE), (unsigned long long)pages);
}

static void do_map(struct area *a, uint64_t mib, const char *how)
{
	int flags = MAP_ANONYMOUS | MAP_NORESERVE | (strcmp(how, "shared") == 0 ? MAP_SHARED : MAP_PRIVATE);
	char *at = NULL;

	if (strcmp(how, "again") == 0) {
		at = mmap((void *)(uintptr_t)a->at, a->size, PROT_READ | PROT_WRITE, flags | MAP_FIXED, -1, 0);
	} else {
		a->size = (size_t)mib * MIB;
		at = mmap(NULL, a->size + HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		at = (char *)(((uintptr_t)at + HUGE - 1) / HUGE * HUGE);
		at = mmap(at, a->size, PROT_READ | PROT_WRITE, flags | MAP_FIXED, -1, 0);
	}
	if (at == MAP_FAILED)
		exit(3);
	madvise(at, a->size, strcmp(how, "huge") == 0 ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	a->at = at;
	answer(at, a->size / PAGE);
}

static void do_write(volatile char *at, uint64_t pages, uint64_t step)
{
	for (uint64_t i = 0; i < pages; i += step ? step : 1)
		at[i * PAGE]++;
}

static void do_read(volatile char *at, uint64_t pages)
{
	for (uint64_t i = 0; i < pages; i++)
		sink = at[i * PAGE];
}

static void do_grow(struct area *a, uint64_t mib)
{
	void *at = mremap((void *)(uintptr_t)a->at, a->size, (size_t)mib * MIB, MREMAP_MAYMOVE);

	if (at == MAP_FAILED)
		exit(3);
	a->at = at;
	a->size = (size_t)mib * MIB;
	answer(at, a->size / PAGE);
}

static void do_brk(uint64_t mib)
{
	char *at = sbrk((intptr_t)(mib * MIB));

	do_write(at, mib * MIB / PAGE, 1);
	answer(at, mib * MIB / PAGE);
}

/* Each call is a page deeper. */
static __attribute__((noinline)) void do_stack(uint64_t pages)
{
	volatile char here[PAGE];

	here[0] = 1;
	if (pages > 1)
		do_stack(pages - 1);
	else
		answer(here, 1);
	sink = here[0];
}

static void do_fork(uint64_t pages)
{
	if (fork() == 0) {
		for (size_t i = 0; i < areas; i++)
			do_write(area[i].at, pages, 1);
		for (char byte; read(STDIN_FILENO, &byte, 0) == 0;)
			pause();
	}
}

static void do_spin(uint64_t ms, uint64_t pages)
{
	struct timespec t;
	uint64_t until, now;

	clock_gettime(CLOCK_MONOTONIC, &t); /* by the vdso: no system call */
	until = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000 + ms;
	do {
		for (size_t i = 0; i < areas; i++)
			do_write(area[i].at, pages ? pages : 1, 1);
		clock_gettime(CLOCK_MONOTONIC, &t);
		now = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
	} while (now < until);
}

/* Sleeps are cut short when a tracer is killed in the middle of borrowing the thread: no harm here. */
static void *do_beat(void *says)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (unsigned beat = 1;; beat++) {
		for (size_t i = 0; i < areas; i++)
			area[i].at[0]++;
		nanosleep(&pause, NULL);
		if (says && beat % 10 == 0)
			puts("beat");
	}
	return NULL;
}

static void do_threads(uint64_t n)
{
	pthread_t thread;

	for (uint64_t i = 0; i < n; i++)
		pthread_create(&thread, NULL, do_beat, NULL);
}

static void on_alarm(int sig)
{
	(void)sig;
}

static void do_alarm(uint64_t us)
{
	const struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	const struct itimerval every = { { 0, (suseconds_t)us }, { 0, (suseconds_t)us } };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
}

static void do_epoll(uint64_t ms)
{
	struct epoll_event event;
	int fd = epoll_create1(0);

	printf("ok %d\n", epoll_wait(fd, &event, 1, (int)ms) < 0 ? errno : 0);
	close(fd);
}

static int sleep_ms(void *ms)
{
	const struct timespec time = { (time_t)(*(uint64_t *)ms / 1000), (long)(*(uint64_t *)ms % 1000) * 1000000 };

	return nanosleep(&time, NULL);
}

static void do_vfork(uint64_t ms)
{
	static char stack[4 * PAGE] __attribute__((aligned(16)));
	pid_t child = clone(sleep_ms, stack + sizeof(stack), CLONE_VFORK | CLONE_VM | SIGCHLD, &ms);

	waitpid(child, NULL, 0);
	puts("ok");
}

static void do_filter(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_userfaultfd, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(*code), code };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	printf("ok %d\n", prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

/* The number behind `key` in a file of /proc/self. */
static void do_tell(const char *file, const char *key)
{
	char line[256];
	uint64_t value = 0;
	FILE *in = fopen(file, "r");

	while (in && fgets(line, sizeof(line), in))
		if (strncmp(line, key, strlen(key)) == 0) {
			const char *digits = line + strcspn(line, "0123456789");

			num_u64(digits, strspn(digits, "0123456789"), &value);
		}
	printf("ok %llu\n", (unsigned long long)value);
}

int main(void)
{
	char line[256];

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("ok %d\n", (int)getpid());
	while (fgets(line, sizeof(line), stdin)) {
		char *word[6] = { "", "", "", "", "", "" }, *rest = line;
		struct area *a;

		for (int i = 0; i < 6 && (word[i] = strsep(&rest, " \n")) && *word[i]; i++) {
		}
		for (int i = 0; i < 6; i++)
			word[i] = word[i] ? word[i] : "";
		a = *word[1] >= 'a' ? find(word[1]) : NULL;
		if (strcmp(word[0], "map") == 0) {
			do_map(a, number(word[2]), word[3]);
		} else if (strcmp(word[0], "write") == 0) {
			do_write(a->at + number(word[2]) * PAGE, number(word[3]), number(word[4]));
			answer(a->at + number(word[2]) * PAGE, number(word[3]));
		} else if (strcmp(word[0], "read") == 0) {
			do_read(a->at + number(word[2]) * PAGE, number(word[3]));
			puts("ok");
		} else if (strcmp(word[0], "drop") == 0) {
			madvise((void *)(uintptr_t)(a->at + number(word[2]) * PAGE), number(word[3]) * PAGE,
				MADV_DONTNEED);
			puts("ok");
		} else if (strcmp(word[0], "grow") == 0) {
			do_grow(a, number(word[2]));
		} else if (strcmp(word[0], "brk") == 0) {
			do_brk(number(word[1]));
		} else if (strcmp(word[0], "data") == 0) {
			do_write(in_data, 16, 1);
			do_write(in_bss, 16, 1);
			printf("ok %llu %llu\n", (unsigned long long)((uintptr_t)in_data / PAGE),
			       (unsigned long long)((uintptr_t)in_bss / PAGE));
		} else if (strcmp(word[0], "stack") == 0) {
			do_stack(number(word[1]) / 4);
		} else if (strcmp(word[0], "fork") == 0) {
			do_fork(number(word[1]));
			puts("ok");
		} else if (strcmp(word[0], "spin") == 0) {
			do_spin(number(word[1]), number(word[2]));
			puts("ok");
		} else if (strcmp(word[0], "threads") == 0) {
			do_threads(number(word[1]));
			puts("ok");
		} else if (strcmp(word[0], "beat") == 0) {
			do_beat(line);
		} else if (strcmp(word[0], "alarm") == 0) {
			do_alarm(number(word[1]));
			puts("ok");
		} else if (strcmp(word[0], "epoll") == 0) {
			do_epoll(number(word[1]));
		} else if (strcmp(word[0], "vfork") == 0) {
			do_vfork(number(word[1]));
		} else if (strcmp(word[0], "filter") == 0) {
			do_filter();
		} else if (strcmp(word[0], "exec") == 0) {
			execlp("sleep", "sleep", "60", (char *)NULL);
		} else if (strcmp(word[0], "rss") == 0) {
			do_tell("/proc/self/status", "VmRSS:");
		} else if (strcmp(word[0], "vmpte") == 0) {
			do_tell("/proc/self/status", "VmPTE:");
		} else if (strcmp(word[0], "huge") == 0) {
			do_tell("/proc/self/smaps_rollup", "AnonHugePages:");
		} else if (strcmp(word[0], "quit") == 0) {
			return 0;
		} else {
			puts("what?");
		}
	}
	return 0;
}
