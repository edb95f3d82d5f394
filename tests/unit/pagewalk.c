/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pagewalk: tables of every mode worked out by hand; what is not a table; address spaces that do not run any more; random
 * memory against a walker that goes every way anew and against the translation of single addresses.
 */
#include "../../src/wss-trace/pagewalk.c"

#include "tap.h"

enum { FRAMES = 64, FRAME_WORDS = 512, ENTRIES_32 = 1024 };

#define P UINT64_C(0x001)
#define PS UINT64_C(0x080)
#define RW_US_A UINT64_C(0x026)
#define NX (UINT64_C(1) << 63)
#define GFN(n) ((uint64_t)(n) << 12)

static const struct pagewalk_regs LONG4 = { .cr0 = 0x80050033, .cr4 = 0x6b0, .efer = 0xd01 };
static const struct pagewalk_regs LONG5 = { .cr0 = 0x80050033, .cr4 = 0x16b0, .efer = 0xd01 };
static const struct pagewalk_regs PAE = { .cr0 = 0x80050033, .cr4 = 0x6b0, .efer = 0x801 };
static const struct pagewalk_regs LEGACY = { .cr0 = 0x80050033, .cr4 = 0x690, .efer = 0 };

/* ---- memory ---- */

static union frame {
	uint64_t e64[FRAME_WORDS];
	uint32_t e32[ENTRIES_32];
} memory[FRAMES];
static bool hole[FRAMES]; /* no memory there */
static uint64_t frames_read;

static void read_frames(void *context, const uint64_t *gfn, size_t n, const void **content)
{
	(void)context;
	CHECK(n > 0 && n <= PAGEWALK_BATCH);
	for (size_t i = 0; i < n; i++) {
		CHECK(gfn[i] < FRAMES);
		content[i] = gfn[i] >= FRAMES || hole[gfn[i]] ? NULL : &memory[gfn[i]];
	}
	frames_read += n;
}

static void empty_memory(void)
{
	memset(memory, 0, sizeof(memory));
	memset(hole, 0, sizeof(hole));
	frames_read = 0;
}

/* ---- what is reported ---- */

enum { LEAVES_MAX = 1 << 20 };

static struct leaf {
	uint64_t va, gfn, pages;
} leaf[LEAVES_MAX];
static size_t leaves;
static uint64_t tables; /* a bit for each frame */
static uint64_t runs_end;

static void take_leaf(void *context, uint64_t va, uint64_t gfn, uint64_t pages)
{
	(void)context;
	if (leaves < LEAVES_MAX)
		leaf[leaves++] = (struct leaf){ va, gfn, pages };
}

static void take_run(void *context, uint64_t gfn, uint64_t pages)
{
	(void)context;
	CHECK(pages > 0 && gfn + pages <= FRAMES);
	CHECK(runs_end == 0 || gfn > runs_end); /* rising, not touching */
	runs_end = gfn + pages;
	for (uint64_t i = 0; i < pages && gfn + i < FRAMES; i++)
		tables |= UINT64_C(1) << (gfn + i);
}

static uint64_t found(struct pagewalk *walk)
{
	tables = runs_end = 0;
	pagewalk_each(walk, take_run, NULL);
	return tables;
}

static struct pagewalk *new_walk(bool leaves_too)
{
	const struct pagewalk_memory all = { .read = read_frames, .frames = FRAMES, .leaf = leaves_too ? take_leaf : NULL };

	leaves = 0;
	return pagewalk_new(&all);
}

static void runs_now(struct pagewalk *walk, struct pagewalk_regs regs, uint64_t cr3)
{
	regs.cr3 = cr3;
	pagewalk_root(walk, &regs);
}

/* The tables of one address space. */
static uint64_t tables_of(struct pagewalk_regs regs, uint64_t cr3)
{
	struct pagewalk *walk = new_walk(false);

	runs_now(walk, regs, cr3);
	CHECK(pagewalk_step(walk, UINT64_MAX));
	tables = found(walk);
	pagewalk_free(walk);
	return tables;
}

static void map_all(struct pagewalk_regs regs, uint64_t cr3)
{
	struct pagewalk *walk = new_walk(true);

	runs_now(walk, regs, cr3);
	CHECK(pagewalk_step(walk, UINT64_MAX));
	pagewalk_free(walk);
}

