/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libvirt-parse - what QEMU's monitor and libvirt's XML say, as data. Pure: texts in, numbers out. */
#ifndef WSS_LIBVIRT_PARSE_H
#define WSS_LIBVIRT_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RAM_PIECES_MAX = 1024, BLOCK_NAME_MAX = 64 };

/* Guest-physical addresses gpa..gpa + bytes, which are block[offset..]. Page-aligned. */
struct ram_piece {
	uint64_t gpa, bytes, offset;
	char block[BLOCK_NAME_MAX];
};

/*
 * The guest's RAM, in rising order: of the flat view of the address space "memory" in `mtree` ("info mtree -f"), what lies in a
 * memory backend of `memdev` ("info memdev"). So firmware, video memory and the like are left out. Neighbours of one block
 * are one piece. Returns how many; 0 = not understood, or more than max.
 */
size_t parse_ram(const char *mtree, const char *memdev, struct ram_piece *, size_t max);

/* The host address in the answer to "gpa2hva ADDRESS". */
bool parse_host_address(const char *answer, uint64_t *address);

/* Whether the answer to "info migrate" speaks of a migration that is going on. */
bool parse_migrating(const char *answer);

/*
 * What in the domain's XML writes to its memory without QEMU or KVM doing it, which no write protection of QEMU's memory
 * sees; NULL = nothing.
 */
const char *parse_unseen_writer(const char *xml);

/* Whether the arguments of a process (/proc/PID/cmdline) are those of QEMU for the domain with this UUID. */
bool parse_is_qemu_of(const char *cmdline, size_t len, const char *uuid);

#endif
