/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model.h"

#include "diag.h"
#include "num.h"
#include "record.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the file ---- */

struct reader {
	const char *path;
	FILE *file;
	char *line;
	size_t size;
	unsigned number; /* of the line */
};

static _Noreturn void die_at(const struct reader *r, const char *what, const char *text)
{
	die(EX_DATAERR, "%s: line %u: %s '%.64s'", r->path, r->number, what, text);
}

static bool next_line(struct reader *r)
{
	ssize_t len = getline(&r->line, &r->size, r->file);

	r->number++;
	if (len < 0 && ferror(r->file))
		die_errno(errno == EISDIR ? EX_NOINPUT : EX_IOERR, "cannot read %s", r->path);
	if (len < 0)
		return false;
	if (memchr(r->line, '\0', (size_t)len))
		die(EX_DATAERR, "%s: line %u: NUL byte", r->path, r->number);
	r->line[strcspn(r->line, "\n")] = '\0';
	return true;
}

static const char *next_word(const struct reader *r, char **rest)
{
	const char *word = strsep(rest, " ");

	if (!word || !*word)
		die(EX_DATAERR, "%s: line %u: a word is missing", r->path, r->number);
	return word;
}

static double next_number(const struct reader *r, char **rest)
{
	const char *word = next_word(r, rest);
	char *end;
	double value = strtod(word, &end);

	if (*end || !isfinite(value))
		die_at(r, "bad number", word);
	return value;
}

static void read_counter(const struct reader *r, char **rest, struct model *model)
{
	struct model_counter *c;
	struct model_counter read = { 0 };
	const char *kind = next_word(r, rest), *name;

	read.coefficient = next_number(r, rest);
	read.mean = next_number(r, rest);
	read.scale = next_number(r, rest);
	read.low = next_number(r, rest);
	read.high = next_number(r, rest);
	name = *rest;
	if (!name || !*name)
		die(EX_DATAERR, "%s: line %u: a word is missing", r->path, r->number);
	if (strcmp(kind, "rate") != 0 && strcmp(kind, "level") != 0)
		die_at(r, "neither rate nor level:", kind);
	if (model->n == MODEL_COUNTERS_MAX)
		die(EX_DATAERR, "%s: line %u: more than %d counters", r->path, r->number, MODEL_COUNTERS_MAX);
	if (strlen(name) > TEXT_FIELD_MAX)
		die_at(r, "name too long", name);
	c = &model->counter[model->n++];
	*c = read;
	c->rate = *kind == 'r';
	c->name = rec_intern(name, strlen(name));
	for (size_t i = 0; i + 1 < model->n; i++)
		if (model->counter[i].name == c->name)
			die_at(r, "given twice:", name);
	if (!(c->scale > 0))
		die_at(r, "scale is not above 0:", name);
}

/* Lines that are not known are for people, or of a newer program that says something more. */
static void read_body(struct reader *r, struct model *model)
{
	bool age = false, constant = false, errors = false;

	while (next_line(r)) {
		char *rest = r->line;
		const char *what = strsep(&rest, " ");

		if (strcmp(what, "counter") == 0) {
			read_counter(r, &rest, model);
		} else if (strcmp(what, "age_ns") == 0) {
			const char *word = next_word(r, &rest);

			age = num_u64(word, strlen(word), &model->age_ns) == NUM_OK;
			if (!age)
				die_at(r, "bad number", word);
		} else if (strcmp(what, "constant") == 0) {
			model->constant = next_number(r, &rest);
			constant = true;
		} else if (strcmp(what, "errors") == 0) {
			model->low = next_number(r, &rest);
			model->high = next_number(r, &rest);
			errors = true;
		} else if (strcmp(what, "end") == 0) {
			if (!age || !constant || !errors || model->n == 0)
				die(EX_DATAERR, "%s: no line '%s'", r->path,
				    !age ? "age_ns" : !constant ? "constant" : !errors ? "errors" : "counter");
			return;
		}
	}
	die(EX_DATAERR, "%s: no line 'end': cut off", r->path);
}

void model_read(const char *path, struct model *model)
{
	struct reader r = { .path = path, .file = fopen(path, "re") };

	if (!r.file)
		die_errno(errno == EACCES ? EX_NOPERM : EX_NOINPUT, "cannot read %s", path);
	*model = (struct model){ .counter = or_die(calloc(MODEL_COUNTERS_MAX, sizeof(*model->counter))) };
	if (!next_line(&r) || strncmp(r.line, "wss-model ", 10) != 0)
		die(EX_DATAERR, "%s: not a model: need the file that wss-fit writes", path);
	if (strcmp(r.line, "wss-model 1") != 0)
		die_at(&r, "need version 1, not", r.line + 10);
	read_body(&r, model);
	free(r.line);
	fclose(r.file);
}

void model_print(FILE *to, const struct model *model)
{
	fprintf(to, "age_ns %" PRIu64 "\nconstant %.17g\nerrors %.17g %.17g\n", model->age_ns, model->constant, model->low, model->high);
	for (size_t i = 0; i < model->n; i++) {
		const struct model_counter *c = &model->counter[i];

		fprintf(to, "counter %s %.17g %.17g %.17g %.17g %.17g %s\n", c->rate ? "rate" : "level", c->coefficient, c->mean,
			c->scale, c->low, c->high, c->name);
	}
	fputs("end\n", to);
}

void model_release(struct model *model)
{
	free(model->counter);
}

/* ---- its value ---- */

double model_value(const struct model *model, const double *x, bool *outside)
{
	double wss = model->constant;

	*outside = false;
	for (size_t i = 0; i < model->n; i++) {
		const struct model_counter *c = &model->counter[i];
		double margin = (c->high - c->low) / 10;

		wss += c->coefficient * ((x[i] - c->mean) / c->scale);
		if (x[i] < c->low - margin || x[i] > c->high + margin)
			*outside = true;
	}
	return wss;
}

void watch_add(struct watch *watch, uint64_t t_ns, uint64_t value)
{
	if (value == UNKNOWN) {
		*watch = (struct watch){ 0 };
		return;
	}
	watch->known = true;
	watch->t_ns = t_ns;
	watch->value = value;
}

bool watch_close(struct watch *watch, uint64_t end_ns, uint64_t age_ns, bool rate, double *x)
{
	if (watch->known && watch->marked && watch->t_ns > watch->mark_ns) {
		watch->rate_known = watch->value >= watch->mark;
		if (watch->rate_known)
			watch->rate = (double)(watch->value - watch->mark) / ((double)(watch->t_ns - watch->mark_ns) / 1e9);
	}
	if (watch->known) {
		watch->marked = true;
		watch->mark_ns = watch->t_ns;
		watch->mark = watch->value;
	}
	*x = rate ? watch->rate : (double)watch->value;
	return watch->known && end_ns - watch->t_ns <= age_ns && (!rate || watch->rate_known);
}
