/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "forecast.h"

#include "diag.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	ERRORS = 400,        /* of a model that are remembered */
	ERRORS_LEAST = 20,   /* before it may speak */
	AR_ORDER = 6,
	AR_VALUES = 256,     /* of the past, to fit it on */
	REFIT = 16,          /* periods between two fits, and between two looks for a season */
	SEASON_VALUES = 512, /* of the past, to look for a season in */
	PEAK_VALUES = 200,
	LEVELS = 3,
};

static const double level[LEVELS] = { 0.5, 0.9, 0.99 }; /* of the quantiles by which models are judged */
static const double MEMORY = 0.998; /* what a loss weighs one period later: long, so that rare steps are not forgotten */
static const double BETTER = 0.97;  /* of the naive model's loss: what it takes to be preferred to it */
static const double DAMPING = 0.98; /* of a trend, each period */

/* The last values, in order of time and in order of size. */
struct recent {
	size_t room, n, at;
	double *ring, *sorted;
};

static void recent_init(struct recent *r, size_t room)
{
	*r = (struct recent){ .room = room };
	r->ring = or_die(calloc(room, sizeof(*r->ring)));
	r->sorted = or_die(calloc(room, sizeof(*r->sorted)));
}

static void recent_release(struct recent *r)
{
	free(r->ring);
	free(r->sorted);
}