static void check_leaf(size_t i, uint64_t va, uint64_t gfn, uint64_t pages)
{
	CHECK(i < leaves);
	CHECK_U64(leaf[i].va, va);
	CHECK_U64(leaf[i].gfn, gfn);
	CHECK_U64(leaf[i].pages, pages);
}

#define SET(...) frame_set((const unsigned[]){ __VA_ARGS__ }, sizeof((const unsigned[]){ __VA_ARGS__ }) / sizeof(unsigned))
static uint64_t frame_set(const unsigned *gfn, size_t n)
{
	uint64_t set = 0;

	for (size_t i = 0; i < n; i++)
		set |= UINT64_C(1) << gfn[i];
	return set;
}

/* ---- by hand ---- */

/*
 * Root 1 -> 2 -> 3 -> 4 in the lower half, and 1 -> 5 in the upper one. Pages: 4 KiB at indexes 0,0,1,5: 2 MiB + 5 * 4 KiB;
 * 2 MiB at 0,0,2: 4 MiB; 1 GiB at 511,510: -2 GiB.
 */
static void four_levels(void)
{
	empty_memory();
	memory[1].e64[0] = GFN(2) | P | RW_US_A;
	memory[1].e64[511] = GFN(5) | P | RW_US_A;
	memory[2].e64[0] = GFN(3) | P | RW_US_A;
	memory[3].e64[1] = GFN(4) | P | RW_US_A;
	memory[3].e64[2] = GFN(0x600) | P | PS | RW_US_A | NX | UINT64_C(1) << 12; /* bit 12 is an attribute there */
	memory[3].e64[3] = GFN(40) | RW_US_A; /* not present */
	memory[4].e64[5] = GFN(0x123456) | P | PS | NX | UINT64_C(0x7ff) << 52; /* beyond memory: a device; PS: an attribute */
	memory[5].e64[510] = GFN(0x40000) | P | PS;
	CHECK_U64(tables_of(LONG4, GFN(1)), SET(1, 2, 3, 4, 5));
	CHECK_U64(frames_read, 4 + 2); /* 4, the lowest one, is not read; 1 and 2, the ones above others, twice */
	/* The identifier of the address space, and what CR3 may have above bit 51, are no part of the address. */
	CHECK_U64(tables_of(LONG4, GFN(1) | 0xfff | UINT64_C(7) << 61), SET(1, 2, 3, 4, 5));
	map_all(LONG4, GFN(1));
	CHECK_U64(leaves, 3);
	check_leaf(0, UINT64_C(0xffffffff80000000), 0x40000, 262144);
	check_leaf(1, 0x400000, 0x600, 512);
	check_leaf(2, 0x205000, 0x123456, 1);
}

static void five_levels(void)
{
	four_levels();
	memory[6].e64[0] = GFN(1) | P;
	memory[6].e64[256] = GFN(7) | P;
	memory[7].e64[0] = GFN(8) | P;
	memory[8].e64[0] = GFN(0) | P | PS;
	CHECK_U64(tables_of(LONG5, GFN(6)), SET(1, 2, 3, 4, 5, 6, 7, 8));
	map_all(LONG5, GFN(6));
	CHECK_U64(leaves, 4);
	/* 511 of the fourth level is not the upper half here: bit 47 is not the sign */
	check_leaf(0, UINT64_C(0x0000ffff80000000), 0x40000, 262144);
	check_leaf(1, UINT64_C(0xff00000000000000), 0, 262144);
	check_leaf(2, 0x400000, 0x600, 512);
	check_leaf(3, 0x205000, 0x123456, 1);
	/* The same root, taken for one of 4 levels. */
	CHECK_U64(tables_of(LONG4, GFN(6)) & SET(6), SET(6));
}

