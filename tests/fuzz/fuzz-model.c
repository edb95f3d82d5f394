/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-model - any bytes as the file of a model: it is refused with a message and EX_DATAERR, or it is a whole model of
 * finite numbers, which written and read again is the same, and gives a value.
 *
 * The reader is part of this file, so that an end by die() comes back here and what it had opened can be freed.
 */
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static jmp_buf died;
static char said[1100];
static FILE *opened;
static char *line;
static void *counters;

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

static FILE *fuzz_fopen(const char *path, const char *mode)
{
	opened = fopen(path, mode);
	return opened;
}

static ssize_t fuzz_getline(char **to, size_t *size, FILE *file)
{
	ssize_t len = getline(to, size, file);

	line = *to;
	return len;
}

static void *fuzz_calloc(size_t n, size_t size)
{
	counters = calloc(n, size);
	return counters;
}

#define exit fuzz_exit
#define write fuzz_write
#include "../../src/common/clock.c"
#include "../../src/common/diag.c"
#include "../../src/common/gzio.c"
#include "../../src/common/num.c"
#include "../../src/common/progress.c"
#include "../../src/common/record.c"
#include "../../src/common/tool.c"
#define fopen fuzz_fopen
#define getline fuzz_getline
#define calloc fuzz_calloc
#define next_line next_line_of_model /* record.c has one too */
#include "../../src/common/model.c"
#undef exit
#undef write
#undef fopen
#undef getline
#undef calloc
#undef next_line

/* 0: read; else as die() said, and nothing is left open. */
static int read_model(const char *path, struct model *model)
{
	int code;

	said[0] = '\0';
	opened = NULL;
	line = NULL;
	counters = NULL;
	code = setjmp(died);
	if (code == 0) {
		model_read(path, model);
		return 0;
	}
	if (opened)
		fclose(opened);
	free(line);
	free(counters);
	return code;
}

static void check(const struct model *model)
{
	double x[MODEL_COUNTERS_MAX];
	bool outside;

	if (model->n == 0 || model->n > MODEL_COUNTERS_MAX)
		abort();
	if (!isfinite(model->constant) || !isfinite(model->low) || !isfinite(model->high))
		abort();
	for (size_t i = 0; i < model->n; i++) {
		const struct model_counter *c = &model->counter[i];

		if (!isfinite(c->coefficient) || !isfinite(c->mean) || !isfinite(c->low) || !isfinite(c->high) ||
		    !isfinite(c->scale) || c->scale <= 0 || !*c->name || strlen(c->name) > TEXT_FIELD_MAX)
			abort();
		x[i] = c->low;
	}
	model_value(model, x, &outside);
}

/* Both are finite. */
static bool is(double a, double b)
{
	return !(a < b) && !(a > b);
}

static bool same(const struct model *a, const struct model *b)
{
	bool same = a->n == b->n && a->age_ns == b->age_ns && is(a->constant, b->constant) && is(a->low, b->low) && is(a->high, b->high);

	for (size_t i = 0; same && i < a->n; i++) {
		const struct model_counter *c = &a->counter[i], *d = &b->counter[i];

		same = c->name == d->name && c->rate == d->rate && is(c->coefficient, d->coefficient) && is(c->mean, d->mean) &&
		       is(c->scale, d->scale) && is(c->low, d->low) && is(c->high, d->high);
	}
	return same;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	static char path[32];
	struct model model, again;
	FILE *to;
	int code;

	if (fd < 0) {
		fd = memfd_create("input", MFD_CLOEXEC);
		if (fd < 0)
			abort();
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	if (ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	code = read_model(path, &model);
	if (code != 0) {
		if (code != EX_DATAERR || !*said)
			abort();
		return 0;
	}
	check(&model);
	to = fopen(path, "we");
	if (!to)
		abort();
	fputs("wss-model 1\n", to);
	model_print(to, &model);
	if (fclose(to) != 0 || read_model(path, &again) != 0 || !same(&model, &again))
		abort();
	model_release(&model);
	model_release(&again);
	return 0;
}
