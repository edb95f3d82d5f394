/* SPDX-License-Identifier: GPL-2.0-or-later */
/* track.h as the source libvirt uses it: ranges of a process that have frame numbers of their own. */
#include "../../src/wss-trace/proc.c"
#include "../../src/wss-trace/process/inject.c"
#include "../../src/wss-trace/process/selftest.c"
#include "../../src/wss-trace/process/track.c"

#include "tap.h"

enum { PAGES_EACH = 1024, PC_HOLE = 0x100000 };

/* Memory of the child: shared with us, so that we write it for the child through process_vm_writev. */
static char *memory;
static pid_t guest;
static uint64_t first_gfn, gfns;

static void remember(void *context, uint64_t gfn, uint64_t pages)
{
	(void)context;
	if (gfns == 0)
		first_gfn = gfn;
	gfns += pages;
}

static void guest_writes(size_t page)
{
	char byte = 7;
	struct iovec from = { &byte, 1 }, to = { memory + page * PAGE_BYTES, 1 };

	if (process_vm_writev(guest, &from, 1, &to, 1, 0) != 1)
		perror("process_vm_writev");
}

/* The frames seen since the last look: how many, and the first. */
static void check_seen(struct track *t, uint64_t n, uint64_t first)
{
	const char *why;

	gfns = first_gfn = 0;
	CHECK(track_collect(t, remember, NULL, &why));
	CHECK_U64(gfns, n);
	CHECK_U64(first_gfn, first);
}

int main(void)
{
	uint64_t start;
	struct failure failure;
	struct track *t;
	const char *why;

	if (*selftest_uffd()->cannot) {
		printf("1..0 # skip %s\n", selftest_uffd()->cannot);
		return 0;
	}
	const size_t size = (size_t)3 * PAGES_EACH * PAGE_BYTES;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	madvise(memory, size, MADV_NOHUGEPAGE);
	memset(memory, 1, size);
	guest = fork();
	if (guest == 0)
		for (;;)
			pause();

	/* One block below the hole, one above it, one that is plugged in later. */
	start = (uint64_t)(uintptr_t)memory;
	struct track_range range[3];
	for (uint64_t i = 0; i < 3; i++)
		range[i] = (struct track_range){ start + i * PAGES_EACH * PAGE_BYTES,
						 start + (i + 1) * PAGES_EACH * PAGE_BYTES, i * PC_HOLE };
	const struct track_wish wish = { .pid = guest, .range = range, .ranges = 2 };

	t = track_open(&wish, &failure);
	CHECK(t);
	CHECK_U64(track_facts(t)->blind, BLIND_READS | BLIND_DMA | BLIND_ORDER);
	CHECK_U64(track_facts(t)->watched_pages, 2 * PAGES_EACH);
	check_seen(t, 0, 0);
	guest_writes(5);
	check_seen(t, 1, 5);
	guest_writes(PAGES_EACH + 7);
	check_seen(t, 1, PC_HOLE + 7);
	CHECK_U64(track_facts(t)->faults, 1);
	guest_writes(2 * PAGES_EACH + 9);
	check_seen(t, 0, 0);

	/* All of new memory counts as written once. */
	track_ranges(t, range, 3);
	check_seen(t, PAGES_EACH, 2 * PC_HOLE);
	guest_writes(2 * PAGES_EACH + 9);
	check_seen(t, 1, 2 * PC_HOLE + 9);
	CHECK_U64(track_facts(t)->watched_pages, 3 * PAGES_EACH);
	check_seen(t, 0, 0);

	/* One tracer only. */
	CHECK(!track_open(&wish, &failure));
	CHECK(failure.code == EX_UNAVAILABLE);
	CHECK(strstr(failure.text, "another tracer"));
	guest_writes(5);
	check_seen(t, 1, 5);

	/* The guest goes. */
	kill(guest, SIGKILL);
	waitpid(guest, NULL, 0);
	CHECK(!track_collect(t, remember, NULL, &why));
	CHECK(strcmp(why, "the process has ended") == 0);
	track_close(t);
	CHECK(!track_open(&wish, &failure));
	CHECK(failure.code == EX_NOINPUT);
	return tap_end("track");
}
