/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pagewalk.h"

#include "diag.h"
#include "pagetab.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE_SHIFT = 12, PAGE_BYTES = 1 << PAGE_SHIFT, WITNESSES = 8 };
enum { SEEN, FOUND }; /* counts of the pagetab: bits of seen_bit(), 0 or 1 */

#define BIT(n) (UINT64_C(1) << (n))
#define BITS(high, low) ((BIT(high) - BIT(low)) | BIT(high))

#define CR0_PG BIT(31)
#define CR4_PSE BIT(4)
#define CR4_PAE BIT(5)
#define CR4_LA57 BIT(12)
#define EFER_LMA BIT(10)
#define EFER_NXE BIT(11)

#define ENTRY_PRESENT BIT(0)
#define ENTRY_ACCESSED BIT(5)
#define ENTRY_DIRTY BIT(6)
#define ENTRY_LARGE BIT(7)
#define ENTRY_NX BIT(63)
#define ENTRY_FRAME BITS(51, PAGE_SHIFT)
#define ENTRY_FRAME_32 BITS(31, PAGE_SHIFT)

/* How tables are laid out. */
struct mode {
	uint8_t levels; /* 2: 32-bit, 3: PAE, 4 and 5: long */
	bool nx, large;
};

struct root {
	struct mode mode;
	uint64_t address; /* of PAE not at a page's begin */
	uint64_t ran;     /* number of the step before which a processor used it */
};

/* Where an entry that leads to a table stands. */
struct parent {
	uint64_t gfn, entry;
	uint16_t offset; /* in bytes */
};

/* A table to be read. */
struct item {
	uint64_t gfn, va;
	struct mode mode;
	uint8_t level;           /* 1 is the lowest */
	const struct root *root; /* or NULL: then there is a parent */
	struct parent parent;
};

struct entries {
	uint64_t entry[PAGE_BYTES / sizeof(uint64_t) * 2];
	unsigned n;
};

struct witness {
	struct mode mode;
	struct entries table;
};

struct pagewalk {
	struct pagewalk_memory memory;
	struct pagewalk_facts facts;
	uint64_t step; /* number of the one that comes next */
	bool under_way, full;
	struct root root[PAGEWALK_ROOTS_MAX];
	size_t roots;
	struct root begun[PAGEWALK_ROOTS_MAX]; /* the roots as the walk under way began with them */
	struct item *item;
	size_t first, items, room;
	struct pagetab *now, *before;
	uint64_t tables;
	struct witness witness[WITNESSES];
	unsigned witnesses;
	char page[PAGEWALK_BATCH][PAGE_BYTES]; /* what the frames of a batch contained */
};

static uint64_t at_most(uint64_t value, uint64_t most)
{
	return value < most ? value : most;
}

void pagewalk_resize(struct pagewalk *walk, uint64_t frames)
{
	walk->memory.frames = at_most(frames, BIT(40));
}

struct pagewalk *pagewalk_new(const struct pagewalk_memory *memory)
{
	struct pagewalk *walk = or_die(calloc(1, sizeof(*walk)));

	walk->memory = *memory;
	pagewalk_resize(walk, memory->frames);
	walk->step = 1;
	walk->now = or_die(pagetab_new());
	walk->before = or_die(pagetab_new());
	return walk;
}

void pagewalk_free(struct pagewalk *walk)
{
	if (!walk)
		return;
	pagetab_free(walk->now);
	pagetab_free(walk->before);
	free(walk->item);
	free(walk);
}

struct pagewalk_facts pagewalk_facts(const struct pagewalk *walk)
{
	struct pagewalk_facts facts = walk->facts;

	facts.roots = walk->roots;
	return facts;
}

/* ---- roots ---- */

