/* SPDX-License-Identifier: GPL-2.0-or-later */
/* agent-parse - the two things we need of the answers of a QEMU guest agent. No I/O. */
#ifndef WSS_AGENT_PARSE_H
#define WSS_AGENT_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The number behind "key": in an answer. */
bool agent_number(const char *answer, const char *key, uint64_t *value);

/* The bytes that "buf-b64" holds, at most `size`; false when it is not there, damaged or too long. */
bool agent_bytes(const char *answer, char *to, size_t size, size_t *len);

#endif
