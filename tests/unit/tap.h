/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tap - what unit tests print: one line per check that failed, one line and the exit code at the end. */
#ifndef WSS_TAP_H
#define WSS_TAP_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

static unsigned tap_checks, tap_failed;

/* A condition that holds. */
#define CHECK(condition)                                                                             \
	do {                                                                                         \
		tap_checks++;                                                                        \
		if (!(condition)) {                                                                  \
			tap_failed++;                                                                \
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #condition);                     \
		}                                                                                    \
	} while (0)

/* Two whole numbers that are equal. */
#define CHECK_U64(left, right)                                                                       \
	do {                                                                                         \
		uint64_t left_value = (left), right_value = (right);                                 \
		tap_checks++;                                                                        \
		if (left_value != right_value) {                                                     \
			tap_failed++;                                                                \
			printf("# %s:%d: %s is %" PRIu64 ", should be %" PRIu64 "\n", __FILE__,      \
			       __LINE__, #left, left_value, right_value);                            \
		}                                                                                    \
	} while (0)

static inline int tap_end(const char *name)
{
	printf("%s 1 - %s: %u checks, %u failed\n1..1\n", tap_failed || !tap_checks ? "not ok" : "ok", name, tap_checks,
	       tap_failed);
	return tap_failed || !tap_checks;
}

#endif
