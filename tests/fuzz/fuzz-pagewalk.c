/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-pagewalk - any memory and any registers: a walk ends, never reads more than it is allowed to, reports every table
 * once and inside of memory, and finds the same in one go and in steps; in steps so small that not all roots are read while
 * they run, nothing else.
 */
#include "../../src/common/pagetab.c"
#include "../../src/wss-trace/pagewalk.c"

void *or_die(void *there)
{
	if (!there)
		abort();
	return there;
}

enum { FRAMES = 64, FRAME_BYTES = 4096, HEAD_BYTES = 16, ROOTS = 3 };

static uint64_t memory[FRAMES][FRAME_BYTES / 8];
static uint64_t frames_read, holes;

static void read_frames(void *context, const uint64_t *gfn, size_t n, const void **content)
{
	(void)context;
	if (n == 0 || n > PAGEWALK_BATCH)
		abort();
	for (size_t i = 0; i < n; i++) {
		if (gfn[i] >= FRAMES)
			abort();
		content[i] = holes >> gfn[i] & 1 ? NULL : memory[gfn[i]];
	}
	frames_read += n;
}

static void take_leaf(void *context, uint64_t va, uint64_t gfn, uint64_t pages)
{
	(void)context;
	if (va % 4096 || gfn >> 40 || (pages != 1 && pages != 512 && pages != 1024 && pages != 262144) || gfn % pages)
		abort();
}

struct seen {
	uint64_t set, end;
};

static void take_run(void *context, uint64_t gfn, uint64_t pages)
{
	struct seen *seen = context;

	if (pages == 0 || gfn + pages > FRAMES || (seen->end && gfn <= seen->end))
		abort();
	for (uint64_t i = 0; i < pages; i++)
		seen->set |= UINT64_C(1) << (gfn + i);
	seen->end = gfn + pages;
}

/* Registers that switch every mode, and up to three roots. */
static void add_roots(struct pagewalk *walk, const uint8_t *head)
{
	for (unsigned i = 0; i < ROOTS; i++) {
		uint8_t how = head[4 * i];
		const struct pagewalk_regs regs = {
			.cr0 = how & 1 ? 0 : CR0_PG,
			.cr4 = (how & 2 ? CR4_PAE : 0) | (how & 4 ? CR4_PSE : 0) | (how & 8 ? CR4_LA57 : 0),
			.efer = (how & 16 ? EFER_LMA : 0) | (how & 32 ? EFER_NXE : 0),
			.cr3 = (uint64_t)(head[4 * i + 1] % (FRAMES + 1)) << 12 | head[4 * i + 2] << 4 | head[4 * i + 3],
		};

		pagewalk_root(walk, &regs);
	}
}

static uint64_t tables_of(const uint8_t *head, uint64_t step, bool leaves)
{
	const struct pagewalk_memory all = { .read = read_frames, .frames = FRAMES, .leaf = leaves ? take_leaf : NULL,
					     .hidden_first = 256, .hidden = head[12] };
	struct pagewalk *walk = pagewalk_new(&all);
	struct seen seen = { 0, 0 };
	bool complete;

	frames_read = 0;
	add_roots(walk, head);
	do {
		uint64_t before = pagewalk_facts(walk).read, now;

		complete = pagewalk_step(walk, step);
		now = pagewalk_facts(walk).read;
		/* The frame of a table's parent is read once more. */
		if (now - before > step || now > FRAMES * 11 + ROOTS || frames_read > 2 * now)
			abort();
	} while (!complete);
	pagewalk_each(walk, take_run, &seen);
	pagewalk_free(walk);
	return seen.set;
}

/* Entries: 6 bytes each: frame, place (2), bits (2), where it leads to. */
static void fill_memory(const uint8_t *data, size_t size)
{
	memset(memory, 0, sizeof(memory));
	for (; size >= 6; data += 6, size -= 6) {
		uint64_t entry = (uint64_t)(data[5] % (FRAMES + 2)) << 12 | (data[3] | data[4] << 8);

		if (data[4] & 0x10) /* anywhere, with any reserved bit */
			entry = (uint64_t)data[5] << 56 | (uint64_t)data[3] << 32 | (uint64_t)data[2] << 24 | data[4];
		memory[data[0] % FRAMES][(data[1] | data[2] << 8) % 512] = entry;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < HEAD_BYTES)
		return 0;
	holes = (uint64_t)data[13] << 20 | data[14];
	fill_memory(data + HEAD_BYTES, size - HEAD_BYTES);

	uint64_t step = 1 + data[15], at_once = tables_of(data, UINT64_MAX, false), in_steps = tables_of(data, step, false);

	if (in_steps & ~at_once || (step >= ROOTS && in_steps != at_once))
		abort();
	if (tables_of(data, UINT64_MAX, true) & ~at_once)
		abort();
	return 0;
}