/* Two roots of 32 bytes in one frame. */
static void pae(void)
{
	empty_memory();
	memory[1].e64[4] = GFN(2) | P;           /* root at 0x1020 */
	memory[1].e64[7] = GFN(3) | P;
	memory[1].e64[8] = GFN(5) | P;           /* root at 0x1040 */
	memory[1].e64[11] = GFN(3) | P;
	memory[2].e64[1] = GFN(4) | P;
	memory[2].e64[3] = GFN(0x800) | P | PS | NX;
	memory[4].e64[7] = GFN(9) | P | PS;      /* an attribute, not a large page */
	memory[3].e64[511] = GFN(0x1200) | P | PS;
	CHECK_U64(tables_of(PAE, 0x1020), SET(1, 2, 3, 4));
	CHECK_U64(tables_of(PAE, 0x1040), SET(1, 3, 5));
	map_all(PAE, 0x1020);
	CHECK_U64(leaves, 3);
	check_leaf(0, 0x600000, 0x800, 512);
	check_leaf(1, 0xffe00000, 0x1200, 512);
	check_leaf(2, 0x207000, 9, 1);
	/* Accessed, as QEMU's emulated processor marks it in the root too. */
	memory[1].e64[4] |= ENTRY_ACCESSED;
	CHECK_U64(tables_of(PAE, 0x1020), SET(1, 2, 3, 4));
	/* Reserved bits of the two upper levels. */
	memory[1].e64[5] = GFN(2) | P | RW_US_A;
	CHECK_U64(tables_of(PAE, 0x1020), 0);
	memory[1].e64[5] = 0;
	memory[2].e64[9] = GFN(4) | P | UINT64_C(1) << 52;
	CHECK_U64(tables_of(PAE, 0x1020), SET(1, 3));
}

static void legacy(void)
{
	empty_memory();
	memory[1].e32[0] = (uint32_t)(GFN(2) | P);
	memory[1].e32[1] = (uint32_t)(GFN(0x400) | P | PS);
	memory[1].e32[1023] = (uint32_t)(0xffc00000 | P | PS | 3 << 13); /* bits 33 and 32 of the address */
	memory[2].e32[1023] = (uint32_t)(GFN(0xfffff) | P | PS | RW_US_A);
	CHECK_U64(tables_of(LEGACY, GFN(1) | 0xfff), SET(1, 2));
	map_all(LEGACY, GFN(1));
	CHECK_U64(leaves, 3);
	check_leaf(0, 0x400000, 0x400, 1024);
	check_leaf(1, 0xffc00000, 0x3ffc00, 1024);
	check_leaf(2, 0x3ff000, 0xfffff, 1);
	/* Without CR4.PSE there are no large pages: what was one is a table, here beyond memory. */
	struct pagewalk_regs small = LEGACY;

	small.cr4 = 0;
	CHECK_U64(tables_of(small, GFN(1)), 0);
	memory[1].e32[1] = (uint32_t)(GFN(3) | P | PS);
	memory[1].e32[1023] = 0;
	CHECK_U64(tables_of(small, GFN(1)), SET(1, 2, 3));
	/* Reserved: bit 21 of a large page. */
	memory[1].e32[1] = (uint32_t)(GFN(0x400) | P | PS | 1 << 21);
	CHECK_U64(tables_of(LEGACY, GFN(1)), 0);
}

static void no_paging(void)
{
	struct pagewalk_regs off = LONG4;

	four_levels();
	off.cr0 &= 0x7fffffff;
	CHECK_U64(tables_of(off, GFN(1)), 0);
}

/* ---- what is not a table ---- */

static void not_tables(void)
{
	/* Each of these alone, in frame 3: the frame and what it leads to are gone, all else stays. */
	static const uint64_t bad[] = {
		GFN(64) | P,                               /* a table beyond memory */
		GFN(0x600) | P | PS | UINT64_C(1) << 13,   /* reserved in a page of 2 MiB */
		GFN(0x600) | P | PS | UINT64_C(1) << 20,
	};
	struct pagewalk_regs no_nx = LONG4;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		four_levels();
		memory[3].e64[7] = bad[i];
		CHECK_U64(tables_of(LONG4, GFN(1)), SET(1, 2, 5));
	}
	four_levels();
	memory[2].e64[9] = GFN(0x40000) | P | PS | UINT64_C(1) << 29; /* reserved in a page of 1 GiB */
	CHECK_U64(tables_of(LONG4, GFN(1)), SET(1, 5));
	four_levels();
	memory[1].e64[9] = GFN(2) | P | PS; /* reserved in a root */
	CHECK_U64(tables_of(LONG4, GFN(1)), 0);
	four_levels();
	hole[3] = true;
	CHECK_U64(tables_of(LONG4, GFN(1)), SET(1, 2, 5));
	CHECK_U64(tables_of(LONG4, GFN(64)), 0);
	CHECK_U64(tables_of(LONG4, ENTRY_FRAME), 0);
	/* NX where it is not enabled. */
	four_levels();
	no_nx.efer &= ~EFER_NXE;
	CHECK_U64(tables_of(no_nx, GFN(1)), SET(1, 2, 5));
	/* What is not present may be anything. */
	four_levels();
	memory[3].e64[7] = ~P;
	CHECK_U64(tables_of(LONG4, GFN(1)), SET(1, 2, 3, 4, 5));
}

