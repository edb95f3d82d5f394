/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record.h"

#include "diag.h"
#include "gzio.h"
#include "num.h"

#include <csv.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the declaration, as tables ---- */

#define TOKENS(type, help) static const struct rec_tokens tokens_##type = { #type, help, {
#define TOKEN(type, name, text, help) { text, help },
#define ENDTOKENS(type) }, type##_count };
#include "records.def"

const struct rec_tokens *const rec_token_lists[] = {
#define TOKENS(type, help) &tokens_##type,
#include "records.def"
};
const size_t rec_token_list_count = sizeof(rec_token_lists) / sizeof(rec_token_lists[0]);

#define REQUIRED false
#define OPTIONAL true
#define TOKENS_OF_u64 NULL
#define TOKENS_OF_text NULL
#define TOKENS_OF_event &tokens_event
#define TOKENS_OF_reason &tokens_reason
#define TOKENS_OF_note &tokens_note
#define TOKENS_OF_result &tokens_result
#define TEXT_u64 false
#define TEXT_text true
#define TEXT_event false
#define TEXT_reason false
#define TEXT_note false
#define TEXT_result false

#define RECORD(kind, help) static const struct rec_column columns_##kind[] = {
#define COL(kind, type, name, need, unit, help)                                                    \
	{ #name, offsetof(struct rec_##kind, name), TOKENS_OF_##type, TEXT_##type, need, unit, help, #type },
#define END(kind) };
#include "records.def"

#define RECORD(kind, help) static const char header_##kind[] = ""
#define COL(kind, type, name, need, unit, help) "," #name
#define END(kind) ;
#include "records.def"

const struct rec_decl rec_decl[REC_KINDS] = {
#define RECORD(kind, help)                                                                         \
	{ #kind, help, columns_##kind, sizeof(columns_##kind) / sizeof(columns_##kind[0]), header_##kind + 1 },
#include "records.def"
};

enum { COLUMNS_MAX = 64 }; /* also of a newer writer's header */

/* ---- texts ---- */

enum { TEXTS_MAX = 1000000, TEXT_BUCKETS = 4096 };

struct text {
	struct text *next;
	size_t len;
	char bytes[];
};

const char *rec_intern(const char *bytes, size_t len)
{
	static struct text *bucket[TEXT_BUCKETS];
	static size_t texts;
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)bytes[i]) * 16777619u;
	struct text **head = &bucket[hash % TEXT_BUCKETS];

	for (struct text *t = *head; t; t = t->next)
		if (t->len == len && memcmp(t->bytes, bytes, len) == 0)
			return t->bytes;
	if (++texts > TEXTS_MAX)
		die(EX_DATAERR, "more than %d different names", TEXTS_MAX);
	struct text *t = or_die(malloc(sizeof(*t) + len + 1));

	t->next = *head;
	t->len = len;
	memcpy(t->bytes, bytes, len);
	t->bytes[len] = '\0';
	*head = t;
	return t->bytes;
}

/* ---- out ---- */

size_t rec_line_max(enum rec_kind kind)
{
	/* a text of quotes doubles; a number has 20 digits */
	return rec_decl[kind].columns * (2 * TEXT_FIELD_MAX + 3) + 1;
}

/* RFC 4180: quoted when a comma, a quote, or a blank at an end would be misread. */
static char *put_text(char *to, const char *text)
{
	size_t len = strlen(text);
	bool quote = len && (text[0] == ' ' || text[len - 1] == ' ');

	if (len > TEXT_FIELD_MAX)
		bug("name of %zu bytes", len);
	if (!quote && !strpbrk(text, ",\""))
		return mempcpy(to, text, len);
	*to++ = '"';
	for (; *text; text++) {
		if (*text == '"')
			*to++ = '"';
		*to++ = *text;
	}
	*to++ = '"';
	return to;
}

size_t rec_format(char *to, enum rec_kind kind, const void *row)
{
	const struct rec_decl *decl = &rec_decl[kind];
	char *at = to;

	for (size_t i = 0; i < decl->columns; i++) {
		const struct rec_column *column = &decl->column[i];
		const char *field = (const char *)row + column->offset;

		if (column->tokens) {
			uint8_t token = *(const uint8_t *)field;

			if (token != TOKEN_NONE) {
				const char *text = column->tokens->token[token].text;

				at = stpcpy(at, text);
			}
		} else if (column->text) {
			at = put_text(at, *(const char *const *)field);
		} else if (*(const uint64_t *)field != UNKNOWN) {
			at = num_put_u64(at, *(const uint64_t *)field);
		}
		*at++ = ',';
	}
	at[-1] = '\n';
	return (size_t)(at - to);
}

struct rec_out {
	struct gzout *gz;
	enum rec_kind kind;
	size_t line_max;
};

