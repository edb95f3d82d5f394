/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model - a linear function of counters that wss-fit has learned where the truth was known. */
#include "method.h"

#include "diag.h"
#include "model.h"

#include <math.h>
#include <stdlib.h>

static const struct method_parameter parameters[] = {
	{ 0 },
};

struct opened {
	struct model model;
	const char **name; /* of its counters */
};

struct state {
	const struct model *model;
	struct watch *watch; /* of each counter */
	double *x;
};

static void *open_model(const char *file, const char *const **counters)
{
	struct opened *o = or_die(calloc(1, sizeof(*o)));

	model_read(file, &o->model);
	o->name = or_die(calloc(o->model.n + 1, sizeof(*o->name)));
	for (size_t i = 0; i < o->model.n; i++)
		o->name[i] = o->model.counter[i].name;
	*counters = o->name;
	return o;
}

static void close_model(void *opened)
{
	struct opened *o = opened;

	model_release(&o->model);
	free(o->name);
	free(o);
}

static void begin(void *state, const void *opened)
{
	struct state *s = state;

	s->model = &((const struct opened *)opened)->model;
	s->watch = or_die(calloc(s->model->n, sizeof(*s->watch)));
	s->x = or_die(calloc(s->model->n, sizeof(*s->x)));
}

static void add_counter(void *state, size_t which, const struct rec_counter *row)
{
	watch_add(&((struct state *)state)->watch[which], row->t_ns, row->value);
}

/* At most the memory of the VM, where that is known: a continued line does not know where it ends. */
static uint64_t kib_to_pages(double kib, const struct rec_count *closing)
{
	uint64_t most = known_or(closing->memory_pages, UINT64_C(1000000000000000000));
	double pages = ceil(fmax(0, kib) / KIB_PER_PAGE);

	return pages < (double)most ? (uint64_t)pages : most;
}

static void close_window(void *state, const uint64_t *value, const struct rec_count *closing, struct method_result *result)
{
	struct state *s = state;
	bool known = true, outside = false;
	double kib = 0;

	(void)value;
	for (size_t i = 0; i < s->model->n; i++)
		if (!watch_close(&s->watch[i], closing->t_ns, s->model->age_ns, s->model->counter[i].rate, &s->x[i]))
			known = false;
	if (known)
		kib = model_value(s->model, s->x, &outside);
	known = known && isfinite(kib); /* coefficients may be so large that there is no sum */
	result->note = known ? TOKEN_NONE : note_no_data;
	result->sees_reads = true; /* of what the pages say, nothing is used */
	if (!known)
		return;
	result->wss = kib_to_pages(kib, closing);
	result->low = kib_to_pages(fmin(kib, kib + s->model->low), closing);
	result->high = kib_to_pages(fmax(kib, kib + s->model->high), closing);
	if (outside)
		result->note = note_outside;
}

static void release(void *state)
{
	struct state *s = state;

	free(s->watch);
	free(s->x);
}

const struct method method_model = {
	.name = "model",
	.help = "what wss-fit has learned from counters of other windows",
	.source = "after A. Melekhova: working sets by regression on counters, IEEE CLOUD 2013; the coefficients are one's own",
	.parameters = parameters,
	.state_size = sizeof(struct state),
	.window = close_window,
	.counter = add_counter,
	.open = open_model,
	.begin = begin,
	.close = close_model,
	.release = release,
};