/* False: the processor translates nothing. */
static bool root_of(const struct pagewalk_regs *regs, struct root *root)
{
	*root = (struct root){ .mode = { .nx = regs->efer & EFER_NXE, .large = true } };
	if (!(regs->cr0 & CR0_PG))
		return false;
	if (regs->efer & EFER_LMA) {
		root->mode.levels = regs->cr4 & CR4_LA57 ? 5 : 4;
		root->address = regs->cr3 & ENTRY_FRAME;
	} else if (regs->cr4 & CR4_PAE) {
		root->mode.levels = 3;
		root->address = regs->cr3 & BITS(31, 5);
	} else {
		root->mode.levels = 2;
		root->mode.large = regs->cr4 & CR4_PSE;
		root->address = regs->cr3 & ENTRY_FRAME_32;
	}
	return true;
}

static void add_root(struct pagewalk *walk, const struct pagewalk_regs *regs, uint64_t ran)
{
	struct root new, *place = walk->root;

	if (!root_of(regs, &new))
		return;
	new.ran = ran;
	for (size_t i = 0; i < walk->roots; i++) {
		struct root *old = &walk->root[i];

		if (old->address == new.address && old->mode.levels == new.mode.levels) {
			if (ran >= old->ran)
				*old = new;
			return;
		}
		if (old->ran < place->ran)
			place = old;
	}
	if (walk->roots < PAGEWALK_ROOTS_MAX)
		place = &walk->root[walk->roots++];
	*place = new;
}

void pagewalk_root(struct pagewalk *walk, const struct pagewalk_regs *regs)
{
	add_root(walk, regs, walk->step);
}

void pagewalk_ran(struct pagewalk *walk, const struct pagewalk_regs *regs)
{
	add_root(walk, regs, walk->step - 1);
}

static void forget_root(struct pagewalk *walk, const struct root *gone)
{
	for (size_t i = 0; i < walk->roots; i++) {
		struct root *root = &walk->root[i];

		/* Unless it has run since. */
		if (root->address == gone->address && root->mode.levels == gone->mode.levels && root->ran == gone->ran) {
			*root = walk->root[--walk->roots];
			return;
		}
	}
}

/* ---- entries ---- */

static unsigned level_shift(struct mode mode, unsigned level)
{
	return PAGE_SHIFT + (mode.levels == 2 ? 10 : 9) * (level - 1);
}

static bool is_leaf(struct mode mode, unsigned level, uint64_t entry)
{
	if (level == 1)
		return true;
	return entry & ENTRY_LARGE && mode.large && level <= (mode.levels >= 4 ? 3u : 2u);
}

static uint64_t frame_of(struct mode mode, unsigned level, uint64_t entry)
{
	if (!is_leaf(mode, level, entry) || level == 1)
		return (entry & ENTRY_FRAME) >> PAGE_SHIFT;
	if (mode.levels == 2) /* bits 13 to 20 are those above bit 31 */
		return (entry & BITS(31, 22)) >> PAGE_SHIFT | (entry & BITS(20, 13)) << (32 - 13) >> PAGE_SHIFT;
	return (entry & ENTRY_FRAME & ~(BIT(level_shift(mode, level)) - 1)) >> PAGE_SHIFT;
}

/* Bits that have to be 0, or the processor faults. */
static uint64_t reserved_bits(struct mode mode, unsigned level, uint64_t entry)
{
	bool large = level > 1 && is_leaf(mode, level, entry);
	uint64_t bits = 0;

	if (mode.levels == 2)
		return large ? BIT(21) : 0;
	if (mode.levels == 3 && level == 3)
		/* Bit 5 too; but the processor that QEMU 7.2 emulates marks there what was accessed. */
		return BITS(2, 1) | BITS(8, 6) | BITS(63, 52);
	if (mode.levels == 3)
		bits |= BITS(62, 52);
	if (!mode.nx)
		bits |= ENTRY_NX;
	if (level >= 4)
		bits |= ENTRY_LARGE;
	if (large)
		bits |= BITS(level_shift(mode, level) - 1, 13);
	return bits;
}

