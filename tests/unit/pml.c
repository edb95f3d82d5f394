/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The page-modification log against the rules of the manual, written down word by word, and against numbers worked out. */
#include "tap.h"

#include "../../src/wss-trace/model/pml.c"
#include "../../src/wss-trace/model/tlb.c"

#include <string.h>

enum { DRAINS_MAX = 4096, GFNS = 3000, STEPS = 200000 };

/* What came out. */
struct seen {
	uint64_t entries, drains, fulls, stops;
	uint64_t first, last;                 /* entry of the last drain */
	uint64_t length[DRAINS_MAX];
	uint64_t sum;                         /* of all entries, in their order */
};

static void note_drain(void *context, uint64_t t_ns, const uint64_t *gfn, size_t n, bool full, bool stopped)
{
	struct seen *seen = context;

	(void)t_ns;
	for (size_t i = 0; i < n; i++)
		seen->sum = seen->sum * 31 + gfn[i];
	seen->first = gfn[0];
	seen->last = gfn[n - 1];
	seen->length[seen->drains++ % DRAINS_MAX] = n;
	seen->entries += n;
	seen->fulls += full;
	seen->stops += stopped;
}

static struct pml *begin(enum pml_log log, enum pml_full full, size_t entries, uint64_t handler_ns, struct seen *seen)
{
	const struct pml_rules rules = { .log = log, .full = full, .entries = entries, .handler_ns = handler_ns };

	*seen = (struct seen){ 0 };
	return pml_new(&rules, note_drain, seen);
}

/* n pages from `gfn`, one each ns from t_ns. */
static void touch(struct pml *pml, uint64_t t_ns, uint64_t gfn, uint64_t n, bool write)
{
	for (uint64_t i = 0; i < n; i++)
		CHECK(pml_access(pml, t_ns + i, gfn + i, write));
}

static void first_writes_exit_when_the_log_is_full(void)
{
	static const uint64_t n[] = { 1, 511, 512, 513, 1024, 1025, 2000, 8190, 100000 };

	for (size_t entries = 512; entries <= 1024; entries += 512)
		for (size_t i = 0; i < sizeof(n) / sizeof(n[0]); i++) {
			struct seen seen;
			struct pml *pml = begin(PML_DIRTY, PML_EXIT, entries, 0, &seen);

			touch(pml, 0, 7, n[i], true);
			CHECK_U64(seen.stops, (n[i] + entries - 1) / entries - 1);
			pml_flush(pml, n[i]);
			CHECK_U64(seen.entries, n[i]);
			CHECK_U64(seen.last, 7 + n[i] - 1);
			CHECK_U64(pml_counts(pml).exits, seen.stops);
			CHECK_U64(pml_counts(pml).full, seen.stops);
			CHECK_U64(pml_counts(pml).logged, n[i]);
			CHECK_U64(pml_counts(pml).lost, 0);
			pml_free(pml);
		}
}

static void the_log_is_filled_from_its_end(void)
{
	struct seen seen;
	struct pml *pml = begin(PML_DIRTY, PML_EXIT, 512, 0, &seen);

	touch(pml, 0, 100, 512, true);
	CHECK_U64(pml->log[511], 100);
	CHECK_U64(pml->log[0], 611);
	CHECK_U64(seen.drains, 0); /* full, but nothing has come for which there is no room */
	pml_access(pml, 1, 100, true);
	pml_access(pml, 2, 611, false);
	CHECK_U64(seen.drains, 0); /* nor now: the flags of these are set */
	pml_access(pml, 3, 5000, true);
	CHECK_U64(seen.first, 100);
	CHECK_U64(seen.last, 611); /* the one that made it exit comes after */
	CHECK_U64(pml->log[511], 5000);
	pml_free(pml);
}

static void an_accessed_flag_alone_exits_too(void)
{
	struct seen seen;
	struct pml *pml = begin(PML_DIRTY, PML_EXIT, 512, 0, &seen);

	touch(pml, 0, 0, 512, true);
	pml_access(pml, 1, 9000, false);
	CHECK_U64(seen.stops, 1);
	pml_access(pml, 2, 9000, false);
	pml_flush(pml, 3);
	CHECK_U64(seen.entries, 512); /* a read is not logged */
	pml_free(pml);
}