/* Xen's own entries of a PV guest's root lead anywhere. */
static void hidden(void)
{
	const struct pagewalk_memory pv = { .read = read_frames, .frames = FRAMES, .hidden_first = 256, .hidden = 16 };
	struct pagewalk *walk = pagewalk_new(&pv);

	four_levels();
	memory[1].e64[256] = GFN(77777) | P;
	memory[1].e64[271] = GFN(20) | P;
	memory[1].e64[272] = GFN(21) | P;
	memory[2].e64[260] = GFN(22) | P;
	runs_now(walk, LONG4, GFN(1));
	CHECK(pagewalk_step(walk, UINT64_MAX));
	CHECK_U64(found(walk), SET(1, 2, 3, 4, 5, 21, 22));
	pagewalk_free(walk);
}

/* ---- loops, self-maps, sharing ---- */

static void loops(void)
{
	/* As Windows has it: entry 493 of the root is the root. The tables appear as pages of their own map. */
	four_levels();
	memory[1].e64[493] = GFN(1) | P;
	CHECK_U64(tables_of(LONG4, GFN(1)), SET(1, 2, 3, 4, 5));
	map_all(LONG4, GFN(1));
	/* va of the root in its map: 493 four times */
	uint64_t self = UINT64_C(0xffff000000000000) | UINT64_C(493) << 39 | UINT64_C(493) << 30 | 493 << 21 | 493 << 12;
	bool there = false;

	for (size_t i = 0; i < leaves; i++)
		there = there || (leaf[i].va == self && leaf[i].gfn == 1);
	CHECK(there);
	/* All entries of one frame lead to itself. */
	empty_memory();
	for (unsigned i = 0; i < FRAME_WORDS; i++)
		memory[7].e64[i] = GFN(7) | P;
	CHECK_U64(tables_of(LONG5, GFN(7)), SET(7));
	CHECK_U64(frames_read, 4 + 3); /* at each level but the lowest, and at those above again */
	/* Two address spaces that share the kernel's tables. */
	four_levels();
	memory[10].e64[511] = memory[1].e64[511];
	memory[10].e64[3] = GFN(11) | P;
	frames_read = 0;
	struct pagewalk *walk = new_walk(false);

	runs_now(walk, LONG4, GFN(1));
	runs_now(walk, LONG4, GFN(10));
	runs_now(walk, LONG4, GFN(10) | 5); /* the same one again */
	CHECK(pagewalk_step(walk, UINT64_MAX));
	CHECK_U64(found(walk), SET(1, 2, 3, 4, 5, 10, 11));
	CHECK_U64(frames_read, 6 + 3); /* 1 and 10 again, together, and 2 */
	CHECK_U64(pagewalk_facts(walk).roots, 2);
	CHECK_U64(pagewalk_facts(walk).read, 6);
	pagewalk_free(walk);
}

/* ---- address spaces that do not run ---- */

static uint64_t walk_with(struct pagewalk *walk, uint64_t cr3)
{
	runs_now(walk, LONG4, cr3);
	CHECK(pagewalk_step(walk, UINT64_MAX));
	return found(walk);
}

