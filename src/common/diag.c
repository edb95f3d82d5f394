/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "diag.h"

#include "progress.h"
#include "tool.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void message(const char *kind, const char *reason, const char *fmt, va_list args)
{
	char line[1024];
	size_t room = sizeof(line) - 1; /* for the newline */
	int head = snprintf(line, room, "%s: %s", tool.name, kind);
	size_t n = head < 0 ? 0 : (size_t)head;
	int body = vsnprintf(line + n, room - n, fmt, args);

	n += body < 0 ? 0 : (size_t)body;
	if (n < room && reason) {
		int tail = snprintf(line + n, room - n, ": %s", reason);

		n += tail < 0 ? 0 : (size_t)tail;
	}
	if (n > room - 1)
		n = room - 1;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)line[i] < ' ' || (unsigned char)line[i] > '~')
			line[i] = '?';
	line[n++] = '\n';
	progress_wipe();
	if (write(STDERR_FILENO, line, n) < 0) {
		/* nobody left to tell */
	}
}

#define SAY(kind, reason)                                                                          \
	do {                                                                                       \
		va_list args;                                                                      \
		va_start(args, fmt);                                                               \
		message(kind, reason, fmt, args);                                                  \
		va_end(args);                                                                      \
	} while (0)

void die(int code, const char *fmt, ...)
{
	SAY("", NULL);
	exit(code);
}

void die_errno(int code, const char *fmt, ...)
{
	const char *reason = strerror(errno);

	SAY("", reason);
	exit(code);
}

void bug(const char *fmt, ...)
{
	SAY("bug: ", NULL);
	exit(EX_SOFTWARE);
}

void *or_die(void *memory)
{
	if (!memory)
		die(EX_OSERR, "out of memory");
	return memory;
}

void warn(const char *fmt, ...)
{
	if (!tool.quiet)
		SAY("warning: ", NULL);
}

void note(const char *fmt, ...)
{
	if (tool.verbose && !tool.quiet)
		SAY("", NULL);
}

void say(const char *fmt, ...)
{
	SAY("", NULL);
}