static struct rec_out *create(enum rec_kind kind, struct gzout *gz)
{
	struct rec_out *out = or_die(malloc(sizeof(*out)));
	size_t len = strlen(rec_decl[kind].header);

	out->gz = gz;
	out->kind = kind;
	out->line_max = rec_line_max(kind);
	char *to = gzout_room(out->gz, len + 1);

	memcpy(to, rec_decl[kind].header, len);
	to[len] = '\n';
	gzout_wrote(out->gz, len + 1);
	return out;
}

struct rec_out *rec_create(enum rec_kind kind)
{
	return create(kind, gzout_open());
}

struct rec_out *rec_create_file(enum rec_kind kind, const char *path)
{
	return create(kind, gzout_open_file(path));
}

void rec_put(struct rec_out *out, const void *row)
{
	gzout_wrote(out->gz, rec_format(gzout_room(out->gz, out->line_max), out->kind, row));
}

void rec_flush(struct rec_out *out)
{
	gzout_flush(out->gz);
}

void rec_close(struct rec_out *out)
{
	gzout_close(out->gz);
	free(out);
}

/* ---- in ---- */

bool rec_fast_lane = true;

struct rec_in {
	char *const *files;
	int files_left;
	struct gzin *gz;
	unsigned accepted;
	enum rec_kind kind;
	bool kind_known;
	char *header;          /* of this file, as read */
	size_t header_columns; /* at least those of the kind */
	struct csv_parser csv;
	struct {
		size_t n;
		const char *field[COLUMNS_MAX + 1];
		size_t len[COLUMNS_MAX + 1];
		char *bytes;       /* where the fields are, each with a NUL */
		size_t used;
	} fields;
	const char *last_text;   /* the text read last: mostly the next one too */
	size_t last_len;
	struct rec_out *flush_before_wait;
};

void rec_die(struct rec_in *in, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	die(EX_DATAERR, "%s: %s", gzin_where(in->gz), text);
}

static void flush_out(void *context)
{
	rec_flush(context);
}

void rec_flush_before_wait(struct rec_in *in, struct rec_out *out)
{
	in->flush_before_wait = out;
	gzin_before_wait(in->gz, flush_out, out);
}

static void on_field(void *bytes, size_t len, void *context)
{
	struct rec_in *in = context;

	if (in->fields.n <= COLUMNS_MAX) {
		char *to = in->fields.bytes + in->fields.used;

		memcpy(to, bytes, len);
		to[len] = '\0';
		in->fields.field[in->fields.n] = to;
		in->fields.len[in->fields.n] = len;
		in->fields.used += len + 1;
	}
	in->fields.n++;
}

static void on_row(int c, void *context)
{
	(void)c;
	(void)context;
}

/* Blanks belong to the field, at its ends too; and a CR ends no row: gzio.c has cut the text into lines already. */
static int no_byte(unsigned char c)
{
	(void)c;
	return 0;
}

/* Splits a line by libcsv into in->fields. */
static void split(struct rec_in *in, const char *line, size_t len)
{
	in->fields.n = 0;
	in->fields.used = 0;
	/* A line has at most len + 1 fields of together at most len bytes. */
	in->fields.bytes = or_die(realloc(in->fields.bytes, 2 * len + 2));
	if (csv_parse(&in->csv, line, len, on_field, on_row, in) != len ||
	    csv_fini(&in->csv, on_field, on_row, in) != 0) {
		const char *reason = csv_error(&in->csv) == CSV_EPARSE ? "bad quotes"
								     : csv_strerror(csv_error(&in->csv));
		rec_die(in, "%s", reason);
	}
	if (in->fields.n > COLUMNS_MAX)
		rec_die(in, "%zu columns, at most %d", in->fields.n, COLUMNS_MAX);
}

static void name_kinds(char *to, size_t room, unsigned accepted)
{
	size_t n = 0;

	for (size_t kind = 0; kind < REC_KINDS; kind++)
		if (accepted & (1u << kind))
			n += (size_t)snprintf(to + n, room - n, "%s%s", n ? " or " : "", rec_decl[kind].name);
}

/* How many of the kind's columns stand at the head of the fields. */
static size_t matching(const struct rec_in *in, enum rec_kind kind)
{
	const struct rec_decl *decl = &rec_decl[kind];
	size_t n = 0;

	while (n < decl->columns && n < in->fields.n && strcmp(in->fields.field[n], decl->column[n].name) == 0)
		n++;
	return n;
}