static void remembered(void)
{
	struct pagewalk *walk = new_walk(false);

	/* Two processes, 1 and 10; then 10 alone runs, whose root has the kernel's entry 511, accessed. */
	four_levels();
	memory[10].e64[511] = memory[1].e64[511] ^ ENTRY_ACCESSED;
	memory[10].e64[3] = GFN(11) | P;
	CHECK_U64(walk_with(walk, GFN(1)), SET(1, 2, 3, 4, 5));
	CHECK_U64(walk_with(walk, GFN(10)), SET(1, 2, 3, 4, 5, 10, 11));
	/* A table of the one that does not run is given back. */
	memory[3].e64[1] = 0;
	CHECK_U64(walk_with(walk, GFN(10)), SET(1, 2, 3, 5, 10, 11));
	/* No processor translates now: nothing tells that the two still are address spaces. */
	CHECK(pagewalk_step(walk, UINT64_MAX));
	CHECK_U64(found(walk), 0);
	CHECK_U64(pagewalk_facts(walk).roots, 0);
	/* Process 1 ends; its root holds data that could be a table of anything but this kernel. */
	CHECK_U64(walk_with(walk, GFN(1)), SET(1, 2, 3, 5));
	memory[1].e64[511] = GFN(12) | P | RW_US_A;
	CHECK_U64(walk_with(walk, GFN(10)), SET(5, 10, 11));
	CHECK_U64(pagewalk_facts(walk).roots, 1);
	/* It is told that 1 ran in between: not the same as that it runs. */
	struct pagewalk_regs between = LONG4;

	between.cr3 = GFN(1);
	pagewalk_ran(walk, &between);
	CHECK_U64(walk_with(walk, GFN(10)), SET(5, 10, 11));
	memory[1].e64[511] = memory[10].e64[511];
	pagewalk_ran(walk, &between);
	CHECK_U64(walk_with(walk, GFN(10)), SET(1, 2, 3, 5, 10, 11));
	/* Told again of one that runs now, it still does. */
	runs_now(walk, LONG4, GFN(1));
	pagewalk_ran(walk, &between);
	CHECK(pagewalk_step(walk, UINT64_MAX));
	CHECK_U64(found(walk), SET(1, 2, 3, 5, 10, 11));
	/* An entry of the lower half in common says nothing; nor do empty ones. */
	memory[1].e64[511] = memory[10].e64[511];
	CHECK_U64(walk_with(walk, GFN(1)), SET(1, 2, 3, 5, 10, 11));
	memory[1].e64[511] = 0;
	memory[1].e64[3] = memory[10].e64[3];
	CHECK_U64(walk_with(walk, GFN(10)), SET(5, 10, 11));
	pagewalk_free(walk);
}

/* A walk in steps: what it has found so far and what the last one found. */
static void steps(void)
{
	struct pagewalk *walk = new_walk(false);

	four_levels();
	runs_now(walk, LONG4, GFN(1));
	CHECK(!pagewalk_step(walk, 1));
	CHECK_U64(found(walk), SET(1));
	CHECK(!pagewalk_step(walk, 0));
	CHECK(!pagewalk_step(walk, 2)); /* 2 and 5 */
	CHECK_U64(found(walk), SET(1, 2, 5));
	CHECK(pagewalk_step(walk, 2));
	CHECK_U64(found(walk), SET(1, 2, 3, 4, 5));
	/* The next one begins; what the last one found stands until it is over. */
	memory[2].e64[0] = 0;
	runs_now(walk, LONG4, GFN(1));
	CHECK(!pagewalk_step(walk, 2));
	CHECK_U64(found(walk), SET(1, 2, 3, 4, 5));
	CHECK(pagewalk_step(walk, 9));
	CHECK_U64(found(walk), SET(1, 2, 5));
	/* A root told while a walk is under way is for the next one. */
	memory[10].e64[511] = memory[1].e64[511];
	runs_now(walk, LONG4, GFN(1));
	CHECK(!pagewalk_step(walk, 1));
	runs_now(walk, LONG4, GFN(10));
	CHECK(pagewalk_step(walk, 9));
	CHECK_U64(found(walk), SET(1, 2, 5));
	CHECK_U64(walk_with(walk, GFN(10)), SET(1, 2, 5, 10));
	/* One that is refused as one of the past, but has run meanwhile, stays known. */
	memory[12].e64[511] = GFN(13) | P;
	CHECK_U64(walk_with(walk, GFN(12)), SET(12, 13));
	CHECK_U64(pagewalk_facts(walk).roots, 1);
	runs_now(walk, LONG4, GFN(10));
	CHECK(!pagewalk_step(walk, 1));
	runs_now(walk, LONG4, GFN(12));
	CHECK(pagewalk_step(walk, 9));
	CHECK_U64(pagewalk_facts(walk).roots, 2);
	/* Memory that shrinks. */
	pagewalk_resize(walk, 5);
	CHECK_U64(walk_with(walk, GFN(1)), 0);
	pagewalk_free(walk);
}

/*
 * Tables that are given back while a walk stands still, and hold something else when it goes on: a lowest table, of which
 * each entry leads to a page of data.
 */