static bool is_hidden(const struct pagewalk *walk, const struct item *item, unsigned i)
{
	return item->root && item->mode.levels >= 4 && i - walk->memory.hidden_first < walk->memory.hidden;
}

static void copy_table(struct pagewalk *walk, const struct item *item, const char *content, struct entries *to)
{
	to->n = PAGE_BYTES / sizeof(uint64_t);
	if (item->mode.levels == 2) {
		uint32_t entry[PAGE_BYTES / sizeof(uint32_t)];

		memcpy(entry, content, PAGE_BYTES);
		to->n = PAGE_BYTES / sizeof(*entry);
		for (unsigned i = 0; i < to->n; i++)
			to->entry[i] = entry[i];
	} else if (item->mode.levels == 3 && item->root) {
		to->n = 4;
		memcpy(to->entry, content + item->root->address % PAGE_BYTES, 4 * sizeof(uint64_t));
	} else {
		memcpy(to->entry, content, PAGE_BYTES);
	}
	for (unsigned i = 0; i < to->n; i++)
		if (is_hidden(walk, item, i))
			to->entry[i] = 0;
}

static bool is_table(const struct pagewalk *walk, const struct item *item, const struct entries *table)
{
	for (unsigned i = 0; i < table->n; i++) {
		uint64_t entry = table->entry[i];

		if (!(entry & ENTRY_PRESENT))
			continue;
		if (entry & reserved_bits(item->mode, item->level, entry))
			return false;
		if (!is_leaf(item->mode, item->level, entry) &&
		    frame_of(item->mode, item->level, entry) >= walk->memory.frames)
			return false;
	}
	return true;
}

/* ---- roots that do not run now ---- */

static bool shares_entry(const struct witness *witness, const struct item *item, const struct entries *table)
{
	if (witness->mode.levels != item->mode.levels)
		return false;
	for (unsigned i = table->n / 2; i < table->n; i++) {
		uint64_t differing = table->entry[i] ^ witness->table.entry[i];

		if (table->entry[i] & ENTRY_PRESENT && !(differing & ~(ENTRY_ACCESSED | ENTRY_DIRTY)))
			return true;
	}
	return false;
}

/* One that runs now needs no witness. */
static bool is_root(struct pagewalk *walk, const struct item *item, const struct entries *table)
{
	if (item->root->ran == walk->step) {
		if (walk->witnesses < WITNESSES)
			walk->witness[walk->witnesses++] = (struct witness){ item->mode, *table };
		return true;
	}
	for (unsigned i = 0; i < walk->witnesses; i++)
		if (shares_entry(&walk->witness[i], item, table))
			return true;
	return false;
}

/* ---- the walk ---- */

/* One frame may be a table at several levels: maps of the tables themselves, as Windows has them, or mixed modes. */
static uint64_t seen_bit(struct mode mode, unsigned level)
{
	return BIT(level - 1 + (mode.levels == 2 ? 5 : mode.levels == 3 ? 7 : 0));
}

static void set(struct pagetab *tab, uint64_t gfn, unsigned which, uint64_t value)
{
	if (!pagetab_set(tab, gfn, which, value))
		or_die(NULL);
}

static void mark_found(struct pagewalk *walk, uint64_t gfn)
{
	if (!pagetab_get(walk->now, gfn, FOUND)) {
		set(walk->now, gfn, FOUND, 1);
		walk->tables++;
	}
}

static void push(struct pagewalk *walk, const struct item *item)
{
	if (walk->items == walk->room) {
		walk->room = 2 * walk->room + PAGEWALK_BATCH;
		walk->item = or_die(reallocarray(walk->item, walk->room, sizeof(*walk->item)));
	}
	walk->item[walk->items++] = *item;
}

