/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * diag - messages for people, on standard error: one line, one write, lower case, no full stop.
 * Form: TOOL: [FILE: line N: [column 'C': ]]what is wrong[: system's reason][; what to do]
 * Bytes that do not print are shown as '?'. Functions named die end the program by exit(3), so that finished
 * rows still leave (gzio.c).
 */
#ifndef WSS_DIAG_H
#define WSS_DIAG_H

#include <sysexits.h>

#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* An error the program cannot go on from. `code` is one of sysexits.h. */
_Noreturn void die(int code, const char *fmt, ...) PRINTF(2, 3);
/* The same, with ": " and the text of errno after it. */
_Noreturn void die_errno(int code, const char *fmt, ...) PRINTF(2, 3);
/* A fault of ours (EX_SOFTWARE). */
_Noreturn void bug(const char *fmt, ...) PRINTF(1, 2);
/* No memory (EX_OSERR): for what malloc returned. */
void *or_die(void *memory);
/* Something the user can act on; -q silences it. */
void warn(const char *fmt, ...) PRINTF(1, 2);
/* A fact worth telling with -v. */
void note(const char *fmt, ...) PRINTF(1, 2);
/* Says something whatever -q says: for what a program was asked to tell people. */
void say(const char *fmt, ...) PRINTF(1, 2);

#endif
