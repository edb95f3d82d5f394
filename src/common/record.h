/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * record - rows of the kinds declared in records.def, in and out. wss-records(5) describes them for users.
 *
 * A reader takes gzip or plain CSV of one of the kinds it is told to accept; several files and `cat`ted streams are one
 * stream. Anything that is not right ends the program with EX_DATAERR, naming file, line and column.
 */
#ifndef WSS_RECORD_H
#define WSS_RECORD_H

#include "num.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An empty u64 field. It is also the one number that cannot be sent. */
#define UNKNOWN UINT64_MAX

enum {
	TEXT_FIELD_MAX = 255, /* bytes of a text field */
	GFN_BITS = 48,
};

/* enum event { event_begin, ... } and so on: one for each token list. TOKEN_NONE is the empty field. */
#define TOKENS(type, help) enum type {
#define TOKEN(type, name, text, help) type##_##name,
#define ENDTOKENS(type) type##_count };
#include "records.def"
#define TOKEN_NONE 255

/* What a source cannot see: the sum in the arg of a blind event. */
enum {
	BLIND_READS = 1,
	BLIND_DMA = 2,
	BLIND_ORDER = 4,
	BLIND_GFN = 8,
	BLIND_UNITS = 16,
};

/* struct rec_event and so on. Text points to interned names: equal texts are equal pointers, valid for ever. */
#define REC_TYPE_u64 uint64_t
#define REC_TYPE_text const char *
#define REC_TYPE_event uint8_t /* enum event */
#define REC_TYPE_reason uint8_t /* enum reason */
#define REC_TYPE_result uint8_t /* enum result */
#define REC_TYPE_note uint8_t /* enum note, or TOKEN_NONE */
#define RECORD(kind, help) struct rec_##kind {
#define COL(kind, type, name, need, unit, help) REC_TYPE_##type name;
#define END(kind) };
#include "records.def"

enum rec_kind {
#define RECORD(kind, help) REC_##kind,
#include "records.def"
	REC_KINDS
};

/* Room for a row of any kind. */
union rec {
#define RECORD(kind, help) struct rec_##kind kind;
#include "records.def"
};

/* For programs that look at the declaration itself. */
struct rec_tokens {
	const char *type, *help;
	struct {
		const char *text, *help;
	} token[32];
	size_t n;
};

struct rec_column {
	const char *name;
	size_t offset;
	const struct rec_tokens *tokens; /* of a token column */
	bool text, optional;
	const char *unit, *help, *type;
};

struct rec_decl {
	const char *name, *help;
	const struct rec_column *column;
	size_t columns;
	const char *header; /* the header line */
};
extern const struct rec_decl rec_decl[REC_KINDS];
extern const struct rec_tokens *const rec_token_lists[];
extern const size_t rec_token_list_count;

/* The one copy of a text, at most TEXT_FIELD_MAX bytes. Dies when there are more than a million. */
const char *rec_intern(const char *text, size_t len);

/* Puts the row's line, newline included, at `to` (room for rec_line_max(kind)); returns its length. */
size_t rec_format(char *to, enum rec_kind kind, const void *row);
size_t rec_line_max(enum rec_kind kind);

/* ---- out ---- */

struct rec_out;

/* Standard output or -o FILE (gzout_open). The header line leaves with the first row, or at the close. */
struct rec_out *rec_create(enum rec_kind kind);
/* A second output, to a file. */
struct rec_out *rec_create_file(enum rec_kind kind, const char *path);
/* `row` is a struct rec_KIND of the stream's kind. */
void rec_put(struct rec_out *, const void *row);
/* Sends what was put: at the end of a period. */
void rec_flush(struct rec_out *);
void rec_close(struct rec_out *);

/* ---- in ---- */

struct rec_in;

#define ACCEPT(kind) (1u << REC_##kind)

/*
 * Reads the files one after the other; no files: standard input. `accepted`: ACCEPT(event) | ... The first header line
 * is read here, and says the kind; further files must be of the same one.
 */
struct rec_in *rec_open(char *const *files, int n, unsigned accepted);
/*
 * A second input, of one file, which nobody waits for: its header has not been read yet, and rec_next() is false whenever
 * nothing more has arrived; more may come later.
 */
struct rec_in *rec_open_aside(const char *file, unsigned accepted);
enum rec_kind rec_in_kind(const struct rec_in *);
/* The next row, into a struct rec_KIND (or union rec). False at the end. */
bool rec_next(struct rec_in *, void *row);
/* Lets `out` be sent whenever this input makes us wait. */
void rec_flush_before_wait(struct rec_in *, struct rec_out *out);
/* Dies with EX_DATAERR: "FILE: line N: " and the text, for what only the reader's caller can see is wrong. */
_Noreturn void rec_die(struct rec_in *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void rec_in_close(struct rec_in *);

/* Tests only: false reads every line by libcsv; the result must be the same. */
extern bool rec_fast_lane;

/* ---- small helpers for the kinds ---- */

static inline uint64_t known_or(uint64_t value, uint64_t otherwise)
{
	return value == UNKNOWN ? otherwise : value;
}

/* Unknown stays unknown; what does not fit is the largest number that can be sent. */
static inline uint64_t pages_to_kib(uint64_t pages)
{
	uint64_t kib = num_mul(pages, KIB_PER_PAGE);

	return pages != UNKNOWN && kib == UNKNOWN ? UNKNOWN - 1 : kib;
}

#endif
