/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "curves.h"

enum { ALL_PPM = 1000000, STEP_PPM = 5000 };

void curves_open(struct curves *curves, const char *curve_file, const char *age_file)
{
	curves->curve = curve_file ? rec_create_file(REC_curve, curve_file) : NULL;
	curves->age = age_file ? rec_create_file(REC_age, age_file) : NULL;
}

struct curve {
	struct rec_out *out;
	struct rec_curve row;  /* the newest point, not put yet: the next may have as many pages */
	uint64_t put_ppm;      /* of the last that was put; UNKNOWN: none */
};

static void put_row(struct curve *c)
{
	rec_put(c->out, &c->row);
	c->put_ppm = c->row.miss_ppm;
}

static void add_point(void *context, uint64_t pages, uint64_t miss_ppm)
{
	struct curve *c = context;

	if (pages != c->row.pages && (c->put_ppm == UNKNOWN || c->put_ppm - c->row.miss_ppm >= STEP_PPM))
		put_row(c);
	c->row.pages = pages;
	c->row.miss_ppm = miss_ppm;
}

void curves_put_curve(const struct curves *curves, const struct method *method, const char *name, void *state,
		      const struct rec_count *closing)
{
	struct curve c = {
		.out = curves->curve,
		.row = {
			.t_ns = closing->t_ns,
			.window_ns = closing->window_ns,
			.vm = closing->vm,
			.method = name,
			.miss_ppm = ALL_PPM, /* in no memory at all */
		},
		.put_ppm = UNKNOWN,
	};

	if (!curves->curve || !method->curve)
		return;
	method->curve(state, add_point, &c);
	if (c.row.miss_ppm < ALL_PPM && c.row.miss_ppm < c.put_ppm)
		put_row(&c);
}

struct ages {
	struct rec_out *out;
	struct rec_age row;
};

static void add_age(void *context, uint64_t age_ns, uint64_t pages)
{
	struct ages *a = context;

	a->row.age_ns = age_ns;
	a->row.pages = pages;
	rec_put(a->out, &a->row);
}

void curves_put_ages(const struct curves *curves, const struct method *method, const char *name, void *state,
		     const struct rec_count *closing)
{
	struct ages a = {
		.out = curves->age,
		.row = { .t_ns = closing->t_ns, .window_ns = closing->window_ns, .vm = closing->vm, .method = name },
	};

	if (curves->age && method->ages)
		method->ages(state, closing->t_ns, add_age, &a);
}

void curves_flush(const struct curves *curves)
{
	if (curves->curve)
		rec_flush(curves->curve);
	if (curves->age)
		rec_flush(curves->age);
}

void curves_close(struct curves *curves)
{
	if (curves->curve)
		rec_close(curves->curve);
	if (curves->age)
		rec_close(curves->age);
}
