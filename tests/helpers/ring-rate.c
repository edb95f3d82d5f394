/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring-rate - what source kvm costs for each page that is marked dirty, from the kernel's trace buffers to gzip: numbers for
 * tests/bench/kvm.sh, "NAME VALUE" lines. The pages are as Linux 6.1 makes them: four processors of one guest that go through
 * its memory in runs of some pages. Times are processor times of one run; only their ratios are looked at.
 */
#include "../../src/wss-trace/kvm/ring.c"

#include "common/clock.h"
#include "common/record.h"
#include "common/tool.h"

#include <inttypes.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { CPUS = 4, PAGES = 2500, PAGE = 4096, HEAD = 16, ID = 1447, EVENT = 36, EVENTS = (PAGE - HEAD) / EVENT, ROUNDS = 3 };

static const struct ring_format format = {
	.page = PAGE, .data = HEAD, .id = ID, .type = { 0, 2 }, .thread = { 4, 4 }, .kvm = { 16, 8 }, .gfn = { 24, 8 },
};
static unsigned char page[CPUS][PAGES][PAGE];

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static uint32_t chance(void)
{
	static uint32_t x = 1;

	x ^= x << 13;
	x ^= x >> 17;
	return x ^= x << 5;
}

static void make_pages(void)
{
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		uint64_t t_ns = UINT64_C(1000000000000), gfn = 0;
		unsigned run = 0;

		for (size_t i = 0; i < PAGES; i++) {
			unsigned char *at = page[cpu][i];
			uint64_t commit = EVENTS * EVENT;

			memcpy(at, &t_ns, 8);
			memcpy(at + 8, &commit, 8);
			at += HEAD;
			for (unsigned n = 0; n < EVENTS; n++, at += EVENT) {
				uint32_t delta = n ? 1500 + chance() % 1000 : 0;
				uint32_t head[3] = { delta << 5 | 8, ID, 1000 + cpu };
				uint64_t field[3] = { 0xffffffffc02a6710, 0xffffcaef405ad000, 0 };

				if (run == 0) {
					gfn = chance() % (1 << 20);
					run = 1 + chance() % 16;
				}
				field[2] = gfn++;
				run--;
				t_ns += delta;
				memcpy(at, head, sizeof(head));
				memcpy(at + sizeof(head), field, sizeof(field));
			}
			t_ns += 2000;
		}
	}
}

static void count(void *context, const struct ring_event *event)
{
	(void)event;
	++*(uint64_t *)context;
}

static void put(void *context, const struct ring_event *event)
{
	rec_put(context, &(struct rec_event){ .t_ns = event->t_ns, .vm = "guest", .vcpu = event->thread - 1000, .event = event_write,
					      .gfn = event->gfn, .pages = UNKNOWN, .arg = UNKNOWN, .lost = UNKNOWN });
}

/* All pages, some of each processor at a time, as they come. */
static void take_all(void (*visit)(void *context, const struct ring_event *), void *context)
{
	struct ring *ring = ring_new(&format, CPUS);

	for (size_t i = 0; i < PAGES; i++) {
		for (size_t cpu = 0; cpu < CPUS; cpu++)
			if (!ring_add(ring, cpu, page[cpu][i], PAGE))
				bug("a page that is none");
		if (i % 32 == 31 || i == PAGES - 1)
			ring_take(ring, UINT64_MAX, visit, context);
	}
	ring_free(ring);
}

/* A counter of this thread's instructions outside of the kernel, -1 where there is none. */
static int open_counter(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE, .size = sizeof(attr), .config = PERF_COUNT_HW_INSTRUCTIONS, .exclude_kernel = 1,
		.exclude_hv = 1,
	};

	return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static uint64_t read_counter(int counter)
{
	uint64_t n = 0;

	return counter >= 0 && read(counter, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

int main(int argc, char **argv)
{
	static unsigned char copy[CPUS][PAGES][PAGE];
	char path[] = "/tmp/ring-rate-XXXXXX";
	uint64_t copy_ns = UINT64_MAX, decode_ns = UINT64_MAX, all_ns = UINT64_MAX, begin_ns, entries = 0, instructions = 0;
	int counter = open_counter();
	struct stat st;

	(void)argc;
	tool_init(argv[0], TOOL_FILTER);
	make_pages();
	close(mkstemp(path));
	for (int round = 0; round < ROUNDS; round++) {
		begin_ns = cpu_ns();
		memcpy(copy, page, sizeof(copy));
		__asm__ volatile("" : : "r"(copy) : "memory");
		copy_ns = cpu_ns() - begin_ns < copy_ns ? cpu_ns() - begin_ns : copy_ns;

		entries = 0;
		begin_ns = cpu_ns();
		take_all(count, &entries);
		decode_ns = cpu_ns() - begin_ns < decode_ns ? cpu_ns() - begin_ns : decode_ns;

		struct rec_out *out = rec_create_file(REC_event, path);
		uint64_t before = read_counter(counter);

		begin_ns = cpu_ns();
		take_all(put, out);
		rec_close(out);
		all_ns = cpu_ns() - begin_ns < all_ns ? cpu_ns() - begin_ns : all_ns;
		instructions = read_counter(counter) - before;
	}
	stat(path, &st);
	unlink(path);
	printf("entries %" PRIu64 "\ncopy_ns %" PRIu64 "\ndecode_ns %" PRIu64 "\nall_ns %" PRIu64 "\nbytes %" PRIu64
	       "\ninstructions %" PRIu64 "\n",
	       entries, copy_ns, decode_ns, all_ns, (uint64_t)st.st_size, instructions);
	return 0;
}
