/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * forecast - on series whose kind is known: loss beside that of the last value with its own past errors, and how often the
 * truth is not above the quantiles.
 */
#include "../../src/wss-estimate/forecast.c"
#include "tap.h"

enum { LENGTH = 12000, WARM = 600 };

static uint64_t random_state = 88172645463325252;

static double uniform(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (double)(random_state >> 11) / 9007199254740992.0;
}

static double normal(void)
{
	double radius = sqrt(-2 * log(1 - uniform()));

	return radius * cos(2 * M_PI * uniform());
}

enum series { PERIODIC, SAW, DRIFTING, WALK, SPIKY, AUTO, CONSTANT, NOISE, STEPS, SERIES };
static const char *const series_name[] = { "periodic", "saw", "drifting", "walk", "spiky", "auto", "constant", "noise", "steps" };

static void make(enum series series, double *v)
{
	double walk = 100000, last = 0;

	for (size_t t = 0; t < LENGTH; t++) {
		double noise = normal();

		switch (series) {
		case PERIODIC: v[t] = 100000 + 30000 * sin((double)t * 2 * M_PI / 24) + 2000 * noise; break;
		case SAW: v[t] = 50000 + 1000 * (double)(t % 37) + 1000 * noise; break;
		case DRIFTING: v[t] = 100000 + 50 * (double)t + 1000 * noise; break;
		case WALK: v[t] = walk += 500 * noise; break;
		case SPIKY: v[t] = 50000 + 500 * noise + (uniform() < .08 ? 50000 + 50000 * uniform() : 0); break;
		case AUTO: v[t] = 100000 + (last = 0.7 * last + 2000 * noise); break;
		case CONSTANT: v[t] = 307200; break;
		case NOISE: v[t] = 100000 + 3000 * noise; break;
		case STEPS: v[t] = (t / 500 % 2 ? 150000 : 80000) + 1000 * noise; break;
		case SERIES: break;
		}
	}
}

/* The naive forecast: the last value, and the quantiles of its errors. */
static double naive_quantile(const struct forecast *f, double q)
{
	return f->model[0].said[(f->n - 1 + f->ahead) % (f->ahead + 1)].point + recent_quantile(&f->model[0].errors, q);
}

static void judge(enum series series, size_t ahead, double low, double high)
{
	static const double q[] = { .5, .9, .95, .99 };
	static double v[LENGTH];
	struct forecast *f = forecast_new(ahead, 0);
	double loss[4] = { 0 }, naive[4] = { 0 };
	size_t inside[4] = { 0 }, judged = 0, used[PEAK + 1] = { 0 };

	make(series, v);
	for (size_t t = 0; t + ahead < LENGTH; t++) {
		forecast_add(f, v[t]);
		if (t < WARM)
			continue;
		judged++;
		used[candidate[f->best].kind]++;
		for (size_t i = 0; i < 4; i++) {
			double value = 0;

			CHECK(forecast_quantile(f, q[i], &value));
			loss[i] += pinball(v[t + ahead], value, q[i]);
			naive[i] += pinball(v[t + ahead], naive_quantile(f, q[i]), q[i]);
			inside[i] += v[t + ahead] <= value;
		}
	}
	printf("# %s %zu:", series_name[series], ahead);
	for (size_t i = 0; i < 4; i++) {
		double share = (double)inside[i] / (double)judged;

		printf(" %.4f/%.3f", share, naive[i] > 0 ? loss[i] / naive[i] : 1);
		CHECK(loss[i] <= 1.05 * naive[i]);
		if (i == 1)
			CHECK(share >= low && share <= high);
		if (i == 2)
			CHECK(share >= low + .06 && share <= high + .04);
	}
	printf(" naive %zu seasonal %zu holt %zu winters %zu ar %zu kalman %zu peak %zu\n", used[0], used[1], used[2], used[3], used[4],
	       used[5], used[6]);
	forecast_free(f);
}

int main(void)
{
	for (enum series series = 0; series < SERIES; series++) {
		bool always_inside = series == CONSTANT;

		judge(series, 1, always_inside ? 0 : .87, always_inside ? 1 : .93);
		judge(series, 5, always_inside ? 0 : .87, always_inside ? 1 : .93);
	}
	return tap_end("forecast");
}
