/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-record - any bytes as a stream of records. Both ways of reading, the fast lane and libcsv alone, give the same rows
 * and the same message; neither crashes, leaks, leaves part of a row unset, or (built with the memory sanitizer) looks at
 * bytes nobody wrote.
 *
 * The reader is part of this file, so that an end by die() comes back here and the reader can be freed.
 */
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csv.h>
#include <zlib.h>

static jmp_buf died;
static char said[1100];
static void *reader; /* what rec_open() got first: the struct rec_in */

static _Noreturn void fuzz_exit(int code)
{
	longjmp(died, code);
}

static ssize_t fuzz_write(int fd, const void *data, size_t n)
{
	if (fd == STDERR_FILENO && n < sizeof(said)) {
		memcpy(said, data, n);
		said[n] = '\0';
	}
	return (ssize_t)n;
}

static void *fuzz_calloc(size_t n, size_t size)
{
	void *memory = calloc(n, size);

	if (!reader)
		reader = memory;
	return memory;
}

#if __has_feature(memory_sanitizer)
#include <sanitizer/msan_interface.h>

/* zlib and libcsv are not built with the sanitizer: what they wrote is declared, what they are given is checked. */
static int fuzz_inflate(z_stream *z, int flush)
{
	unsigned char *to = z->next_out;

	__msan_check_mem_is_initialized(z->next_in, z->avail_in);
	int result = inflate(z, flush);

	__msan_unpoison(z, sizeof(*z));
	__msan_unpoison(to, (size_t)(z->next_out - to));
	if (z->msg)
		__msan_unpoison_string(z->msg);
	return result;
}

static void (*true_on_field)(void *, size_t, void *);

static void fuzz_on_field(void *bytes, size_t len, void *context)
{
	__msan_unpoison(&bytes, sizeof(bytes));
	__msan_unpoison(&len, sizeof(len));
	__msan_unpoison(&context, sizeof(context));
	__msan_unpoison(bytes, len);
	true_on_field(bytes, len, context);
}

static size_t fuzz_csv_parse(struct csv_parser *p, const void *text, size_t len, void (*on_field)(void *, size_t, void *),
			     void (*on_row)(int, void *), void *context)
{
	__msan_check_mem_is_initialized(text, len);
	true_on_field = on_field;
	size_t done = csv_parse(p, text, len, fuzz_on_field, on_row, context);

	__msan_unpoison(&done, sizeof(done));
	return done;
}

static int fuzz_csv_fini(struct csv_parser *p, void (*on_field)(void *, size_t, void *), void (*on_row)(int, void *),
			 void *context)
{
	true_on_field = on_field;
	int result = csv_fini(p, fuzz_on_field, on_row, context);

	__msan_unpoison(&result, sizeof(result));
	return result;
}

#define inflate fuzz_inflate
#define csv_parse fuzz_csv_parse
#define csv_fini fuzz_csv_fini
#endif

#define exit fuzz_exit
#define write fuzz_write
#define calloc fuzz_calloc
#include "../../src/common/clock.c"
#include "../../src/common/diag.c"
#include "../../src/common/gzio.c"
#include "../../src/common/num.c"
#include "../../src/common/progress.c"
#include "../../src/common/record.c"
#include "../../src/common/tool.c"
#undef exit
#undef write
#undef calloc

/* Sum over all fields of all rows, and how it ended. */
struct outcome {
	uint64_t sum, rows;
	int code;
	char message[sizeof(said)];
};

static uint64_t sum_row(enum rec_kind kind, const union rec *row, uint64_t sum)
{
	const struct rec_decl *decl = &rec_decl[kind];

	for (size_t i = 0; i < decl->columns; i++) {
		const struct rec_column *column = &decl->column[i];
		const char *field = (const char *)row + column->offset;
		/* Equal texts are equal pointers. */
		uint64_t value = column->tokens ? *(const uint8_t *)field
				 : column->text ? (uintptr_t)*(const char *const *)field
						: *(const uint64_t *)field;

		if (column->text && strlen(*(const char *const *)field) > TEXT_FIELD_MAX)
			abort();
		if (column->tokens && value != TOKEN_NONE && value >= column->tokens->n)
			abort();
		sum = (sum ^ value) * UINT64_C(0x9e3779b97f4a7c15) + 1;
	}
	return sum;
}

static struct outcome read_all(bool fast, int fill)
{
	static struct outcome result;
	static union rec row;

	memset(&result, 0, sizeof(result));
	lseek(STDIN_FILENO, 0, SEEK_SET);
	rec_fast_lane = fast;
	reader = NULL;
	said[0] = '\0';
	result.code = setjmp(died);
	if (result.code == 0) {
		struct rec_in *in = rec_open(NULL, 0, (1u << REC_KINDS) - 1);

		memset(&row, fill, sizeof(row));
		while (rec_next(in, &row)) {
			result.sum = sum_row(rec_in_kind(in), &row, result.sum);
			result.rows++;
			memset(&row, fill, sizeof(row));
		}
	}
	memcpy(result.message, said, sizeof(said));
	/* Freed as the caller would, also when rec_open() did not come back. */
	if (reader)
		rec_in_close(reader);
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("input", MFD_CLOEXEC);
		if (fd < 0 || dup2(fd, STDIN_FILENO) < 0)
			abort();
	}
	if (ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	/* Different rubbish in the row before each read: a field that is not set gives itself away. */
	struct outcome fast = read_all(true, 0x55), slow = read_all(false, 0xaa);

	if (fast.sum != slow.sum || fast.rows != slow.rows || fast.code != slow.code ||
	    strcmp(fast.message, slow.message) != 0) {
		fprintf(stderr, "fast: %llu rows, code %d, %sslow: %llu rows, code %d, %s",
			(unsigned long long)fast.rows, fast.code, fast.message, (unsigned long long)slow.rows, slow.code,
			slow.message);
		abort();
	}
	if (fast.code != 0 && fast.code != EX_DATAERR)
		abort();
	return 0;
}
