/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines of every length around the sizes at which something happens inside, gzip and plain; a live stream. */
#include "common/diag.h"
#include "common/gzio.h"
#include "common/tool.h"
#include "tap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where reads end, members close, and lines are too long. */
static const size_t sizes[] = { 1, 64 << 10, 256 << 10, GZ_LINE_MAX };

/* Line i of a stream is `len` bytes, newline included; its bytes depend on i. */
static void put_line(struct gzout *out, size_t i, size_t len)
{
	char *to = gzout_room(out, len);

	memset(to, 'a' + (int)(i % 26), len);
	to[len - 1] = '\n';
	gzout_wrote(out, len);
}

static bool line_is(const char *line, size_t len, size_t i, size_t expected)
{
	if (len != expected - 1 || line[len])
		return false;
	return len == 0 || (line[0] == 'a' + (int)(i % 26) && memcmp(line, line + 1, len - 1) == 0);
}

static void check_lines(size_t len, size_t lines, bool plain)
{
	char *line;
	size_t n, i = 0, right = 0;

	tool.output = "lines";
	tool.plain = plain;
	struct gzout *out = gzout_open();

	for (size_t k = 0; k < lines; k++)
		put_line(out, k, len);
	gzout_close(out);

	struct gzin *in = gzin_open("lines");

	while (gzin_line(in, &line, &n)) {
		right += line_is(line, n, i, len);
		i++;
	}
	CHECK_U64(gzin_line_number(in), lines);
	gzin_close(in);
	CHECK_U64(i, lines);
	CHECK_U64(right, lines);
	unlink("lines");
}

/* Writes three lines, each only when the one before has been seen. */
static _Noreturn void write_slowly(int go)
{
	char byte;

	tool.output = NULL;
	tool.plain = false;
	struct gzout *out = gzout_open();

	for (size_t i = 0; i < 3; i++) {
		put_line(out, i, 10);
		gzout_flush(out);
		if (read(go, &byte, 1) != 1)
			_exit(1);
	}
	gzout_close(out);
	_exit(0);
}

static void check_live(void)
{
	int text[2], go[2], status;
	char *line;
	size_t n, seen = 0;

	if (pipe(text) < 0 || pipe(go) < 0)
		die_errno(EX_OSERR, "cannot make a pipe");
	fflush(stdout);
	pid_t child = fork();

	if (child == 0) {
		dup2(text[1], STDOUT_FILENO);
		close(text[0]);
		close(text[1]);
		close(go[1]);
		write_slowly(go[0]);
	}
	dup2(text[0], STDIN_FILENO);
	close(text[1]);
	close(go[0]);
	struct gzin *in = gzin_open("-");

	while (gzin_line(in, &line, &n)) {
		CHECK(line_is(line, n, seen, 10));
		seen++;
		if (write(go[1], "", 1) != 1)
			break;
	}
	gzin_close(in);
	CHECK_U64(seen, 3);
	waitpid(child, &status, 0);
	CHECK_U64((uint64_t)status, 0);
}

int main(void)
{
	tool_init("gzio", TOOL_FILTER);
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
		for (size_t len = sizes[s] - (sizes[s] > 1); len <= sizes[s] + 1 && len <= GZ_LINE_MAX; len++) {
			check_lines(len, 5, false);
			check_lines(len, 5, true);
		}
	check_lines(1, 3 * (256 << 10) + 7, false);
	check_lines(100, 10000, true);
	check_lines(1, 0, false);
	check_lines(1, 0, true);
	check_live();
	return tap_end("gzio");
}
