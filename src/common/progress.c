/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "progress.h"

#include "clock.h"
#include "tool.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

enum { FIRST_AFTER_NS = 1000000000, REDRAW_NS = 250000000 };

static uint64_t first_call_ns;
static uint64_t last_drawn_ns;
static bool drawn;

static bool wanted(void)
{
	if (tool.progress || tool.quiet)
		return tool.progress > 0;
	return isatty(STDERR_FILENO) && (tool.output || !isatty(STDOUT_FILENO)) &&
	       tcgetpgrp(STDERR_FILENO) == getpgrp();
}

void progress(const char *fmt, ...)
{
	uint64_t now_ns = clock_now_ns();
	va_list args;

	if (!first_call_ns)
		first_call_ns = now_ns;
	if (now_ns - last_drawn_ns < REDRAW_NS)
		return;
	if (tool.progress == 0 && now_ns - first_call_ns < FIRST_AFTER_NS)
		return;
	last_drawn_ns = now_ns;
	if (!wanted())
		return;
	drawn = true;
	fputs("\r\033[K", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fflush(stderr);
}

void progress_wipe(void)
{
	if (!drawn)
		return;
	drawn = false;
	fputs("\r\033[K", stderr);
	fflush(stderr);
}
