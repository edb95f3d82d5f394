/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * disk-read DEVICE PAGES - in a guest: has so many pages that a disk writes and the processor does not. For each line of
 * standard input they are read from the beginning of DEVICE, past the page cache; "ready" is printed before the first and
 * after each. "frames FIRST NUMBER" says at the begin, run by run, where they are.
 */
#include "common/diag.h"
#include "common/num.h"
#include "common/tool.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096 };

#define PAGEMAP_FRAME ((UINT64_C(1) << 55) - 1)

static uint64_t frame_of(int pagemap, const unsigned char *page)
{
	uint64_t entry;

	if (pread(pagemap, &entry, sizeof(entry), (off_t)((uintptr_t)page / PAGE * sizeof(entry))) != sizeof(entry))
		die_errno(EX_OSERR, "/proc/self/pagemap");
	return entry & PAGEMAP_FRAME;
}

static void tell_frames(const unsigned char *memory, uint64_t pages)
{
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t first = 0, n = 0;

	for (uint64_t i = 0; i < pages; i++) {
		uint64_t frame = frame_of(pagemap, memory + i * PAGE);

		if (n > 0 && frame == first + n) {
			n++;
			continue;
		}
		if (n > 0)
			printf("frames %" PRIu64 " %" PRIu64 "\n", first, n);
		first = frame;
		n = 1;
	}
	printf("frames %" PRIu64 " %" PRIu64 "\n", first, n);
	close(pagemap);
}

int main(int argc, char **argv)
{
	unsigned char *memory;
	uint64_t pages;
	char line[16];
	int disk;

	tool_init("disk-read", TOOL_SOURCE);
	if (argc != 3 || num_u64(argv[2], strlen(argv[2]), &pages) != NUM_OK || pages == 0)
		die(EX_USAGE, "usage: disk-read DEVICE PAGES");
	disk = open(argv[1], O_RDONLY | O_DIRECT | O_CLOEXEC);
	memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	if (disk < 0 || memory == MAP_FAILED)
		die_errno(EX_OSERR, "%s, %s pages", argv[1], argv[2]);
	tell_frames(memory, pages);
	do {
		puts("ready");
		fflush(stdout);
		if (!fgets(line, sizeof(line), stdin))
			return EX_OK;
	} while (pread(disk, memory, pages * PAGE, 0) == (ssize_t)(pages * PAGE));
	die_errno(EX_OSERR, "%s", argv[1]);
}