/* Recognises the kind from the header line, or says what is wrong with it. */
static void read_header(struct rec_in *in, const char *line, size_t len)
{
	char names[128];
	size_t best = 0, best_columns = 0;

	split(in, line, len);
	for (size_t kind = 0; kind < REC_KINDS; kind++)
		if (matching(in, (enum rec_kind)kind) == rec_decl[kind].columns &&
		    rec_decl[kind].columns > best_columns) {
			best = kind;
			best_columns = rec_decl[kind].columns;
		}
	if (best_columns && in->accepted & (1u << best)) {
		in->kind = (enum rec_kind)best;
		in->kind_known = true;
		in->header_columns = in->fields.n;
		free(in->header);
		in->header = or_die(strndup(line, len));
		return;
	}
	name_kinds(names, sizeof(names), in->accepted);
	if (best_columns)
		rec_die(in, "%s records, need %s records", rec_decl[best].name, names);
	/* Not a header at all, or one of ours with a column missing or renamed: say which. */
	best_columns = 0;
	for (size_t kind = 0; kind < REC_KINDS; kind++)
		if (in->accepted & (1u << kind) && matching(in, (enum rec_kind)kind) >= best_columns) {
			best = kind;
			best_columns = matching(in, (enum rec_kind)kind);
		}
	if (best_columns == 0)
		rec_die(in, "no header line of %s records", names);
	if (best_columns == in->fields.n)
		rec_die(in, "column %zu is missing, need '%s': no %s records", best_columns + 1,
			rec_decl[best].column[best_columns].name, names);
	rec_die(in, "column %zu is '%s', not '%s': no %s records", best_columns + 1,
		in->fields.field[best_columns], rec_decl[best].column[best_columns].name, names);
}

/* A line without its end, which may be CR LF. */
static bool next_line(struct rec_in *in, char **line, size_t *len)
{
	if (!gzin_line(in->gz, line, len))
		return false;
	if (*len && (*line)[*len - 1] == '\r')
		(*line)[--*len] = '\0';
	return true;
}

static bool begin_file(struct rec_in *in)
{
	char *line;
	size_t len;

	if (!next_line(in, &line, &len))
		return false;
	read_header(in, line, len);
	in->accepted = 1u << in->kind;
	return true;
}

static void next_file(struct rec_in *in)
{
	if (in->gz)
		gzin_close(in->gz);
	in->gz = gzin_open(*in->files++);
	in->files_left--;
	if (in->flush_before_wait)
		gzin_before_wait(in->gz, flush_out, in->flush_before_wait);
	if (!begin_file(in))
		die(EX_DATAERR, "%s: empty: no header line", gzin_name(in->gz));
}

static struct rec_in *new_in(unsigned accepted)
{
	struct rec_in *in = or_die(calloc(1, sizeof(*in)));

	in->accepted = accepted;
	if (csv_init(&in->csv, CSV_STRICT | CSV_STRICT_FINI) != 0)
		die(EX_OSERR, "out of memory");
	csv_set_space_func(&in->csv, no_byte);
	csv_set_term_func(&in->csv, no_byte);
	return in;
}

struct rec_in *rec_open(char *const *files, int n, unsigned accepted)
{
	static char *const standard_input[] = { (char *)"-" };
	struct rec_in *in = new_in(accepted);

	in->files = n > 0 ? files : standard_input;
	in->files_left = n > 0 ? n : 1;
	next_file(in);
	return in;
}

struct rec_in *rec_open_aside(const char *file, unsigned accepted)
{
	struct rec_in *in = new_in(accepted);

	in->gz = gzin_open_aside(file);
	return in;
}

enum rec_kind rec_in_kind(const struct rec_in *in)
{
	return in->kind;
}

/* memcmp() takes longer for the few bytes of a name. */
static bool same_bytes(const char *a, const char *b, size_t len)
{
	while (len > 0 && *a == *b) {
		a++;
		b++;
		len--;
	}
	return len == 0;
}

static const char *intern(struct rec_in *in, const char *text, size_t len)
{
	if (!in->last_text || in->last_len != len || !same_bytes(in->last_text, text, len)) {
		in->last_text = rec_intern(text, len);
		in->last_len = len;
	}
	return in->last_text;
}

static bool find_token(const struct rec_tokens *tokens, const char *text, size_t len, uint8_t *token)
{
	for (size_t i = 0; i < tokens->n; i++)
		if (same_bytes(tokens->token[i].text, text, len) && !tokens->token[i].text[len]) {
			*token = (uint8_t)i;
			return true;
		}
	return false;
}

/*
 * The lane in front of libcsv: a line as our own writer makes it, without quotes, every field right. Anything else, right
 * or wrong, is left to slow_row(), which is the only one to judge.
 */
