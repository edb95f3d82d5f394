/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "past.h"

#include "diag.h"
#include "whole.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct series *past_series(struct past *past, const char *vm, const char *method, bool *is_new)
{
	*is_new = false;
	for (size_t k = 0; k < past->n; k++) {
		size_t i = (past->last + 1 + k) % past->n; /* mostly the one after the last */

		if (past->series[i].vm == vm && past->series[i].method == method) {
			past->last = i;
			return &past->series[i];
		}
	}
	if (past->n == past->size) {
		past->size = past->size ? 2 * past->size : 16;
		past->series = or_die(reallocarray(past->series, past->size, sizeof(*past->series)));
	}
	*is_new = true;
	past->last = past->n;
	past->series[past->n] = (struct series){ .vm = vm, .method = method };
	return &past->series[past->n++];
}

void past_add(struct series *series, const struct rec_estimate *row)
{
	if (!series->row)
		series->row = or_die(calloc(PAST_ROWS, sizeof(*series->row)));
	series->row[series->n++ % PAST_ROWS] = *row;
	series->last_ns = row->t_ns;
}

void past_read(const char *path, void (*row)(void *context, const struct rec_estimate *), void *context)
{
	char *files[] = { (char *)path };
	struct rec_estimate estimate;
	struct rec_in *in;

	if (access(path, F_OK) < 0 && errno == ENOENT)
		return;
	in = rec_open(files, 1, ACCEPT(estimate));
	while (rec_next(in, &estimate))
		row(context, &estimate);
	rec_in_close(in);
}

void past_write(const struct past *past, const char *path)
{
	char *text = NULL, *line = or_die(malloc(rec_line_max(REC_estimate)));
	size_t len;
	FILE *to = or_die(open_memstream(&text, &len));

	fprintf(to, "%s\n", rec_decl[REC_estimate].header);
	for (size_t i = 0; i < past->n; i++) {
		const struct series *s = &past->series[i];

		for (size_t k = s->n > PAST_ROWS ? s->n - PAST_ROWS : 0; k < s->n; k++)
			fwrite(line, 1, rec_format(line, REC_estimate, &s->row[k % PAST_ROWS]), to);
	}
	if (fclose(to) != 0)
		die_errno(EX_OSERR, "cannot make the text of %s", path);
	whole_write(path, text, len);
	free(text);
	free(line);
}

void past_release(struct past *past)
{
	for (size_t i = 0; i < past->n; i++)
		free(past->series[i].row);
	free(past->series);
}