static void given_back(void)
{
	struct pagewalk *walk = new_walk(false);

	four_levels();
	runs_now(walk, LONG4, GFN(1));
	CHECK(!pagewalk_step(walk, 3)); /* 1, 2, 5 */
	memory[2].e64[0] = 0;
	memory[3].e64[1] = GFN(20) | P | RW_US_A;
	memory[3].e64[2] = GFN(21) | P | RW_US_A;
	CHECK(pagewalk_step(walk, 9));
	CHECK_U64(found(walk), SET(1, 2, 5));
	CHECK_U64(pagewalk_facts(walk).refused, 1);
	/* Another table stands there now: it will be found by the next walk. */
	memory[2].e64[0] = GFN(3) | P | RW_US_A;
	runs_now(walk, LONG4, GFN(1));
	CHECK(!pagewalk_step(walk, 3));
	memory[2].e64[0] = GFN(6) | P | RW_US_A;
	CHECK(pagewalk_step(walk, 9));
	CHECK_U64(found(walk), SET(1, 2, 5));
	CHECK_U64(walk_with(walk, GFN(1)), SET(1, 2, 5, 6));
	/* What the processor marks in an entry changes nothing; nor do other entries of the table above. */
	four_levels();
	runs_now(walk, LONG4, GFN(1));
	CHECK(!pagewalk_step(walk, 3));
	memory[2].e64[0] ^= ENTRY_ACCESSED | ENTRY_DIRTY;
	memory[2].e64[1] = GFN(7) | P;
	CHECK(pagewalk_step(walk, 9));
	CHECK_U64(found(walk), SET(1, 2, 3, 4, 5));
	/* The table above is no memory any more. */
	runs_now(walk, LONG4, GFN(1));
	CHECK(!pagewalk_step(walk, 3));
	hole[2] = true;
	CHECK(pagewalk_step(walk, 9));
	CHECK_U64(found(walk), SET(1, 2, 5));
	/* A root that ran when the walk began, and was given back before it was read. */
	four_levels();
	memory[10].e64[511] = memory[1].e64[511];
	memory[10].e64[0] = GFN(2) | P;
	runs_now(walk, LONG4, GFN(1));
	runs_now(walk, LONG4, GFN(10));
	CHECK(!pagewalk_step(walk, 1));
	memory[10].e64[511] = 0;
	memory[10].e64[0] = GFN(30) | P;
	CHECK(pagewalk_step(walk, 9));
	CHECK_U64(found(walk), SET(1, 2, 3, 4, 5));
	pagewalk_free(walk);
}

/* The same where entries are 4 bytes, and where a root is a part of a frame. */
static void given_back_other_modes(void)
{
	struct pagewalk *walk = new_walk(true);

	empty_memory();
	memory[1].e32[3] = (uint32_t)(GFN(2) | P);
	memory[1].e32[4] = (uint32_t)(GFN(3) | P);
	runs_now(walk, LEGACY, GFN(1));
	CHECK(!pagewalk_step(walk, 1));
	memory[1].e32[4] = 0;
	CHECK(pagewalk_step(walk, 9));
	CHECK_U64(found(walk), SET(1, 2));
	pagewalk_free(walk);

	walk = new_walk(false);
	empty_memory();
	memory[1].e64[4] = GFN(2) | P; /* root at 0x1020 */
	memory[1].e64[7] = GFN(3) | P;
	memory[1].e64[1] = GFN(3) | P; /* where another one has it */
	runs_now(walk, PAE, 0x1020);
	CHECK(!pagewalk_step(walk, 1));
	memory[1].e64[4] = 0;
	memory[1].e64[1] = 0;
	CHECK(pagewalk_step(walk, 9));
	CHECK_U64(found(walk), SET(1, 3));
	pagewalk_free(walk);
}

/* ---- bounds ---- */

/* Every entry leads to a frame of its own. */
static void read_endless(void *context, const uint64_t *gfn, size_t n, const void **content)
{
	static uint64_t entry[PAGEWALK_BATCH][FRAME_WORDS];

	(void)context;
	for (size_t i = 0; i < n; i++) {
		for (unsigned e = 0; e < FRAME_WORDS; e++)
			entry[i][e] = GFN(1 + (gfn[i] * FRAME_WORDS + e) % (UINT64_C(1) << 39)) | P;
		content[i] = entry[i];
	}
}

static void count_run(void *context, uint64_t gfn, uint64_t pages)
{
	(void)gfn;
	*(uint64_t *)context += pages;
}

