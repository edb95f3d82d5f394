/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy - how much memory is left free on top of the working set. One file policy-NAME.c each, everything in it static
 * but `const struct policy policy_NAME`; the table of policies is made by the Makefile from the file names. No I/O in
 * them. What must hold whatever a policy says is in envelope.h.
 */
#ifndef WSS_POLICY_H
#define WSS_POLICY_H

#include <stdint.h>

struct policy_settings {
	uint64_t gap_ppm;      /* --gap */
	uint64_t min_gap_kib;  /* --min-gap */
};

struct policy {
	const char *name;
	const char *help;      /* one line */
	uint64_t (*gap_kib)(const struct policy_settings *, uint64_t wss_kib);
};

/* The generated table, NULL at the end. */
extern const struct policy *const policys[];

#endif