/* The number of values below `value`. */
static size_t recent_below(const struct recent *r, double value)
{
	size_t low = 0, high = r->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (r->sorted[middle] < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void recent_add(struct recent *r, double value)
{
	size_t at;

	if (r->n == r->room) {
		at = recent_below(r, r->ring[r->at]);
		memmove(&r->sorted[at], &r->sorted[at + 1], (r->n - at - 1) * sizeof(*r->sorted));
		r->n--;
	}
	at = recent_below(r, value);
	memmove(&r->sorted[at + 1], &r->sorted[at], (r->n - at) * sizeof(*r->sorted));
	r->sorted[at] = value;
	r->n++;
	r->ring[r->at] = value;
	r->at = (r->at + 1) % r->room;
}

/* The value of rank q * (n + 1): the next one is not above it with probability q. */
static double recent_quantile(const struct recent *r, double q)
{
	double rank = q * (double)(r->n + 1) - 1;
	size_t i;

	if (rank <= 0)
		return r->sorted[0];
	if (rank >= (double)(r->n - 1))
		return r->sorted[r->n - 1];
	i = (size_t)rank;
	return r->sorted[i] + (rank - (double)i) * (r->sorted[i + 1] - r->sorted[i]);
}

/* ---- the models ---- */

enum kind { NAIVE, SEASONAL, HOLT, HOLT_WINTERS, AUTOREGRESSION, KALMAN, PEAK };

static const struct candidate {
	enum kind kind;
	const char *name;
	double a, b, c; /* Holt: weights of the newest level, trend, season; Kalman: drift of level and trend, noise being 1 */
} candidate[] = {
	{ NAIVE, "naive", 0, 0, 0 },
	{ SEASONAL, "seasonal", 0, 0, 0 },
	{ HOLT, "holt", 0.5, 0.1, 0 },
	{ HOLT, "holt", 0.2, 0.05, 0 },
	{ HOLT_WINTERS, "holt-winters", 0.3, 0.05, 0.3 },
	{ HOLT_WINTERS, "holt-winters", 0.1, 0.02, 0.1 },
	{ AUTOREGRESSION, "autoregression", 0, 0, 0 },
	{ KALMAN, "kalman", 0.1, 0, 0 },
	{ KALMAN, "kalman", 0.001, 0, 0 },
	{ KALMAN, "kalman", 0.1, 0.0001, 0 },
	{ PEAK, "peak", 0, 0, 0 },
};
enum { MODELS = sizeof(candidate) / sizeof(*candidate) };

/* What a model said of a period that had not come. */
struct said {
	bool known;
	double point, quantile[LEVELS];
};

struct model {
	bool begun;
	double level, trend;
	double season[FORECAST_SEASON_MAX]; /* by number of period */
	double p[3];                        /* Kalman: variances of level and trend, and of both */
	struct recent errors;
	struct said said[FORECAST_AHEAD_MAX + 1];
	double loss, weight;                /* sums over the past, the newest weighing most */
};

struct forecast {
	size_t ahead, n;                    /* n: values so far */
	size_t season;                      /* 0: none */
	bool season_given;
	double past[FORECAST_PAST];
	double mean, ar[AR_ORDER];
	bool ar_known;
	struct recent values;               /* for the peak model */
	struct model model[MODELS];
	size_t best;
};

struct forecast *forecast_new(size_t ahead, size_t season)
{
	struct forecast *f = or_die(calloc(1, sizeof(*f)));

	f->ahead = ahead;
	f->season = season;
	f->season_given = season > 0;
	recent_init(&f->values, PEAK_VALUES);
	for (size_t m = 0; m < MODELS; m++)
		recent_init(&f->model[m].errors, ERRORS);
	return f;
}

void forecast_free(struct forecast *f)
{
	recent_release(&f->values);
	for (size_t m = 0; m < MODELS; m++)
		recent_release(&f->model[m].errors);
	free(f);
}

/* The value `back` periods before the newest. */
static double past(const struct forecast *f, size_t back)
{
	return f->past[(f->n - 1 - back) % FORECAST_PAST];
}

static size_t past_values(const struct forecast *f, size_t most)
{
	return f->n < most ? f->n : most;
}

/* Autocovariances of the newest n values at lags 0..lags, around their mean. */
static void autocovariance(const struct forecast *f, size_t n, size_t lags, double mean, double *r)
{
	for (size_t k = 0; k <= lags; k++) {
		r[k] = 0;
		for (size_t i = 0; i + k < n; i++)
			r[k] += (past(f, i) - mean) * (past(f, i + k) - mean);
	}
}

static double mean_of(const struct forecast *f, size_t n)
{
	double mean = 0;

	for (size_t i = 0; i < n; i++)
		mean += past(f, i) / (double)n;
	return mean;
}

/* Levinson and Durbin: the order-p autoregression whose autocovariances are those seen. */
static void fit_autoregression(struct forecast *f)
{
	size_t n = past_values(f, AR_VALUES);
	double r[AR_ORDER + 1], error;

	f->mean = mean_of(f, n);
	autocovariance(f, n, AR_ORDER, f->mean, r);
	f->ar_known = n >= 8 * AR_ORDER && r[0] > 1e-9 * (1 + f->mean * f->mean);
	if (!f->ar_known)
		return;
	error = r[0];
	memset(f->ar, 0, sizeof(f->ar));
	for (size_t i = 0; i < AR_ORDER; i++) {
		double before[AR_ORDER], reflection = r[i + 1];

		memcpy(before, f->ar, sizeof(before));
		for (size_t j = 0; j < i; j++)
			reflection -= before[j] * r[i - j];
		reflection /= error;
		f->ar[i] = reflection;
		for (size_t j = 0; j < i; j++)
			f->ar[j] = before[j] - reflection * before[i - 1 - j];
		error *= 1 - reflection * reflection;
		if (!(error > 1e-12 * r[0]))
			break;
	}
}

/* The lag at which the series resembles itself most; of lags that are nearly as good the shortest. */
static void find_season(struct forecast *f)
{
	size_t n = past_values(f, SEASON_VALUES), lags = n / 3, found = 0;
	double r[SEASON_VALUES / 3 + 1], best = 0;

	if (lags < 4)
		return;
	autocovariance(f, n, lags, mean_of(f, n), r);
	if (!(r[0] > 0))
		return;
	for (size_t k = 0; k <= lags; k++)
		r[k] *= (double)n / (double)(n - k);
	for (size_t k = 2; k < lags; k++)
		if (r[k] > r[k - 1] && r[k] >= r[k + 1])
			best = fmax(best, r[k] / r[0]);
	for (size_t k = 2; k < lags && !found; k++)
		if (r[k] > r[k - 1] && r[k] >= r[k + 1] && r[k] / r[0] >= best - 0.05 && r[k] / r[0] > 0.3)
			found = k;
	if (found == f->season || (found && f->season && f->season < lags && r[found] < r[f->season] + 0.1 * r[0]))
		return;
	f->season = found;
	for (size_t m = 0; m < MODELS; m++)
		if (candidate[m].kind == HOLT_WINTERS)
			f->model[m].begun = false;
}

static void add_holt(struct model *m, const struct candidate *c, double value, double *season)
{
	double before = m->level, without = value - (season ? *season : 0);

	m->level = c->a * without + (1 - c->a) * (m->level + DAMPING * m->trend);
	m->trend = c->b * (m->level - before) + (1 - c->b) * DAMPING * m->trend;
	if (season)
		*season = c->c * (value - m->level) + (1 - c->c) * *season;
}

/* The seasons of the last one, around its mean. */
static bool begin_holt_winters(const struct forecast *f, struct model *m)
{
	if (f->season == 0 || f->n < f->season + 1)
		return false;
	m->level = mean_of(f, f->season);
	m->trend = 0;
	for (size_t i = 0; i < f->season; i++)
		m->season[(f->n - 1 - i) % f->season] = past(f, i) - m->level;
	return true;
}

/* A level that drifts, and with c->b a trend that drifts; the noise of a value has variance 1. */
static void add_kalman(struct model *m, const struct candidate *c, double value)
{
	double p00 = m->p[0] + 2 * m->p[2] + m->p[1] + c->a, p11 = m->p[1] + c->b, p01 = m->p[2] + m->p[1];
	double predicted = m->level + m->trend, k0 = p00 / (p00 + 1), k1 = p01 / (p00 + 1);

	m->level = predicted + k0 * (value - predicted);
	m->trend += k1 * (value - predicted);
	m->p[0] = (1 - k0) * p00;
	m->p[2] = (1 - k0) * p01;
	m->p[1] = p11 - k1 * p01;
}

/* Takes in the newest value. */
static void model_add(const struct forecast *f, struct model *m, const struct candidate *c)
{
	double value = past(f, 0);

	if (!m->begun) {
		if (c->kind == HOLT_WINTERS) {
			m->begun = begin_holt_winters(f, m);
			return;
		}
		m->begun = true;
		m->level = value;
		m->p[0] = 1;
		m->p[1] = c->b;
	} else if (c->kind == HOLT) {
		add_holt(m, c, value, NULL);
	} else if (c->kind == HOLT_WINTERS) {
		add_holt(m, c, value, &m->season[(f->n - 1) % f->season]);
	} else if (c->kind == KALMAN) {
		add_kalman(m, c, value);
	}
}

static double damped(double trend, size_t periods)
{
	double sum = 0;

	for (size_t i = 0; i < periods; i++)
		sum += trend *= DAMPING;
	return sum;
}

static double ahead_by_autoregression(const struct forecast *f)
{
	double made[FORECAST_AHEAD_MAX] = { 0 };

	for (size_t h = 0; h < f->ahead; h++)
		for (size_t i = 0; i < AR_ORDER; i++)
			made[h] += f->ar[i] * (i < h ? made[h - 1 - i] : past(f, i - h) - f->mean);
	return f->mean + made[f->ahead - 1];
}

/* False: the model cannot say anything yet. */
static bool model_point(const struct forecast *f, const struct model *m, const struct candidate *c, double *point)
{
	size_t back = f->season ? (f->ahead + f->season - 1) / f->season * f->season - f->ahead : 0;

	switch (c->kind) {
	case NAIVE:
		*point = past(f, 0);
		return true;
	case SEASONAL:
		if (f->season == 0 || back >= past_values(f, FORECAST_PAST))
			return false;
		*point = past(f, back);
		return true;
	case HOLT:
		*point = m->level + damped(m->trend, f->ahead);
		return true;
	case HOLT_WINTERS:
		if (!m->begun || f->season == 0)
			return false;
		*point = m->level + damped(m->trend, f->ahead) + m->season[(f->n - 1 + f->ahead) % f->season];
		return true;
	case AUTOREGRESSION:
		if (!f->ar_known)
			return false;
		*point = ahead_by_autoregression(f);
		return true;
	case KALMAN:
		*point = m->level + m->trend * (double)f->ahead;
		return true;
	case PEAK:
		*point = recent_quantile(&f->values, 0.5);
		return true;
	}
	return false;
}

/* ---- which one is believed ---- */

static double pinball(double value, double quantile, double q)
{
	return value >= quantile ? q * (value - quantile) : (1 - q) * (quantile - value);
}

/* The value has come of which the model spoke `ahead` periods ago. */
static void model_learn(const struct forecast *f, struct model *m, double value)
{
	const struct said *said = &m->said[f->n % (f->ahead + 1)]; /* period n, the next one, is the value's */
	bool spoke = m->errors.n >= ERRORS_LEAST;

	m->loss *= MEMORY;
	m->weight *= MEMORY;
	if (!said->known)
		return;
	for (size_t l = 0; spoke && l < LEVELS; l++)
		m->loss += pinball(value, said->quantile[l], level[l]);
	m->weight += spoke ? 1 : 0;
	recent_add(&m->errors, value - said->point);
}

static void model_say(const struct forecast *f, struct model *m, const struct candidate *c)
{
	struct said *said = &m->said[(f->n - 1 + f->ahead) % (f->ahead + 1)];

	said->known = model_point(f, m, c, &said->point);
	for (size_t l = 0; said->known && m->errors.n >= ERRORS_LEAST && l < LEVELS; l++)
		said->quantile[l] = said->point + recent_quantile(&m->errors, level[l]);
}

/* Models are compared only when both were judged on enough of the newest past. */
static void choose(struct forecast *f)
{
	const struct model *naive = &f->model[0];
	double least = naive->weight > 0 ? naive->loss / naive->weight * BETTER : 0;

	f->best = 0;
	for (size_t i = 1; i < MODELS; i++) {
		const struct model *m = &f->model[i];
		bool speaks = m->said[(f->n - 1 + f->ahead) % (f->ahead + 1)].known && m->errors.n >= ERRORS_LEAST;

		if (speaks && m->weight > 10 && m->loss / m->weight < least) {
			least = m->loss / m->weight;
			f->best = i;
		}
	}
}

void forecast_add(struct forecast *f, double value)
{
	for (size_t i = 0; i < MODELS; i++)
		model_learn(f, &f->model[i], value);
	f->past[f->n++ % FORECAST_PAST] = value;
	recent_add(&f->values, value);
	if (f->n % REFIT == 0) {
		fit_autoregression(f);
		if (!f->season_given)
			find_season(f);
	}
	for (size_t i = 0; i < MODELS; i++) {
		model_add(f, &f->model[i], &candidate[i]);
		model_say(f, &f->model[i], &candidate[i]);
	}
	choose(f);
}

bool forecast_quantile(const struct forecast *f, double q, double *value)
{
	const struct model *m = &f->model[f->best];

	if (f->n == 0 || m->errors.n < ERRORS_LEAST)
		return false;
	*value = m->said[(f->n - 1 + f->ahead) % (f->ahead + 1)].point + recent_quantile(&m->errors, q);
	return true;
}

const char *forecast_model(const struct forecast *f)
{
	return candidate[f->best].name;
}
