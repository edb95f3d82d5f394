/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "area.h"

#include "clock.h"
#include "diag.h"
#include "num.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE_BYTES = 4096, MARKS_PER_WORD = 64, ENTRIES = 512 };

#define PAGEMAP_PRESENT (UINT64_C(1) << 63)
#define PAGEMAP_FRAME ((UINT64_C(1) << 55) - 1)

/* ---- marks ---- */

static size_t mark_words(const struct area *area)
{
	return area->pages / MARKS_PER_WORD + 1;
}

static bool marked(const uint64_t *marks, uint64_t page)
{
	return marks[page / MARKS_PER_WORD] >> page % MARKS_PER_WORD & 1;
}

/* How many marks that adds: 0 or 1. */
static uint64_t mark(uint64_t *marks, uint64_t page)
{
	uint64_t added = !marked(marks, page);

	marks[page / MARKS_PER_WORD] |= UINT64_C(1) << page % MARKS_PER_WORD;
	return added;
}

static void unmark(uint64_t *marks, uint64_t page)
{
	marks[page / MARKS_PER_WORD] &= ~(UINT64_C(1) << page % MARKS_PER_WORD);
}

/* ---- memory ---- */

/* Pages are at most 2^40, so that the size in bytes is a number. */
static void map_memory(struct area *area, bool huge)
{
	char size[NUM_MAX];
	size_t bytes = area->pages * PAGE_BYTES;

	area->memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area->memory == MAP_FAILED)
		die_errno(EX_OSERR, "cannot map %s for the load", num_text_kib(size, area->pages * KIB_PER_PAGE));
	/* A kernel without huge pages does not know the advice. */
	if (madvise(area->memory, bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE) < 0 && huge)
		die_errno(EX_UNAVAILABLE, "cannot ask for huge pages");
}

void area_map(struct area *area, uint64_t pages, enum area_memory memory)
{
	*area = (struct area){ .pages = pages, .value = clock_now_ns() };
	if (pages > 0 && memory != AREA_NONE)
		map_memory(area, memory == AREA_HUGE);
	area->fresh = or_die(calloc(mark_words(area), sizeof(*area->fresh)));
	area->ever_written = or_die(calloc(mark_words(area), sizeof(*area->ever_written)));
	area->touched = or_die(calloc(mark_words(area), sizeof(*area->touched)));
	area->written = or_die(calloc(mark_words(area), sizeof(*area->written)));
	if (area->memory)
		memset(area->fresh, 0xff, mark_words(area) * sizeof(*area->fresh));
}

static void write_page(struct area *area, uint64_t page)
{
	volatile uint64_t *word;

	if (!area->memory)
		return;
	word = (volatile uint64_t *)(area->memory + page * PAGE_BYTES);
	if (marked(area->fresh, page)) {
		unmark(area->fresh, page);
		word[1] = (uint64_t)(uintptr_t)word;
	}
	word[0] = ++area->value;
}

static void read_page(const struct area *area, uint64_t page)
{
	if (area->memory)
		(void)*(const volatile uint64_t *)(area->memory + page * PAGE_BYTES);
}

void area_populate(struct area *area, const struct schedule *schedule)
{
	uint64_t *later = area->touched; /* borrowed before its first use */

	for (size_t i = 0; i < schedule->phases; i++) {
		const struct phase *phase = &schedule->phase[i];

		for (uint64_t n = 0; phase->kind == TOUCH_ALLOC && n < phase->pages; n++)
			mark(later, phase->first_page + n);
	}
	for (uint64_t page = 0; page < area->pages; page++)
		if (!marked(later, page))
			write_page(area, page);
	area_new_window(area);
}

static void free_pages(struct area *area, const struct touch *touch)
{
	if (!area->memory)
		return;
	if (madvise(area->memory + touch->page * PAGE_BYTES, touch->pages * PAGE_BYTES, MADV_DONTNEED) < 0)
		die_errno(EX_OSERR, "cannot free memory");
	for (uint64_t n = 0; n < touch->pages; n++)
		mark(area->fresh, touch->page + n);
}

void area_touch(struct area *area, const struct touch *touch)
{
	if (touch->kind == TOUCH_ALLOC) /* the kernel gives a page when it is touched */
		return;
	if (touch->kind == TOUCH_FREE) {
		free_pages(area, touch);
		return;
	}
	for (uint64_t page = touch->page; page < touch->page + touch->pages; page++) {
		/* Reading a fresh page would touch the one page of zeroes that all share. */
		bool write = touch->kind & TOUCH_WRITE || marked(area->fresh, page);

		if (touch->kind & TOUCH_READ)
			read_page(area, page);
		if (write) {
			write_page(area, page);
			mark(area->ever_written, page);
			area->written_pages += mark(area->written, page);
		}
		area->touched_pages += mark(area->touched, page);
	}
}

void area_new_window(struct area *area)
{
	memset(area->touched, 0, mark_words(area) * sizeof(*area->touched));
	memset(area->written, 0, mark_words(area) * sizeof(*area->written));
	area->touched_pages = area->written_pages = 0;
}

/* ---- frames ---- */

uint64_t area_list_frames(const struct area *area, FILE *to, uint64_t t_ns, int pagemap)
{
	uint64_t first = (uint64_t)(uintptr_t)area->memory / PAGE_BYTES, known = 0;

	for (uint64_t page = 0; page < area->pages; page++) {
		static uint64_t entry[ENTRIES];
		bool written = marked(area->ever_written, page);

		if (page % ENTRIES == 0 && pagemap >= 0 &&
		    pread(pagemap, entry, sizeof(entry), (off_t)((first + page) * sizeof(*entry))) < 0)
			die_errno(EX_OSERR, "cannot read /proc/self/pagemap");
		if (marked(area->fresh, page) && !written)
			continue;
		uint64_t e = entry[page % ENTRIES];
		uint64_t frame = e & PAGEMAP_PRESENT ? e & PAGEMAP_FRAME : 0;

		/* Frame 0 is what a caller without the right to know is told. */
		fprintf(to, "%" PRIu64 ",%" PRIu64 ",", t_ns, first + page);
		if (frame)
			fprintf(to, "%" PRIu64, frame);
		fprintf(to, ",%d\n", written);
		known += frame != 0;
	}
	return known;
}

void area_release(struct area *area)
{
	if (area->memory)
		munmap(area->memory, area->pages * PAGE_BYTES);
	free(area->fresh);
	free(area->ever_written);
	free(area->touched);
	free(area->written);
}
