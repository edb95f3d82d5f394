/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "selftest.h"

#include "clock.h"
#include "../proc.h"
#include "uffd.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGES = 8192, STEP = 3, BATCH = 31 }; /* every third page is written: runs must come out right */

/* Memory of the child, and which of its pages a mechanism says were written. */
struct trial {
	char *memory;
	bool seen[PAGES];
	int pagemap;
};

static void mark(void *context, uint64_t start, uint64_t end)
{
	struct trial *t = context;

	for (; start < end; start += PAGE_BYTES)
		t->seen[(start - (uint64_t)(uintptr_t)t->memory) >> PAGE_SHIFT] = true;
}

static bool trial_begin(struct trial *t)
{
	t->memory = mmap(NULL, (size_t)PAGES * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	t->pagemap = proc_open(getpid(), "pagemap", O_RDONLY);
	if (t->memory == MAP_FAILED || t->pagemap < 0)
		return false;
	madvise(t->memory, (size_t)PAGES * PAGE_BYTES, MADV_NOHUGEPAGE);
	memset(t->memory, 1, (size_t)PAGES * PAGE_BYTES);
	return true;
}

static int rising(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Writes one word into every STEP-th page; returns what one took: the median of batches, as we may be interrupted. */
static uint64_t write_some(struct trial *t)
{
	uint64_t batch_ns[PAGES / STEP / BATCH + 1];
	size_t batches = 0, page = 0;

	while (page < PAGES) {
		uint64_t start_ns = clock_now_ns();

		for (int i = 0; i < BATCH && page < PAGES; i++, page += STEP)
			((volatile char *)t->memory)[page * PAGE_BYTES]++;
		batch_ns[batches++] = clock_now_ns() - start_ns;
	}
	qsort(batch_ns, batches, sizeof(*batch_ns), rising);
	return batch_ns[batches / 2] / BATCH;
}

/* Whether exactly the written pages were seen. */
static bool exact(const struct trial *t)
{
	for (size_t page = 0; page < PAGES; page++)
		if (t->seen[page] != (page % STEP == 0))
			return false;
	return true;
}

static uint64_t extra_ns(uint64_t watched_ns, uint64_t free_ns)
{
	return watched_ns > free_ns ? watched_ns - free_ns : 1;
}

static void try_uffd(struct selftest *result)
{
	static struct trial t;
	uint64_t start = 0, end = 0, watched_ns;
	int uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);

	if (uffd < 0) {
		snprintf(result->cannot, sizeof(result->cannot), "no userfaultfd here: %s", strerror(errno));
		return;
	}
	if (uffd_set_up(uffd) < 0) {
		snprintf(result->cannot, sizeof(result->cannot),
			 "no asynchronous write protection in this kernel; needs Linux 6.7");
		return;
	}
	if (trial_begin(&t)) {
		start = (uint64_t)(uintptr_t)t.memory;
		end = start + (uint64_t)PAGES * PAGE_BYTES;
	}
	if (!end || uffd_watch(uffd, start, end) < 0 || pagemap_take_written(t.pagemap, start, end, mark, &t) < 0) {
		snprintf(result->cannot, sizeof(result->cannot), "no PAGEMAP_SCAN in this kernel; needs Linux 6.7");
		return;
	}
	memset(t.seen, 0, sizeof(t.seen)); /* the first look reports all */
	watched_ns = write_some(&t);
	result->cost_ns = extra_ns(watched_ns, write_some(&t));
	pagemap_take_written(t.pagemap, start, end, mark, &t);
	if (!exact(&t))
		snprintf(result->cannot, sizeof(result->cannot),
			 "PAGEMAP_SCAN does not tell written pages in this kernel");
}

static void try_soft_dirty(struct selftest *result)
{
	static struct trial t;
	int clear = proc_open(getpid(), "clear_refs", O_WRONLY);
	uint64_t start, watched_ns;

	if (!trial_begin(&t) || clear < 0 || write(clear, "4", 1) != 1) {
		snprintf(result->cannot, sizeof(result->cannot),
			 "no soft-dirty bits in this kernel; needs CONFIG_MEM_SOFT_DIRTY");
		return;
	}
	start = (uint64_t)(uintptr_t)t.memory;
	watched_ns = write_some(&t);
	result->cost_ns = extra_ns(watched_ns, write_some(&t));
	pagemap_soft_dirty(t.pagemap, start, start + (uint64_t)PAGES * PAGE_BYTES, mark, &t);
	if (!exact(&t))
		snprintf(result->cannot, sizeof(result->cannot),
			 "this kernel takes clear_refs and does nothing; needs CONFIG_MEM_SOFT_DIRTY");
}

/* In a child: what is tried leaves nothing behind, and cannot take us along. */
static void in_child(void (*try)(struct selftest *), struct selftest *result)
{
	int out[2];
	pid_t child;

	if (pipe2(out, O_CLOEXEC) < 0) {
		snprintf(result->cannot, sizeof(result->cannot), "cannot make a pipe: %s", strerror(errno));
		return;
	}
	child = fork();
	if (child == 0) {
		struct selftest mine = { 0 };

		try(&mine);
		_exit(write(out[1], &mine, sizeof(mine)) != sizeof(mine));
	}
	close(out[1]);
	if (child < 0 || read(out[0], result, sizeof(*result)) != sizeof(*result)) {
		*result = (struct selftest){ 0 };
		snprintf(result->cannot, sizeof(result->cannot), "the child that tries it was killed");
	}
	close(out[0]);
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR) {
	}
}

const struct selftest *selftest_uffd(void)
{
	static struct selftest result;

	if (!result.cost_ns && !*result.cannot)
		in_child(try_uffd, &result);
	return &result;
}

const struct selftest *selftest_soft_dirty(void)
{
	static struct selftest result;

	if (!result.cost_ns && !*result.cannot)
		in_child(try_soft_dirty, &result);
	return &result;
}

const struct selftest *selftest_idle(void)
{
	static struct selftest result;

	if (access("/sys/kernel/mm/page_idle/bitmap", F_OK) < 0)
		snprintf(result.cannot, sizeof(result.cannot),
			 "no idle page tracking in this kernel; needs CONFIG_IDLE_PAGE_TRACKING");
	else
		snprintf(result.cannot, sizeof(result.cannot), "idle page tracking is here, but not used yet");
	return &result;
}