static bool fast_row(struct rec_in *in, const char *line, size_t len, void *row)
{
	const struct rec_decl *decl = &rec_decl[in->kind];
	const char *end = line + len;

	if (in->header_columns != decl->columns)
		return false;
	for (size_t i = 0; i < decl->columns; i++) {
		const struct rec_column *column = &decl->column[i];
		char *field = (char *)row + column->offset;
		const char *start = line;

		if (!column->text && !column->tokens) {
			uint64_t value = 0;

			while (line < end && (unsigned char)(*line - '0') < 10)
				value = value * 10 + (unsigned char)(*line++ - '0');
			/* 19 digits always fit */
			if (line - start > 19 || (line == start && !column->optional))
				return false;
			*(uint64_t *)field = line == start ? UNKNOWN : value;
		} else {
			while (line < end && *line != ',') {
				if ((unsigned char)*line <= ' ' || *line == '"' || *line == 0x7f)
					return false;
				line++;
			}
			size_t n = (size_t)(line - start);

			if (n > TEXT_FIELD_MAX || (n == 0 && !column->optional))
				return false;
			if (column->text)
				*(const char **)field = intern(in, start, n);
			else if (n == 0)
				*(uint8_t *)field = TOKEN_NONE;
			else if (!find_token(column->tokens, start, n, (uint8_t *)field))
				return false;
		}
		if (i + 1 < decl->columns ? line == end || *line++ != ',' : line != end)
			return false;
	}
	return true;
}

/* One field by the rules, or the reason why not. */
static const char *read_field(struct rec_in *in, const struct rec_column *column, const char *text, size_t len, void *field)
{
	if (len == 0 && !column->optional)
		return "empty";
	if (column->text) {
		if (len > TEXT_FIELD_MAX)
			return "longer than 255 bytes";
		for (size_t i = 0; i < len; i++)
			if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
				return "control character";
		*(const char **)field = intern(in, text, len);
		return NULL;
	}
	if (column->tokens) {
		*(uint8_t *)field = TOKEN_NONE;
		return len == 0 || find_token(column->tokens, text, len, field) ? NULL : "bad value";
	}
	*(uint64_t *)field = UNKNOWN;
	if (len == 0)
		return NULL;
	switch (num_u64(text, len, field)) {
	case NUM_OK:
		return *(uint64_t *)field == UNKNOWN ? "too large" : NULL;
	case NUM_TOO_LARGE:
		return "too large";
	default:
		return "bad value";
	}
}

static void slow_row(struct rec_in *in, const char *line, size_t len, void *row)
{
	const struct rec_decl *decl = &rec_decl[in->kind];

	split(in, line, len);
	if (in->fields.n != in->header_columns)
		rec_die(in, "%zu columns, the header has %zu", in->fields.n, in->header_columns);
	for (size_t i = 0; i < decl->columns; i++) {
		const struct rec_column *column = &decl->column[i];
		const char *text = in->fields.field[i];
		const char *wrong = read_field(in, column, text, in->fields.len[i], (char *)row + column->offset);

		if (wrong && *text)
			rec_die(in, "column '%s': %s '%.64s'", column->name, wrong, text);
		if (wrong)
			rec_die(in, "column '%s': %s", column->name, wrong);
	}
}

/* What no single column can say is wrong. */
static void check_row(struct rec_in *in, const void *row)
{
	uint64_t gfn, pages;

	if (in->kind == REC_event) {
		gfn = ((const struct rec_event *)row)->gfn;
		pages = known_or(((const struct rec_event *)row)->pages, 1);
	} else if (in->kind == REC_count) {
		gfn = ((const struct rec_count *)row)->gfn;
		pages = ((const struct rec_count *)row)->pages;
	} else {
		return;
	}
	if (gfn == UNKNOWN)
		return;
	if (gfn >> GFN_BITS)
		rec_die(in, "column 'gfn': too large '%" PRIu64 "'", gfn);
	if (pages == 0 || pages > (UINT64_C(1) << GFN_BITS) - gfn)
		rec_die(in, "column 'pages': bad value '%" PRIu64 "'", pages);
}

bool rec_next(struct rec_in *in, void *row)
{
	char *line;
	size_t len;

	if (!in->kind_known && !begin_file(in))
		return false;
	for (;;) {
		if (!next_line(in, &line, &len)) {
			if (in->files_left == 0)
				return false;
			next_file(in);
			continue;
		}
		if (rec_fast_lane && fast_row(in, line, len, row))
			break;
		/* The header again: `cat` of two streams. */
		if (line[0] == in->header[0] && strcmp(line, in->header) == 0)
			continue;
		slow_row(in, line, len, row);
		break;
	}
	check_row(in, row);
	return true;
}

void rec_in_close(struct rec_in *in)
{
	gzin_close(in->gz);
	csv_free(&in->csv);
	free(in->header);
	free(in->fields.bytes);
	free(in);
}