static void find_table(struct pagewalk *walk, const struct item *item)
{
	uint64_t bit = seen_bit(item->mode, item->level), seen;

	walk->full = walk->full || walk->tables + walk->items - walk->first >= PAGEWALK_TABLES_MAX;
	if (walk->full)
		return;
	seen = pagetab_get(walk->now, item->gfn, SEEN);
	if (seen & bit)
		return;
	set(walk->now, item->gfn, SEEN, seen | bit);
	if (item->level > 1 || walk->memory.leaf)
		push(walk, item);
	else
		mark_found(walk, item->gfn);
}

static uint64_t canonical(struct mode mode, uint64_t va)
{
	unsigned bits = mode.levels == 5 ? 57 : 48;

	return mode.levels >= 4 && va & BIT(bits - 1) ? va | BITS(63, bits) : va;
}

static uint16_t entry_offset(const struct item *item, unsigned i)
{
	uint64_t begin = item->root ? item->root->address % PAGE_BYTES : 0;

	return (uint16_t)(begin + i * (item->mode.levels == 2 ? sizeof(uint32_t) : sizeof(uint64_t)));
}

static void walk_entry(struct pagewalk *walk, const struct item *item, unsigned i, uint64_t entry)
{
	unsigned shift = level_shift(item->mode, item->level);
	uint64_t va = item->va + ((uint64_t)i << shift), gfn = frame_of(item->mode, item->level, entry);

	if (!is_leaf(item->mode, item->level, entry))
		find_table(walk, &(struct item){ .gfn = gfn,
						 .va = va,
						 .mode = item->mode,
						 .level = (uint8_t)(item->level - 1),
						 .parent = { item->gfn, entry, entry_offset(item, i) } });
	else if (walk->memory.leaf)
		walk->memory.leaf(walk->memory.context, canonical(item->mode, va), gfn, BIT(shift) >> PAGE_SHIFT);
}

static void walk_table(struct pagewalk *walk, const struct item *item, const void *content)
{
	struct entries table;

	walk->facts.read++;
	if (content)
		copy_table(walk, item, content, &table);
	if (!content || !is_table(walk, item, &table) || (item->root && !is_root(walk, item, &table))) {
		walk->facts.refused++;
		if (item->root)
			forget_root(walk, item->root);
		return;
	}
	mark_found(walk, item->gfn);
	for (unsigned i = 0; i < table.n; i++)
		if (table.entry[i] & ENTRY_PRESENT)
			walk_entry(walk, item, i, table.entry[i]);
}

static bool stands(const struct item *item, const char *parent)
{
	uint64_t entry = 0;

	if (parent)
		memcpy(&entry, parent + item->parent.offset,
		       item->mode.levels == 2 ? sizeof(uint32_t) : sizeof(entry)); /* the low half comes first */
	return !((entry ^ item->parent.entry) & ~(ENTRY_ACCESSED | ENTRY_DIRTY));
}

/*
 * A table may have been given back since the one above named it, and hold anything when it is read: a lower table, whose
 * pages would then be taken for tables. A guest takes the entry away before it gives the table back, so an entry that
 * still stands after the reading says that it was a table then.
 */
static void drop_given_back(struct pagewalk *walk, size_t n, const void **content)
{
	const struct item *item = &walk->item[walk->first];
	uint64_t gfn[PAGEWALK_BATCH] = { 0 };
	const void *parent[PAGEWALK_BATCH] = { NULL };
	size_t parents = 0, nth = 0;

	/* Children of one table follow each other. */
	for (size_t i = 0; i < n; i++)
		if (!item[i].root && (!parents || gfn[parents - 1] != item[i].parent.gfn))
			gfn[parents++] = item[i].parent.gfn;
	if (!parents)
		return;
	walk->memory.read(walk->memory.context, gfn, parents, parent);
	for (size_t i = 0; i < n; i++) {
		if (item[i].root)
			continue;
		nth += gfn[nth] != item[i].parent.gfn;
		if (!stands(&item[i], parent[nth]))
			content[i] = NULL;
	}
}

