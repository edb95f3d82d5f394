/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "table.h"

#include "clock.h"
#include "diag.h"
#include "gzio.h"
#include "tool.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { CELL_MAX = 24, LINE_MAX_BYTES = 1024 };

static struct gzout *out;

static void line(const char *fmt, ...) PRINTF(1, 2);
static void line(const char *fmt, ...)
{
	char *to = gzout_room(out, LINE_MAX_BYTES);
	va_list args;

	va_start(args, fmt);
	int n = vsnprintf(to, LINE_MAX_BYTES - 1, fmt, args);

	va_end(args);
	if (n >= LINE_MAX_BYTES - 1)
		bug("line of %d bytes", n);
	to[n] = '\n';
	gzout_wrote(out, (size_t)n + 1);
}

/* A cell: value / unit with so many decimals; "-" when it is unknown. In one of a ring of buffers. */
static const char *cell(uint64_t value, double unit, int decimals)
{
	static char buffer[16][CELL_MAX];
	static unsigned next;
	char *to = buffer[next++ % 16];

	if (value == UNKNOWN)
		return "-";
	snprintf(to, CELL_MAX, "%.*f", decimals, (double)value / unit);
	return to;
}

#define WHOLE(value) cell(value, 1, 0)
#define PERCENT(value) cell(value, 10000, 2)
#define MIB(value) cell(value, 1024, 1)
#define SECONDS(value) cell(value, NS_PER_S, 1)

static const char *bias(const struct rec_score *score)
{
	static char text[CELL_MAX];

	if (score->over_kib == UNKNOWN)
		return "-";
	snprintf(text, sizeof(text), "%+.1f", ((double)score->over_kib - (double)score->under_kib) / 1024);
	return text;
}

static void truth_block(const struct rec_score *score, size_t n, const char *vm, int width, uint64_t tolerance_ppm)
{
	static const char *const format = "%-*s %7s %6s %7s %7s %8s %8s  %7s %7s %7s  %7s %7s %7s  %7s %7s %7s %9s";

	line("VM %s against %s, tolerance %s %%", vm, score->against, PERCENT(tolerance_ppm));
	line(format, width, "method", "windows", "scored", "MAPE %", "worst %", "bias MiB", "RMSE MiB", "wasting", "for s",
	     "by MiB", "lacking", "for s", "by MiB", "changes", "settled", "lag s", "longest s");
	for (size_t i = 0; i < n; i++) {
		const struct rec_score *s = &score[i];

		if (s->vm == vm)
			line(format, width, s->method, WHOLE(s->windows), WHOLE(s->scored_windows), PERCENT(s->mape_ppm),
			     PERCENT(s->worst_ppm), bias(s), MIB(s->rmse_kib), WHOLE(s->wasting_windows),
			     SECONDS(s->wasting_ns), MIB(s->wasting_kib), WHOLE(s->lacking_windows),
			     SECONDS(s->lacking_ns), MIB(s->lacking_kib), WHOLE(s->changes), WHOLE(s->settled),
			     SECONDS(s->lag_ns), SECONDS(s->lag_max_ns));
	}
}

static void spread_block(const struct rec_score *score, size_t n, const char *vm, int width)
{
	static const char *const format = "%-*s %7s %7s %9s %9s %9s %9s %9s %9s";

	line("VM %s, estimates in MiB", vm);
	line(format, width, "method", "windows", "unknown", "mean", "min", "5 %", "median", "95 %", "max");
	for (size_t i = 0; i < n; i++) {
		const struct rec_score *s = &score[i];

		if (s->vm == vm)
			line(format, width, s->method, WHOLE(s->windows), WHOLE(s->unknown_windows), MIB(s->mean_kib),
			     MIB(s->min_kib), MIB(s->p5_kib), MIB(s->p50_kib), MIB(s->p95_kib), MIB(s->max_kib));
	}
}

static bool seen_before(const struct rec_score *score, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (score[k].vm == score[i].vm)
			return true;
	return false;
}

void table_write(const struct rec_score *score, size_t n, uint64_t tolerance_ppm)
{
	int width = 6; /* of "method" */

	tool.plain = true;
	out = gzout_open();
	for (size_t i = 0; i < n; i++)
		if ((int)strlen(score[i].method) > width)
			width = (int)strlen(score[i].method);
	for (size_t i = 0; i < n; i++) {
		if (seen_before(score, i))
			continue;
		if (i > 0)
			line("%s", "");
		if (*score[i].against)
			truth_block(score, n, score[i].vm, width, tolerance_ppm);
		else
			spread_block(score, n, score[i].vm, width);
	}
	gzout_close(out);
}
