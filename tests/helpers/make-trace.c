/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * make-trace SPREAD ROWS WITHIN [RUN] - an event trace for measuring, on standard output: ROWS rows in periods of 1 s of
 * 1000000 rows, runs of 1..RUN (default 4) pages, two writes for each read.
 *   SPREAD runs    starts anywhere below WITHIN pages
 *          dense   one run after the other, from 0 on, again from 0 at WITHIN
 *          sparse  as dense, but 256 pages in each 25600: 1 % of a VM a hundred times as large
 */
#include "common/diag.h"
#include "common/num.h"
#include "common/record.h"
#include "common/tool.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS_PER_PERIOD = 1000000, TOUCHED = 256, DISTANCE = 25600 };

static uint64_t random_u64(void)
{
	static uint64_t x = 88172645463325252u; /* xorshift64 */

	x ^= x << 13;
	x ^= x >> 7;
	return x ^= x << 17;
}

static uint64_t number(const char *text)
{
	uint64_t value;

	if (num_u64(text, strlen(text), &value) != NUM_OK || value == 0)
		die(EX_USAGE, "bad number '%s'", text);
	return value;
}

int main(int argc, char **argv)
{
	tool_init("make-trace", TOOL_FILTER);
	if (argc < 4)
		die(EX_USAGE, "need SPREAD ROWS WITHIN [RUN]");
	uint64_t rows = number(argv[2]), within = number(argv[3]), longest = argc > 4 ? number(argv[4]) : 4;
	bool dense = strcmp(argv[1], "runs") != 0, sparse = strcmp(argv[1], "sparse") == 0;
	struct rec_event row = { .vm = rec_intern("vm0", 3), .vcpu = UNKNOWN, .event = event_begin, .gfn = UNKNOWN,
				 .pages = UNKNOWN, .arg = UNKNOWN, .lost = UNKNOWN };
	struct rec_out *out = rec_create(REC_event);
	uint64_t at = 0;

	rec_put(out, &row);
	for (uint64_t i = 1; i <= rows; i++) {
		row.t_ns = i * 1000;
		row.vcpu = 0;
		row.event = random_u64() >> 32 < (UINT64_C(1) << 32) / 3 ? event_read : event_write;
		row.pages = 1 + random_u64() % longest;
		if (dense) {
			if (at + row.pages > within)
				at = 0;
			if (sparse && at % TOUCHED + row.pages > TOUCHED)
				row.pages = TOUCHED - at % TOUCHED;
			row.gfn = sparse ? at / TOUCHED * DISTANCE + at % TOUCHED : at;
			at += row.pages;
		} else {
			row.gfn = random_u64() % within;
		}
		rec_put(out, &row);
		if (i % ROWS_PER_PERIOD == 0 || i == rows) {
			row.vcpu = row.gfn = row.pages = UNKNOWN;
			row.event = event_tick;
			row.arg = UINT64_C(1000000000);
			rec_put(out, &row);
			row.arg = UNKNOWN;
		}
	}
	rec_close(out);
	return tool_finish();
}
