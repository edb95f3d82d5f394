/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rows of every kind with random fields: what is written is read back equal, by the fast lane and by libcsv, from gzip
 * and from plain text.
 */
#include "common/diag.h"
#include "common/record.h"
#include "common/tool.h"
#include "tap.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 3000 };

static uint64_t state = 1;

/* xorshift64* */
static uint64_t random_u64(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * UINT64_C(2685821657736338717);
}

static uint64_t random_below(uint64_t n)
{
	return (random_u64() >> 11) % n;
}

/* Every length of number, and the ends. */
static uint64_t random_number(void)
{
	switch (random_below(8)) {
	case 0:
		return 0;
	case 1:
		return UNKNOWN - 1;
	case 2:
		return UINT64_C(9999999999999999999);
	case 3:
		return UINT64_C(10000000000000000000);
	default:
		return random_u64() >> (1 + random_below(63));
	}
}

/* Names as libvirt allows them and worse: commas, quotes, blanks at the ends, bytes above 127, the longest. */
static const char *random_text(void)
{
	static const char odd[] = "a,\" '\\;|\xc3\xa9.=-Z";
	char text[TEXT_FIELD_MAX];
	size_t n = random_below(16) == 0 ? TEXT_FIELD_MAX : 1 + random_below(12);

	for (size_t i = 0; i < n; i++)
		text[i] = odd[random_below(random_below(2) ? sizeof(odd) - 1 : 1)];
	return rec_intern(text, n);
}

static void random_row(enum rec_kind kind, union rec *row)
{
	const struct rec_decl *decl = &rec_decl[kind];

	memset(row, 0x55, sizeof(*row));
	for (size_t i = 0; i < decl->columns; i++) {
		const struct rec_column *column = &decl->column[i];
		void *field = (char *)row + column->offset;
		bool empty = column->optional && random_below(3) == 0;

		if (column->tokens)
			*(uint8_t *)field = empty ? TOKEN_NONE : (uint8_t)random_below(column->tokens->n);
		else if (column->text)
			*(const char **)field = empty ? rec_intern("", 0) : random_text();
		else if (empty)
			*(uint64_t *)field = UNKNOWN;
		else if (strcmp(column->name, "gfn") == 0)
			*(uint64_t *)field = random_below(UINT64_C(1) << (GFN_BITS - 1));
		else if (strcmp(column->name, "pages") == 0)
			*(uint64_t *)field = 1 + random_below(UINT64_C(1) << (GFN_BITS - 1));
		else
			*(uint64_t *)field = random_number();
	}
}

static bool rows_equal(enum rec_kind kind, const union rec *a, const union rec *b)
{
	const struct rec_decl *decl = &rec_decl[kind];

	for (size_t i = 0; i < decl->columns; i++) {
		const struct rec_column *column = &decl->column[i];
		size_t size = column->tokens ? sizeof(uint8_t) : column->text ? sizeof(char *) : sizeof(uint64_t);

		if (memcmp((const char *)a + column->offset, (const char *)b + column->offset, size) != 0)
			return false;
	}
	return true;
}

static void check_file(enum rec_kind kind, char *file, const union rec *rows, bool fast)
{
	char *files[] = { file };
	union rec row;
	size_t n = 0, equal = 0;

	rec_fast_lane = fast;
	struct rec_in *in = rec_open(files, 1, (1u << REC_KINDS) - 1);

	CHECK_U64(rec_in_kind(in), kind);
	memset(&row, 0xaa, sizeof(row));
	while (rec_next(in, &row) && n < ROWS) {
		equal += rows_equal(kind, &row, &rows[n]);
		n++;
		memset(&row, 0xaa, sizeof(row));
	}
	rec_in_close(in);
	CHECK_U64(n, ROWS);
	CHECK_U64(equal, ROWS);
}

static void check_kind(enum rec_kind kind, union rec *rows, bool plain)
{
	char file[] = "rows";

	for (size_t i = 0; i < ROWS; i++)
		random_row(kind, &rows[i]);
	tool.output = file;
	tool.plain = plain;
	struct rec_out *out = rec_create(kind);

	for (size_t i = 0; i < ROWS; i++) {
		rec_put(out, &rows[i]);
		if (random_below(500) == 0)
			rec_flush(out);
	}
	rec_close(out);
	check_file(kind, file, rows, true);
	check_file(kind, file, rows, false);
	unlink(file);
}

/* The longest row there can be fits into what rec_line_max() promises. */
static void check_longest(enum rec_kind kind)
{
	const struct rec_decl *decl = &rec_decl[kind];
	char text[TEXT_FIELD_MAX];
	union rec row;
	size_t room = rec_line_max(kind);
	char *line = or_die(malloc(room + 1));

	memset(text, '"', sizeof(text));
	for (size_t i = 0; i < decl->columns; i++) {
		void *field = (char *)&row + decl->column[i].offset;

		if (decl->column[i].tokens)
			*(uint8_t *)field = 0;
		else if (decl->column[i].text)
			*(const char **)field = rec_intern(text, sizeof(text));
		else
			*(uint64_t *)field = UNKNOWN - 1;
	}
	line[room] = 'x';
	size_t len = rec_format(line, kind, &row);

	CHECK(len <= room && line[room] == 'x');
	CHECK(line[len - 1] == '\n' && !memchr(line, '\n', len - 1));
	free(line);
}

static void check_intern(void)
{
	char text[] = "vm1";
	const char *one = rec_intern(text, 3);

	text[2] = '2';
	CHECK(strcmp(one, "vm1") == 0);
	CHECK(rec_intern("vm1xyz", 3) == one);
	CHECK(rec_intern(text, 3) != one);
	CHECK(rec_intern("", 0) == rec_intern("x", 0));
}

int main(void)
{
	union rec *rows = or_die(calloc(ROWS, sizeof(*rows)));

	tool_init("record", TOOL_FILTER);
	check_intern();
	for (size_t kind = 0; kind < REC_KINDS; kind++) {
		check_longest((enum rec_kind)kind);
		check_kind((enum rec_kind)kind, rows, false);
		check_kind((enum rec_kind)kind, rows, true);
	}
	free(rows);
	return tap_end("record");
}