static void walk_batch(struct pagewalk *walk, size_t n)
{
	uint64_t gfn[PAGEWALK_BATCH] = { 0 };
	const void *content[PAGEWALK_BATCH] = { NULL };

	for (size_t i = 0; i < n; i++)
		gfn[i] = walk->item[walk->first + i].gfn;
	walk->memory.read(walk->memory.context, gfn, n, content);
	for (size_t i = 0; i < n; i++)
		content[i] = content[i] ? memcpy(walk->page[i], content[i], PAGE_BYTES) : NULL;
	drop_given_back(walk, n, content);
	for (size_t i = 0; i < n; i++) {
		struct item item = walk->item[walk->first++]; /* the list moves when it grows */

		walk_table(walk, &item, content[i]);
	}
}

/* Those that run come first: the others are measured by them. */
static void begin(struct pagewalk *walk)
{
	memcpy(walk->begun, walk->root, walk->roots * sizeof(*walk->root));
	walk->under_way = true;
	walk->full = false;
	walk->first = walk->items = 0;
	walk->witnesses = 0;
	walk->tables = 0;
	for (int runs = 1; runs >= 0; runs--)
		for (size_t i = 0; i < walk->roots; i++) {
			const struct root *root = &walk->begun[i];
			struct item item = { .gfn = root->address >> PAGE_SHIFT,
					     .mode = root->mode,
					     .level = root->mode.levels,
					     .root = root };

			if ((root->ran == walk->step) == runs && item.gfn < walk->memory.frames)
				push(walk, &item);
		}
}

static void end(struct pagewalk *walk)
{
	struct pagetab *old = walk->before;

	walk->before = walk->now;
	walk->now = old;
	pagetab_clear(walk->now);
	walk->under_way = false;
	walk->facts.cut += walk->full;
}

bool pagewalk_step(struct pagewalk *walk, uint64_t tables)
{
	if (!walk->under_way)
		begin(walk);
	while (walk->first < walk->items && !walk->full && tables > 0) {
		uint64_t n = at_most(at_most(walk->items - walk->first, PAGEWALK_BATCH), tables);

		walk_batch(walk, (size_t)n);
		tables -= n;
	}
	walk->step++;
	if (walk->first < walk->items && !walk->full)
		return false;
	end(walk);
	return true;
}

/* ---- what was found ---- */

struct runs {
	struct pagetab *all;
	void (*run)(void *context, uint64_t gfn, uint64_t pages);
	void *context;
	uint64_t gfn, pages;
};

static void put_run(struct runs *runs)
{
	if (runs->pages)
		runs->run(runs->context, runs->gfn, runs->pages);
	runs->pages = 0;
}

static void put_page(void *context, uint64_t gfn, const uint64_t count[PAGETAB_COUNTS])
{
	struct runs *runs = context;

	if (!count[FOUND])
		return;
	if (runs->pages && gfn == runs->gfn + runs->pages) {
		runs->pages++;
		return;
	}
	put_run(runs);
	runs->gfn = gfn;
	runs->pages = 1;
}

static void copy_page(void *context, uint64_t gfn, const uint64_t count[PAGETAB_COUNTS])
{
	struct runs *runs = context;

	if (count[FOUND])
		set(runs->all, gfn, FOUND, 1);
}

void pagewalk_each(struct pagewalk *walk, void (*run)(void *context, uint64_t gfn, uint64_t pages), void *context)
{
	struct runs runs = { .run = run, .context = context };

	if (!walk->under_way) {
		if (!pagetab_each(walk->before, put_page, &runs))
			or_die(NULL);
		put_run(&runs);
		return;
	}
	runs.all = or_die(pagetab_new());
	if (!pagetab_each(walk->before, copy_page, &runs) || !pagetab_each(walk->now, copy_page, &runs))
		or_die(NULL);
	pagetab_drain(runs.all, put_page, &runs);
	put_run(&runs);
	pagetab_free(runs.all);
}
