/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reference streams for the tests of miss-ratio curves: zipf, a loop, a scan, and a mixture of the three. */
#ifndef TRACES_H
#define TRACES_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

enum trace_kind { TRACE_ZIPF, TRACE_LOOP, TRACE_MIX, TRACE_KINDS };

static const char *const trace_name[] = { "zipf", "loop", "zipf, loop and scan" };

static uint64_t trace_state = 1;

static double trace_random(void) /* xorshift64*, 0 to 1 */
{
	trace_state ^= trace_state >> 12;
	trace_state ^= trace_state << 25;
	trace_state ^= trace_state >> 27;
	return (double)(trace_state * UINT64_C(2685821657736338717) >> 11) / 9007199254740992.0;
}

/* Page of reference i; `pages` hot ones, zipf with exponent 0.8 by inversion of the continuous distribution. */
static uint64_t trace_page(enum trace_kind kind, uint64_t i, uint64_t pages)
{
	double u = trace_random();
	uint64_t zipf = (uint64_t)((double)pages * pow(u, 5));

	if (kind == TRACE_ZIPF)
		return zipf;
	if (kind == TRACE_LOOP)
		return i % pages;
	switch (i % 4) {
	case 0: /* a scan that never comes back */
		return (UINT64_C(1) << 32) + i;
	case 1: /* a loop */
		return (UINT64_C(1) << 24) + i / 4 % (pages / 2);
	default:
		return zipf;
	}
}

#endif
