/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unit: pages of a trace ring buffer as Linux 6.1 makes them, put together by hand here; the texts are recorded ones. */
#include "../../src/wss-trace/kvm/ring.c"
#include "fixture.h"
#include "tap.h"

enum { PAGE = 4096, HEAD = 16, ID = 1447, LOG_ID = 1559, VM = 7 };

static struct ring_format format;

/* ---- making pages ---- */

struct maker {
	unsigned char page[PAGE];
	size_t n;
};

static void make(struct maker *m, uint64_t t_ns)
{
	memset(m, 0xee, sizeof(*m));
	memcpy(m->page, &t_ns, 8);
	m->n = HEAD;
}

static void make_word(struct maker *m, uint32_t word)
{
	memcpy(m->page + m->n, &word, 4);
	m->n += 4;
}

static void make_head(struct maker *m, uint32_t type, uint32_t delta)
{
	make_word(m, delta << 5 | type);
}

/* An event of ours, with its length in the head, or behind it. */
static void make_event(struct maker *m, uint32_t delta, uint32_t thread, uint64_t kvm, uint64_t gfn, bool long_form)
{
	uint64_t ip = 0xffffffffc02a6710;

	make_head(m, long_form ? 0 : 8, delta);
	if (long_form)
		make_word(m, 36);
	make_word(m, ID);
	make_word(m, thread);
	memcpy(m->page + m->n, &ip, 8);
	memcpy(m->page + m->n + 8, &kvm, 8);
	memcpy(m->page + m->n + 16, &gfn, 8);
	m->n += 24;
}

/* The committed length, with the flags that say that events were missed before. */
static const void *made(struct maker *m)
{
	uint64_t commit = (m->n - HEAD) | UINT64_C(3) << 30;

	memcpy(m->page + 8, &commit, 8);
	return m->page;
}

/* ---- taking events ---- */

struct taken {
	struct ring_event event[64];
	size_t n;
};

static void take(void *context, const struct ring_event *event)
{
	struct taken *taken = context;

	taken->event[taken->n++] = *event;
}

static struct taken take_all(struct ring *ring, uint64_t until_ns)
{
	struct taken taken = { .n = 0 };

	ring_take(ring, until_ns, take, &taken);
	return taken;
}

/* ---- the tests ---- */

static void test_format(void)
{
	struct ring_format f;

	CHECK(ring_parse_format(fixture("kvm/header_page"), fixture("kvm/format"), &format));
	CHECK_U64(format.page, PAGE);
	CHECK_U64(format.data, HEAD);
	CHECK_U64(format.id, ID);
	CHECK_U64(format.thread.offset, 4);
	CHECK_U64(format.kvm.offset, 16);
	CHECK_U64(format.gfn.offset, 24);
	CHECK_U64(format.gfn.size, 8);
	CHECK(!ring_parse_format(fixture("kvm/format"), fixture("kvm/format"), &f));
	CHECK(!ring_parse_format(fixture("kvm/header_page"), fixture("kvm/header_page"), &f));
	/* a field of 3 bytes, an offset that is none */
	CHECK(!ring_parse_format(fixture("kvm/header_page"), "x\nID: 1\n common_type; offset:0; size:3;", &f));
	CHECK(!ring_parse_format(" data; offset:99999999; size:4080;", fixture("kvm/format"), &f));
}

static void test_log_format(void)
{
	struct ring_format f = format;

	CHECK(ring_parse_log_format(fixture("kvm/log_format"), &f));
	CHECK_U64(f.log.id, LOG_ID);
	CHECK_U64(f.log.kvm.offset, 8);
	CHECK_U64(f.log.vcpu.offset, 44);
	CHECK_U64(f.log.gfns.offset, 56);
	CHECK_U64(f.log.gfns.size, 4);
	CHECK(!ring_parse_log_format(fixture("kvm/format"), &f));
	CHECK_U64(f.log.id, 0);
}

static void test_lost(void)
{
	uint64_t lost;

	CHECK(ring_parse_lost(fixture("kvm/stats"), &lost));
	CHECK_U64(lost, 7 + 20 + 2005);
	CHECK(!ring_parse_lost("\noverrun: 7\n", &lost));
}