static void too_many_tables(struct pagewalk_regs regs, uint64_t at_least)
{
	const struct pagewalk_memory endless = { .read = read_endless, .frames = UINT64_MAX };
	struct pagewalk *walk = pagewalk_new(&endless);
	uint64_t pages = 0;

	runs_now(walk, regs, GFN(1));
	CHECK(pagewalk_step(walk, UINT64_MAX));
	pagewalk_each(walk, count_run, &pages);
	CHECK(pages >= at_least && pages <= PAGEWALK_TABLES_MAX);
	CHECK_U64(pagewalk_facts(walk).cut, 1);
	CHECK(walk->items <= PAGEWALK_TABLES_MAX + PAGEWALK_BATCH);
	pagewalk_free(walk);
}

static void bounds(void)
{
	struct pagewalk *walk;

	/* Of 4 levels, the walk ends among the lowest, which are found as soon as they are seen; of 5 it ends earlier. */
	too_many_tables(LONG4, PAGEWALK_TABLES_MAX / 2);
	too_many_tables(LONG5, 513);

	/* Too many address spaces: the newest 1,024 are known. */
	empty_memory();
	walk = new_walk(false);
	for (uint64_t cr3 = 1; cr3 <= PAGEWALK_ROOTS_MAX + 100; cr3++) {
		runs_now(walk, LONG4, GFN(1000 + cr3));
		pagewalk_step(walk, 0);
	}
	CHECK_U64(pagewalk_facts(walk).roots, PAGEWALK_ROOTS_MAX);
	CHECK_U64(walk->root[0].address, GFN(1001 + PAGEWALK_ROOTS_MAX));
	CHECK_U64(walk->root[100].address, GFN(1101));
	pagewalk_free(walk);
}

/* ---- random memory, against a walker that goes every way anew ---- */

static uint64_t random_u64(void)
{
	static uint64_t x = 88172645463325252u; /* xorshift64 */

	x ^= x << 13;
	x ^= x >> 7;
	return x ^= x << 17;
}

/* One in n. */
static bool rarely(uint64_t n)
{
	return random_u64() % n == 0;
}

static uint64_t random_entry(bool wide)
{
	uint64_t entry = GFN(random_u64() % FRAMES) | P | (random_u64() & RW_US_A);

	if (rarely(8)) /* a large page of 1 GiB, which at other levels is one as well, or a table beyond memory */
		entry = GFN(random_u64() % 2 << 18) | P | PS;
	if (rarely(200))
		entry |= UINT64_C(1) << (wide ? random_u64() % 64 : random_u64() % 32);
	return entry;
}

static void fill_memory(bool wide)
{
	empty_memory();
	for (unsigned f = 0; f < FRAMES; f++) {
		unsigned n = (unsigned)(random_u64() % 5);

		hole[f] = rarely(32);
		for (unsigned i = 0; i < n; i++) {
			if (wide)
				memory[f].e64[random_u64() % (rarely(2) ? 4 : FRAME_WORDS)] = random_entry(true);
			else
				memory[f].e32[random_u64() % ENTRIES_32] = (uint32_t)random_entry(false);
		}
	}
}

/* What an entry is: read from the manual once more, mode by mode. */
enum what { NOTHING, TABLE, PAGE, WRONG };

static enum what naive_entry(unsigned levels, unsigned level, uint64_t e)
{
	bool page = level == 1 || (e >> 7 & 1 && level <= (levels == 4 || levels == 5 ? 3 : 2));

	if (!(e & 1))
		return NOTHING;
	switch (levels) {
	case 2:
		if (level == 2 && page && e >> 21 & 1)
			return WRONG;
		break;
	case 3:
		if (level == 3 && (e & 0x1c6 || e >> 52))
			return WRONG;
		if (level < 3 && e >> 52 & 0x7ff)
			return WRONG;
		if (level == 2 && page && e >> 13 & 0xff)
			return WRONG;
		break;
	default:
		if (level > 3 && e >> 7 & 1)
			return WRONG;
		if (level == 3 && page && e >> 13 & 0x1ffff)
			return WRONG;
		if (level == 2 && page && e >> 13 & 0xff)
			return WRONG;
	}
	if (!page && (e >> 12 & 0xffffffffff) >= FRAMES)
		return WRONG;
	return page ? PAGE : TABLE;
}

static uint64_t entry_at(unsigned levels, unsigned level, uint64_t at, unsigned i)
{
	const union frame *frame = &memory[at >> 12];

	if (levels == 2)
		return frame->e32[i];
	return frame->e64[levels == 3 && level == 3 ? (at & 0xfff) / 8 + i : i];
}

static unsigned entries_at(unsigned levels, unsigned level)
{
	return levels == 2 ? 1024 : levels == 3 && level == 3 ? 4 : 512;
}

