/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "alike.h"

#include "diag.h"
#include "gzio.h"
#include "opt.h"
#include "tool.h"
#include "homogeneity.h"
#include "store.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double LEVEL = 0.05;
static const double SMALL = 0.2; /* of the distance: differences below it are there, but small */
enum { LEAST = 5, TESTS = 3 };   /* values a file needs */

struct compared {
	const char *counter;
	bool rate, tested;
	double p[TESTS]; /* shape, location, spread */
	double distance;
};

static struct gzout *out;

static PRINTF(1, 2) void line(const char *fmt, ...)
{
	enum { ROOM = 1024 };
	char *to = gzout_room(out, ROOM);
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(to, ROOM - 1, fmt, args);
	va_end(args);
	if (n > ROOM - 2)
		n = ROOM - 2;
	to[n++] = '\n';
	gzout_wrote(out, (size_t)n);
}

/* The values of a counter in all VMs of a file; of a count its rises per second, resets left out. */
static struct sample values_of(const struct vms *store, const char *name, bool rate)
{
	double *value = NULL;
	size_t n = 0;

	for (size_t v = 0; v < store->n; v++) {
		const struct series *s = store_find(store->state[v], name);

		if (!s)
			continue;
		value = or_die(reallocarray(value, n + s->n + 1, sizeof(*value)));
		for (size_t i = rate; i < s->n; i++) {
			if (s->row[i].value == UNKNOWN || (rate && s->row[i - 1].value == UNKNOWN))
				continue;
			if (!rate)
				value[n++] = (double)s->row[i].value;
			else if (s->row[i].value >= s->row[i - 1].value && s->row[i].t_ns > s->row[i - 1].t_ns)
				value[n++] = (double)(s->row[i].value - s->row[i - 1].value) * 1e9 /
					     (double)(s->row[i].t_ns - s->row[i - 1].t_ns);
		}
	}
	return (struct sample){ value, n };
}

/* Siegel and Tukey compare two samples: the smallest of all pairs, times their number. */
static double spread_p(const struct sample *sample, size_t k)
{
	size_t pairs = k * (k - 1) / 2;
	double least = 1;

	for (size_t a = 0; a < k; a++)
		for (size_t b = a + 1; b < k; b++) {
			struct siegel_tukey st;

			if (siegel_tukey(sample[a], sample[b], true, &st))
				least = fmin(least, st.p);
		}
	return fmin(1, least * (double)pairs);
}

static void test_counter(const struct vms *store, size_t k, struct compared *r)
{
	struct sample *sample = or_die(calloc(k, sizeof(*sample)));
	struct anderson_darling ad;
	struct kruskal_wallis kw;

	r->tested = true;
	for (size_t f = 0; f < k; f++) {
		sample[f] = values_of(&store[f], r->counter, r->rate);
		r->tested = r->tested && sample[f].n >= LEAST;
	}
	r->tested = r->tested && anderson_darling(sample, k, &ad) && kruskal_wallis(sample, k, &kw);
	if (r->tested) {
		r->p[0] = ad_p(ad.t_mid, k);
		r->p[1] = kw.p;
		r->p[2] = spread_p(sample, k);
		r->distance = distance(sample, k);
	}
	for (size_t f = 0; f < k; f++)
		free((double *)sample[f].value);
	free(sample);
}

/* All p-values of the table are corrected together: they are one question. */
static void correct(struct compared *result, size_t n)
{
	double *p = or_die(reallocarray(NULL, n + 1, TESTS * sizeof(*p)));
	size_t m = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t t = 0; result[i].tested && t < TESTS; t++)
			p[m++] = result[i].p[t];
	holm(p, m);
	m = 0;
	for (size_t i = 0; i < n; i++)
		for (size_t t = 0; result[i].tested && t < TESTS; t++)
			result[i].p[t] = p[m++];
	free(p);
}

static const char *verdict(const struct compared *r)
{
	if (!(r->p[0] < LEVEL || r->p[1] < LEVEL || r->p[2] < LEVEL))
		return "alike";
	return r->distance < SMALL ? "differ little" : "differ";
}

static void write_table(const struct compared *result, size_t n)
{
	int width = 7; /* of "counter" */
	size_t alike = 0, little = 0, differ = 0;

	for (size_t i = 0; i < n; i++)
		if ((int)strlen(result[i].counter) > width)
			width = (int)strlen(result[i].counter);
	line("%-*s  %-5s  %7s  %8s  %8s  %8s  %s", width, "counter", "kind", "shape p", "middle p", "spread p", "distance", "verdict");
	for (size_t i = 0; i < n; i++) {
		const struct compared *r = &result[i];
		const char *kind = r->rate ? "rate" : "level", *word;

		if (!r->tested) {
			line("%-*s  %-5s  %7s  %8s  %8s  %8s  %s", width, r->counter, kind, "-", "-", "-", "-", "not tested: constant, or too few values");
			continue;
		}
		word = verdict(r);
		alike += strcmp(word, "alike") == 0;
		little += strcmp(word, "differ little") == 0;
		differ += strcmp(word, "differ") == 0;
		line("%-*s  %-5s  %7.4f  %8.4f  %8.4f  %8.3f  %s", width, r->counter, kind, r->p[0], r->p[1], r->p[2], r->distance, word);
	}
	line("%zu alike, %zu differ little, %zu differ, %zu not tested", alike, little, differ, n - alike - little - differ);
}

void alike_write(char *const *files, int n, bool (*use)(const char *name))
{
	size_t k = (size_t)n, results = 0;
	struct vms *store;
	struct compared *result = NULL;

	if (n < 2)
		opt_die("--homogeneity: needs two files or more, one for each guest system");
	store = or_die(calloc(k, sizeof(*store)));
	for (size_t f = 0; f < k; f++)
		store_read(files + f, 1, &store[f]);
	for (size_t v = 0; v < store[0].n; v++) {
		const struct stored *vm = store[0].state[v];

		for (size_t i = 0; i < vm->n; i++) {
			bool again = !use(vm->series[i].name);

			for (size_t r = 0; r < results && !again; r++)
				again = result[r].counter == vm->series[i].name;
			if (again)
				continue;
			result = or_die(reallocarray(result, results + 1, sizeof(*result)));
			result[results++] = (struct compared){ vm->series[i].name, store_is_count(&store[0], vm->series[i].name), false, { 0 }, 0 };
		}
	}
	if (results == 0)
		die(EX_DATAERR, "%s: no counter that --use asks for", files[0]);
	for (size_t r = 0; r < results; r++)
		test_counter(store, k, &result[r]);
	correct(result, results);
	tool.plain = true;
	out = gzout_open();
	write_table(result, results);
	gzout_close(out);
	free(result);
	for (size_t f = 0; f < k; f++)
		store_release(&store[f]);
	free(store);
}