/* Times: 1000, +5, extended by 3 << 27 | 1, then the absolute 2^30 + 9, a discarded event 100 later, +1. */
static void test_events(void)
{
	struct ring *ring = ring_new(&format, 1);
	struct maker m;
	struct taken taken;

	make(&m, 1000);
	make_event(&m, 0, 42, VM, 111, false);
	make_event(&m, 5, 43, VM, 112, true);
	make_head(&m, 30, 1);
	make_word(&m, 3);
	make_event(&m, 0, 42, VM, 113, false);
	make_head(&m, 31, 9);
	make_word(&m, 8);
	make_event(&m, 0, 42, VM + 1, 114, false);
	make_head(&m, 29, 100); /* discarded: 12 bytes behind the head */
	make_word(&m, 12);
	make_word(&m, ID);
	make_word(&m, ID);
	make_head(&m, 2, 1); /* somebody else's event */
	make_word(&m, ID + 1);
	make_word(&m, 0);
	make_event(&m, 0, 42, VM, 115, false);
	CHECK(ring_add(ring, 0, made(&m), PAGE));
	taken = take_all(ring, UINT64_MAX);
	CHECK_U64(taken.n, 5);
	CHECK_U64(taken.event[0].t_ns, 1000);
	CHECK_U64(taken.event[0].thread, 42);
	CHECK_U64(taken.event[0].kvm, VM);
	CHECK_U64(taken.event[0].gfn, 111);
	CHECK_U64(taken.event[1].t_ns, 1005);
	CHECK_U64(taken.event[1].thread, 43);
	CHECK_U64(taken.event[1].gfn, 112);
	CHECK_U64(taken.event[2].t_ns, 1005 + (UINT64_C(3) << 27) + 1);
	CHECK_U64(taken.event[3].t_ns, (UINT64_C(1) << 30) + 9);
	CHECK_U64(taken.event[3].kvm, VM + 1);
	CHECK_U64(taken.event[4].t_ns, (UINT64_C(1) << 30) + 9 + 101);
	CHECK_U64(taken.event[4].gfn, 115);
	CHECK_U64(take_all(ring, UINT64_MAX).n, 0);
	ring_free(ring);
}

/* A processor's log of n pages from gfn on, of which the first is its entry number `first`, as the kernel writes it. */
static void make_log(struct maker *m, uint64_t first, uint64_t event, uint64_t gfn, uint32_t n, uint32_t said)
{
	const uint64_t fields[] = { VM, first, event, 99 };

	make_head(m, 0, 1);
	make_word(m, 4 + 60 + n * 8);
	make_word(m, LOG_ID);
	make_word(m, 42);
	memcpy(m->page + m->n, fields, sizeof(fields));
	m->n += sizeof(fields);
	make_word(m, 4242); /* pid */
	make_word(m, 3);    /* vcpu_id */
	make_word(m, n);
	make_word(m, 0);    /* outside */
	make_word(m, said * 8 << 16 | 60);
	for (uint32_t i = 0; i < n; i++, gfn++, m->n += 8)
		memcpy(m->page + m->n, &gfn, 8);
}

static void test_log(void)
{
	struct ring_format f = format;

	CHECK(ring_parse_log_format(fixture("kvm/log_format"), &f));
	struct ring *ring = ring_new(&f, 1);
	struct maker m;
	struct taken taken;

	make(&m, 1000);
	make_event(&m, 0, 42, VM, 111, false);
	make_log(&m, 512, 8, 500, 3, 3);
	make_log(&m, 600, 10, 700, 1, 1);
	make_log(&m, 601, 11, 800, 2, 9); /* says more than it holds */
	CHECK(ring_add(ring, 0, made(&m), PAGE));
	taken = take_all(ring, UINT64_MAX);
	CHECK_U64(taken.n, 7);
	CHECK_U64(taken.event[0].vcpu, RING_NO_VCPU);
	for (size_t i = 1; i < 4; i++) {
		CHECK_U64(taken.event[i].t_ns, 1001);
		CHECK_U64(taken.event[i].kvm, VM);
		CHECK_U64(taken.event[i].vcpu, 3);
		CHECK_U64(taken.event[i].gfn, 499 + i);
		CHECK_U64(taken.event[i].logged, 511 + i);
		CHECK_U64(taken.event[i].events, 8);
	}
	CHECK_U64(taken.event[4].gfn, 700);
	CHECK_U64(taken.event[4].logged, 600);
	CHECK_U64(taken.event[4].events, 10);
	CHECK_U64(taken.event[6].gfn, 801);
	ring_free(ring);

	/* where the kernel has no such tracepoint, the number is somebody else's */
	ring = ring_new(&format, 1);
	CHECK(ring_add(ring, 0, made(&m), PAGE));
	CHECK_U64(take_all(ring, UINT64_MAX).n, 1);
	ring_free(ring);
}

