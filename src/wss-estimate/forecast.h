/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * forecast - where a series of numbers will be some periods ahead. Several models make forecasts all the time; each knows
 * from its own past errors how far off it is, and the one that did best lately on this very series is believed. Pure, no
 * I/O. wss-estimate(1) names the models.
 */
#ifndef WSS_FORECAST_H
#define WSS_FORECAST_H

#include <stdbool.h>
#include <stddef.h>

enum { FORECAST_PAST = 1024, FORECAST_AHEAD_MAX = 64, FORECAST_SEASON_MAX = FORECAST_PAST / 4 };

struct forecast;

/* `season`: periods after which the series repeats; 0: found by autocorrelation. Dies when there is no memory. */
struct forecast *forecast_new(size_t ahead, size_t season);
void forecast_free(struct forecast *);

/* The value of the next period. */
void forecast_add(struct forecast *, double value);

/* The value that `ahead` periods from the last one will not be exceeded with probability q. False: too short a past. */
bool forecast_quantile(const struct forecast *, double q, double *value);
/* The name of the model that is believed. */
const char *forecast_model(const struct forecast *);

#endif
