/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qmp-parse - what QEMU's machine protocol (QMP) says, as data: places in a JSON text, found without copying it. Pure. A text
 * that is not JSON, or not what is looked for, has no such place (NULL).
 */
#ifndef WSS_QMP_PARSE_H
#define WSS_QMP_PARSE_H

#include "../pagewalk.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether the text is one whole value, with nothing but blanks behind it. */
bool json_is_whole(const char *text);
/* The value of a member of the object that begins here. Keys in QMP have no escapes. */
const char *json_member(const char *object, const char *key);
/* The first element of the array that begins here, and the one behind an element; NULL at the end. */
const char *json_first(const char *array);
const char *json_next(const char *element);

bool json_u64(const char *value, uint64_t *number);
bool json_is(const char *value, const char *literal); /* true, false, null, or a string with its quotes */
/* A string without quotes and escapes, in `to`; false when it is none, or too long. Other than ASCII becomes '?'. */
bool json_text(const char *value, char *to, size_t size);

/* The registers that "info registers -a" shows, of all processors: how many, at most `max`. */
size_t parse_registers(const char *text, struct pagewalk_regs *, size_t max);

#endif