/* A page that is full has a padding of length 0 at its end; what is behind what is committed is old. */
static void test_end_of_page(void)
{
	struct ring *ring = ring_new(&format, 1);
	struct maker m;

	make(&m, 1);
	make_event(&m, 0, 1, VM, 5, false);
	make_head(&m, 29, 0);
	make_word(&m, 4); /* as if it were a discarded one of this length */
	make_event(&m, 0, 1, VM, 6, false);
	CHECK(ring_add(ring, 0, made(&m), PAGE));
	CHECK_U64(take_all(ring, UINT64_MAX).n, 1);
	make(&m, 1);
	make_event(&m, 0, 1, VM, 5, false);
	made(&m);
	make_event(&m, 0, 1, VM, 6, false); /* not committed */
	CHECK(ring_add(ring, 0, m.page, PAGE));
	CHECK_U64(take_all(ring, UINT64_MAX).n, 1);
	ring_free(ring);
}

static void test_damaged(void)
{
	struct ring *ring = ring_new(&format, 1);
	struct maker m;
	uint64_t commit = PAGE - HEAD + 8;

	/* Filled with events of 4 bytes, and one more behind the page, in m.n. */
	make(&m, 1);
	while (m.n < PAGE) {
		make_head(&m, 1, 1);
		make_word(&m, 0);
	}
	m.n = 1 << 5 | 1;
	memcpy(m.page + 8, &commit, 8);
	CHECK(!ring_add(ring, 0, m.page, PAGE));
	CHECK(!ring_add(ring, 0, m.page, 8));
	make(&m, 1);
	make_head(&m, 28, 1); /* longer than what is committed */
	CHECK(!ring_add(ring, 0, made(&m), PAGE));
	make(&m, 1);
	make_head(&m, 0, 1);
	make_word(&m, 2); /* shorter than its own length */
	make_word(&m, 2);
	CHECK(!ring_add(ring, 0, made(&m), PAGE));
	CHECK_U64(take_all(ring, UINT64_MAX).n, 0);
	ring_free(ring);
}

/* Processor 0 has times 10 20 30 40, processor 1 has 15 16 35, processor 2 nothing, processor 3 a page of 5 later. */
static void test_merge(void)
{
	static const uint64_t time[] = { 10, 15, 16, 20, 30, 35, 40 };
	struct ring *ring = ring_new(&format, 4);
	struct taken taken;
	struct maker m;

	make(&m, 10);
	for (int i = 0; i < 4; i++)
		make_event(&m, i ? 10 : 0, 1, VM, (uint64_t)i, false);
	CHECK(ring_add(ring, 0, made(&m), PAGE));
	make(&m, 15);
	make_event(&m, 0, 1, VM, 10, false);
	make_event(&m, 1, 1, VM, 11, false);
	make_event(&m, 19, 1, VM, 12, false);
	CHECK(ring_add(ring, 1, made(&m), PAGE));
	taken = take_all(ring, 30); /* not the one at 30 */
	CHECK_U64(taken.n, 4);
	for (size_t i = 0; i < taken.n; i++)
		CHECK_U64(taken.event[i].t_ns, time[i]);
	make(&m, 5);
	make_event(&m, 0, 1, VM, 20, false);
	CHECK(ring_add(ring, 3, made(&m), PAGE));
	taken = take_all(ring, 100);
	CHECK_U64(taken.n, 4);
	CHECK_U64(taken.event[0].t_ns, 5);
	for (size_t i = 1; i < taken.n; i++)
		CHECK_U64(taken.event[i].t_ns, time[3 + i]);
	ring_free(ring);
}

int main(void)
{
	test_format();
	test_log_format();
	test_lost();
	test_events();
	test_log();
	test_end_of_page();
	test_damaged();
	test_merge();
	return tap_end("ring");
}