static void dirty_flags_log_once_until_cleared(void)
{
	struct seen seen;
	struct pml *pml = begin(PML_DIRTY, PML_EXIT, 512, 0, &seen);

	for (int i = 0; i < 3; i++)
		touch(pml, 0, 0, 100, true);
	pml_flush(pml, 1);
	CHECK_U64(seen.entries, 100);
	pml_clear_dirty(pml);
	touch(pml, 2, 0, 100, true);
	pml_flush(pml, 3);
	CHECK_U64(seen.entries, 200);
	pml_free(pml);
}

static void walks_log_all(void)
{
	struct seen seen;
	struct pml *pml = begin(PML_WALK, PML_EXIT, 512, 0, &seen);

	for (int i = 0; i < 10; i++)
		touch(pml, 0, 0, 100, i % 2);
	pml_flush(pml, 1);
	CHECK_U64(seen.entries, 1000);
	CHECK_U64(seen.stops, 1);
	pml_free(pml);
}

static void an_interrupt_drops_while_its_handler_runs(void)
{
	/* An access each ns, a handler of 10 ns: 511 logged, the 512th interrupts, the nine after it come too early. */
	struct seen seen;
	struct pml *pml = begin(PML_WALK, PML_INTERRUPT, 512, 10, &seen);

	touch(pml, 0, 0, 521, false);
	CHECK_U64(seen.fulls, 1);
	CHECK_U64(seen.stops, 0);
	CHECK_U64(seen.entries, 511);
	CHECK_U64(seen.last, 510);
	CHECK_U64(pml_counts(pml).lost, 10);
	touch(pml, 521, 521, 511, false);
	CHECK_U64(pml_counts(pml).lost, 10);
	CHECK_U64(seen.fulls, 1);
	touch(pml, 521 + 511, 0, 1, false);
	CHECK_U64(pml_counts(pml).lost, 11);
	CHECK_U64(seen.fulls, 2);
	CHECK_U64(seen.first, 521);
	pml_free(pml);

	/* What is dropped from a log of dirty flags does not come again before they are cleared. */
	pml = begin(PML_DIRTY, PML_INTERRUPT, 512, 10, &seen);
	touch(pml, 0, 0, 521, true);
	touch(pml, 1000, 511, 10, true);
	pml_flush(pml, 2000);
	CHECK_U64(seen.entries, 511);
	pml_free(pml);
}

static void a_second_log_takes_over(void)
{
	struct seen seen;
	struct pml *pml = begin(PML_DIRTY, PML_SWITCH, 512, 512, &seen);

	touch(pml, 0, 0, 5120, true); /* 512 ns for each, as long as the handler runs */
	CHECK_U64(seen.fulls, 9);
	CHECK_U64(seen.stops, 0);
	pml_free(pml);

	/*
	 * A handler of 513 ns: full at 512 the log is exchanged; the other one is full at 1024, 1 ns too early, and stops the
	 * processor; at 1536 the handler has ended. Every second one stops it.
	 */
	pml = begin(PML_DIRTY, PML_SWITCH, 512, 513, &seen);
	touch(pml, 0, 0, 5120, true);
	CHECK_U64(seen.fulls, 9);
	CHECK_U64(seen.stops, 4);
	pml_flush(pml, 6000);
	CHECK_U64(seen.entries, 5120);
	CHECK_U64(pml_counts(pml).lost, 0);
	pml_free(pml);
}

/* ---- the manual's words, with its index of 16 bits ---- */

struct manual {
	bool accessed[GFNS], dirty[GFNS];
	uint64_t log[512];
	uint16_t index;
	struct seen seen;
};

static void manual_empty(struct manual *m, bool stopped)
{
	uint64_t ordered[512];
	size_t n = 0;

	for (int i = 511; i > (m->index >> 9 ? -1 : (int)m->index); i--)
		ordered[n++] = m->log[i];
	m->index = 511;
	if (n)
		note_drain(&m->seen, 0, ordered, n, stopped, stopped);
}

static void manual_access(struct manual *m, uint64_t gfn, bool write)
{
	bool set_dirty = write && !m->dirty[gfn];

	if (m->accessed[gfn] && !set_dirty)
		return;
	if (m->index >> 9 != 0) /* "bits 15:9 are not all 0": exit, and the access is made again */
		manual_empty(m, true);
	m->accessed[gfn] = true;
	if (!set_dirty)
		return;
	m->dirty[gfn] = true;
	m->log[m->index--] = gfn;
}

