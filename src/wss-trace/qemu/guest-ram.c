/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest-ram.h"

#include "diag.h"
#include "libvirt-parse.h"
#include "../proc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* The host addresses of a piece of the guest's RAM. */
static bool locate(monitor_ask *ask, void *context, const struct ram_piece *piece, struct track_range *range)
{
	uint64_t address[2];

	/* Its first and its last page: a piece that does not lie in one stretch would be a mistake of ours. */
	for (int last = 0; last < 2; last++) {
		uint64_t gpa = piece->gpa + (last ? piece->bytes - PAGE_BYTES : 0);
		char command[64];
		char *answer;
		bool known;

		snprintf(command, sizeof(command), "gpa2hva 0x%" PRIx64, gpa);
		answer = ask(context, command);
		known = answer && parse_host_address(answer, &address[last]);
		free(answer);
		if (!known)
			return false;
	}
	*range = (struct track_range){ address[0], address[0] + piece->bytes, piece->gpa >> PAGE_SHIFT };
	return address[1] - address[0] == piece->bytes - PAGE_BYTES;
}

static int rising(const void *left, const void *right)
{
	const struct track_range *a = left, *b = right;

	return (a->start > b->start) - (a->start < b->start);
}

struct track_range *guest_ram(monitor_ask *ask, void *context, size_t *n, struct failure *failure)
{
	static struct ram_piece piece[RAM_PIECES_MAX];
	char *mtree = ask(context, "info mtree -f");
	char *memdev = mtree ? ask(context, "info memdev") : NULL;
	struct track_range *range = or_die(calloc(RAM_PIECES_MAX, sizeof(*range)));

	*n = 0;
	failure->code = 0;
	if (!memdev)
		failure_set(failure, EX_UNAVAILABLE, "QEMU's monitor does not answer");
	else if ((*n = parse_ram(mtree, memdev, piece, RAM_PIECES_MAX)) == 0)
		failure_set(failure, EX_UNAVAILABLE, "QEMU does not say where the guest's RAM is (info mtree -f, info memdev)");
	for (size_t i = 0; i < *n && !failure->code; i++)
		if (!locate(ask, context, &piece[i], &range[i]))
			failure_set(failure, EX_UNAVAILABLE, "QEMU does not say where %s lies (gpa2hva)", piece[i].block);
	free(mtree);
	free(memdev);
	if (failure->code) {
		free(range);
		return NULL;
	}
	qsort(range, *n, sizeof(*range), rising);
	return range;
}
