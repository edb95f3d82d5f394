/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forecast - where the estimates of another method will be some periods ahead; forecast.c has the models. */
#include "method.h"

#include "forecast.h"

#include <math.h>

enum { AHEAD, QUANTILE, SEASON };

static const struct method_parameter parameters[] = {
	[AHEAD] = { "ahead", "periods ahead", OPT_U64, 1, 1, FORECAST_AHEAD_MAX },
	[QUANTILE] = { "quantile", "probability that the truth is not above the value", OPT_PPM, 500000, 10000, 990000 },
	[SEASON] = { "season", "periods after which it repeats; 0: found by autocorrelation", OPT_U64, 0, 0, FORECAST_SEASON_MAX },
	{ 0 },
};

struct state {
	struct forecast *forecast;
};

static uint64_t pages_at(const struct forecast *f, double quantile)
{
	double kib = 0;

	forecast_quantile(f, quantile, &kib);
	return kib > 0 ? (uint64_t)ceil(fmin(kib, 1e18) / KIB_PER_PAGE) : 0;
}

static void add_estimate(void *state, const uint64_t *value, const struct rec_estimate *row, struct method_result *result)
{
	struct state *s = state;
	double quantile = (double)value[QUANTILE] / 1e6, any;

	if (!s->forecast)
		s->forecast = forecast_new(value[AHEAD], value[SEASON]);
	if (row->wss_kib == UNKNOWN) {
		result->note = note_no_data;
		return;
	}
	forecast_add(s->forecast, (double)row->wss_kib);
	if (!forecast_quantile(s->forecast, quantile, &any)) {
		result->note = note_warming;
		return;
	}
	result->wss = pages_at(s->forecast, quantile);
	result->low = pages_at(s->forecast, 0.05);
	result->high = pages_at(s->forecast, 0.95);
}

static void release(void *state)
{
	struct state *s = state;

	if (s->forecast)
		forecast_free(s->forecast);
}

const struct method method_forecast = {
	.name = "forecast",
	.help = "where the estimates of another method will be; reads estimates",
	.source = "C. Holt 1957, P. Winters 1960; G. Yule 1927; R. Kalman 1960; the choice among them is ours",
	.parameters = parameters,
	.state_size = sizeof(struct state),
	.estimate = add_estimate,
	.release = release,
};