static void random_accesses_are_as_in_the_manual(void)
{
	static struct manual manual;
	static struct seen seen;
	struct pml *pml = begin(PML_DIRTY, PML_EXIT, 512, 0, &seen);
	uint64_t x = 88172645463325252u; /* xorshift64 */

	manual.index = 511;
	for (int i = 0; i < STEPS; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		uint64_t gfn = (x >> 20) % GFNS;

		if (x % 5000 == 0) {
			pml_flush(pml, 0);
			manual_empty(&manual, false);
			pml_clear_dirty(pml);
			memset(manual.dirty, 0, sizeof(manual.dirty));
		} else {
			CHECK(pml_access(pml, 0, gfn, x % 3 == 0));
			manual_access(&manual, gfn, x % 3 == 0);
		}
	}
	CHECK(seen.fulls > 50);
	CHECK_U64(seen.fulls, manual.seen.fulls);
	CHECK_U64(seen.entries, manual.seen.entries);
	CHECK_U64(seen.drains, manual.seen.drains);
	CHECK_U64(seen.sum, manual.seen.sum);
	CHECK(memcmp(seen.length, manual.seen.length, sizeof(seen.length)) == 0);
	pml_free(pml);
}

/* ---- translations ---- */

static void a_fresh_walk_reads_four_tables(void)
{
	/* 1000 pages: two tables that name pages (0, 1), and one of each level above (2, 3, 4). */
	struct tlb *tlb = tlb_new(512, 1000);
	uint64_t table[TABLE_LEVELS];

	CHECK_U64(tlb_tables(0), 0);
	CHECK_U64(tlb_tables(1), 4);
	CHECK_U64(tlb_tables(512), 4);
	CHECK_U64(tlb_tables(1000), 5);
	CHECK_U64(tlb_tables(UINT64_C(1) << 36), (UINT64_C(1) << 27) + (1 << 18) + (1 << 9) + 1);

	CHECK(tlb_access(tlb, 0, false, table) == 4);
	CHECK(table[0] == 4 && table[1] == 3 && table[2] == 2 && table[3] == 0);
	CHECK(tlb_access(tlb, 1, false, table) == 1 && table[0] == 0);
	CHECK(tlb_access(tlb, 512, false, table) == 2 && table[0] == 2 && table[1] == 1);
	CHECK(tlb_access(tlb, 512, false, table) == TLB_HIT);
	CHECK(tlb_access(tlb, 512, true, table) == 1); /* for its dirty flag */
	CHECK(tlb_access(tlb, 512, true, table) == TLB_HIT);
	CHECK(tlb_access(tlb, 512, false, table) == TLB_HIT);
	CHECK(tlb_access(tlb, 512, true, table) == TLB_HIT);
	tlb_flush(tlb);
	CHECK(tlb_access(tlb, 513, false, table) == 4);
	tlb_free(tlb);
}

static void the_translation_used_longest_ago_goes(void)
{
	/* Two sets: even pages and odd ones. */
	struct tlb *tlb = tlb_new(8, 100);
	uint64_t table[TABLE_LEVELS];

	for (uint64_t page = 0; page < 8; page += 2)
		CHECK(tlb_access(tlb, page, false, table) != TLB_HIT);
	CHECK(tlb_access(tlb, 0, false, table) == TLB_HIT);
	CHECK(tlb_access(tlb, 8, false, table) != TLB_HIT); /* in place of 2 */
	CHECK(tlb_access(tlb, 0, false, table) == TLB_HIT);
	CHECK(tlb_access(tlb, 4, false, table) == TLB_HIT);
	CHECK(tlb_access(tlb, 2, false, table) != TLB_HIT); /* in place of 6 */
	CHECK(tlb_access(tlb, 8, false, table) == TLB_HIT);
	CHECK(tlb_access(tlb, 6, false, table) != TLB_HIT);
	CHECK(tlb_access(tlb, 1, false, table) != TLB_HIT);
	CHECK(tlb_access(tlb, 4, false, table) == TLB_HIT);
	tlb_free(tlb);
}

int main(void)
{
	first_writes_exit_when_the_log_is_full();
	the_log_is_filled_from_its_end();
	an_accessed_flag_alone_exits_too();
	dirty_flags_log_once_until_cleared();
	walks_log_all();
	an_interrupt_drops_while_its_handler_runs();
	a_second_log_takes_over();
	random_accesses_are_as_in_the_manual();
	a_fresh_walk_reads_four_tables();
	the_translation_used_longest_ago_goes();
	return tap_end("pml");
}