static uint64_t naive_pages; /* how often a page would be reported, if every way counted */

static void naive_walk(unsigned levels, unsigned level, uint64_t at, bool lowest)
{
	if (level > 1 || lowest) {
		if (hole[at >> 12])
			return;
		for (unsigned i = 0; i < entries_at(levels, level); i++)
			if (naive_entry(levels, level, entry_at(levels, level, at, i)) == WRONG)
				return;
	}
	tables |= UINT64_C(1) << (at >> 12);
	if (level == 1 && !lowest)
		return;
	for (unsigned i = 0; i < entries_at(levels, level); i++) {
		uint64_t e = entry_at(levels, level, at, i);

		switch (naive_entry(levels, level, e)) {
		case TABLE:
			naive_walk(levels, level - 1, e & 0xffffffffff000, lowest);
			break;
		case PAGE:
			naive_pages++;
			break;
		default:
			break;
		}
	}
}

/* The frame behind an address, as a processor finds it; UINT64_MAX: none. */
static uint64_t translate(unsigned levels, uint64_t at, uint64_t va)
{
	for (unsigned level = levels; level > 0; level--) {
		unsigned index_bits = levels == 2 ? 10 : 9, shift = 12 + index_bits * (level - 1);
		uint64_t e = entry_at(levels, level, at, (unsigned)(va >> shift & ((1u << index_bits) - 1)));
		uint64_t offset = va & ((UINT64_C(1) << shift) - 1);

		switch (naive_entry(levels, level, e)) {
		case PAGE:
			if (levels == 2 && level == 2)
				return ((e & 0xffc00000) | (e >> 13 & 0xff) << 32 | offset) >> 12;
			return ((e & 0xffffffffff000 & ~((UINT64_C(1) << shift) - 1)) | offset) >> 12;
		case TABLE:
			at = e & 0xffffffffff000;
			break;
		default:
			return UINT64_MAX;
		}
	}
	return UINT64_MAX;
}

static void random_memory(void)
{
	static const struct pagewalk_regs *const regs[] = { NULL, NULL, &LEGACY, &PAE, &LONG4, &LONG5 };
	uint64_t all_tables = 0, all_leaves = 0, all_refused = 0;

	for (unsigned round = 0; round < 3000; round++) {
		unsigned levels = 2 + round % 4;
		uint64_t cr3 = GFN(random_u64() % FRAMES) | (levels == 3 ? random_u64() % 128 * 32 : 0), expected;

		fill_memory(levels != 2);
		for (int lowest = 0; lowest < 2; lowest++) {
			struct pagewalk *walk = new_walk(lowest);
			uint64_t budget = 1 + random_u64() % 20, before;

			tables = naive_pages = 0;
			naive_walk(levels, levels, cr3, lowest);
			expected = tables;
			/* In steps of any size. */
			do {
				before = pagewalk_facts(walk).read;
				runs_now(walk, *regs[levels], cr3);
			} while (!pagewalk_step(walk, budget) && pagewalk_facts(walk).read - before == budget);
			CHECK(pagewalk_facts(walk).read - before <= budget);
			CHECK(pagewalk_facts(walk).read <= FRAMES * levels);
			CHECK_U64(found(walk), expected);
			all_tables += (uint64_t)__builtin_popcountll(expected);
			all_refused += pagewalk_facts(walk).refused;
			pagewalk_free(walk);
		}
		CHECK(leaves <= naive_pages);
		CHECK(!leaves == !naive_pages);
		all_leaves += leaves;
		for (size_t i = 0; i < leaves; i++) {
			CHECK_U64(translate(levels, cr3, leaf[i].va), leaf[i].gfn);
			CHECK_U64(translate(levels, cr3, leaf[i].va + GFN(leaf[i].pages - 1)),
				  leaf[i].gfn + leaf[i].pages - 1);
		}
	}
	/* It was not all empty. */
	CHECK(all_tables > 10000);
	CHECK(all_leaves > 5000);
	CHECK(all_refused > 500);
	printf("# %" PRIu64 " tables, %" PRIu64 " pages, %" PRIu64 " refused\n", all_tables, all_leaves, all_refused);
}

int main(void)
{
	four_levels();
	five_levels();
	pae();
	legacy();
	no_paging();
	not_tables();
	hidden();
	loops();
	remembered();
	steps();
	given_back();
	given_back_other_modes();
	bounds();
	random_memory();
	return tap_end("pagewalk");
}
