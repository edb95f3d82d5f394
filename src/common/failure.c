/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "failure.h"

#include <stdarg.h>
#include <stdio.h>

void failure_set(struct failure *failure, int code, const char *fmt, ...)
{
	va_list args;

	failure->code = code;
	va_start(args, fmt);
	vsnprintf(failure->text, sizeof(failure->text), fmt, args);
	va_end(args);
}
