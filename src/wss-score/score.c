/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "score.h"

#include "num.h"

#include <math.h>
#include <stdlib.h>

enum { PPM = 1000000 };

uint64_t truth_at(const struct truth *row, size_t n, uint64_t t_ns, uint64_t window_ns, uint64_t slack_ns)
{
	size_t low = 0, high = n; /* rows before `low` are not too new, those from `high` on are */

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (row[middle].t_ns <= num_add(t_ns, slack_ns))
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return UNKNOWN;
	const struct truth *newest = &row[low - 1];
	uint64_t longer_ns = newest->window_ns > window_ns ? newest->window_ns : window_ns;
	uint64_t age_ns = t_ns > newest->t_ns ? t_ns - newest->t_ns : 0;

	return age_ns == 0 || age_ns < num_add(longer_ns, slack_ns) ? newest->kib : UNKNOWN;
}

/* A figure as a whole number; what is too large for the wire is the largest that can be sent. */
static uint64_t whole(double value)
{
	return value < (double)UNKNOWN ? (uint64_t)(value + 0.5) : UNKNOWN - 1;
}

static double mean(double sum, uint64_t n)
{
	return n ? sum / (double)n : 0;
}

/* Windows on one side of the truth, beyond the tolerance. */
struct misses {
	uint64_t windows, ns, max_kib;
	double sum_kib;
};

static void misses_add(struct misses *misses, uint64_t error_kib, uint64_t ns)
{
	misses->windows++;
	misses->ns = num_add(misses->ns, ns);
	misses->sum_kib += (double)error_kib;
	if (error_kib > misses->max_kib)
		misses->max_kib = error_kib;
}

/* The change of the truth that the estimate follows now, and what became of those before. */
struct lag {
	bool open, settled;
	uint64_t since_ns, lag_ns;
	uint64_t changes, settled_changes, max_ns;
	double sum_ns;
};

static void lag_close(struct lag *lag)
{
	if (lag->open && lag->settled) {
		lag->settled_changes++;
		lag->sum_ns += (double)lag->lag_ns;
		if (lag->lag_ns > lag->max_ns)
			lag->max_ns = lag->lag_ns;
	}
	lag->open = false;
}

/* `goes_on`: the window before was one of a change too; both are the same change, and it lasts until now. */
static void lag_change(struct lag *lag, uint64_t t_ns, bool goes_on)
{
	if (!goes_on) {
		lag_close(lag);
		lag->changes++;
	}
	lag->open = true;
	lag->settled = false;
	lag->since_ns = t_ns;
}

static void lag_right(struct lag *lag, uint64_t t_ns)
{
	if (lag->open && !lag->settled) {
		lag->settled = true;
		lag->lag_ns = t_ns - lag->since_ns;
	}
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

static bool is_change(uint64_t before_kib, uint64_t now_kib, uint64_t step_ppm)
{
	uint64_t larger = before_kib > now_kib ? before_kib : now_kib;

	return distance(before_kib, now_kib) > num_scale(larger, step_ppm, PPM);
}

void score_truth(struct rec_score *score, const struct point *point, size_t n, const struct rules *rules)
{
	struct misses wasting = { 0 }, lacking = { 0 };
	struct lag lag = { 0 };
	uint64_t unmatched = 0, scored = 0, zero = 0, bounded = 0, inside = 0, lacking_late = 0;
	double relative = 0, worst = 0, over = 0, under = 0, squares = 0;
	const struct point *before = NULL; /* the scored window before */
	bool changed = false;

	for (size_t i = 0; i < n; i++) {
		const struct point *p = &point[i];
		uint64_t truth = p->truth_kib, estimate = p->estimate_kib;

		unmatched += truth == UNKNOWN;
		if (truth == UNKNOWN || estimate == UNKNOWN)
			continue;
		uint64_t error = distance(estimate, truth), tolerance = num_scale(truth, rules->tolerance_ppm, PPM);
		/* Windows may overlap: each stands for the time since the one before. */
		uint64_t ns = i > 0 && p->t_ns - point[i - 1].t_ns < p->window_ns ? p->t_ns - point[i - 1].t_ns
										  : p->window_ns;
		bool goes_on = changed;

		scored++;
		*(estimate > truth ? &over : &under) += (double)error;
		squares += (double)error * (double)error;
		if (truth) {
			double share = (double)error / (double)truth;

			relative += share;
			worst = share > worst ? share : worst;
		} else {
			zero++;
		}
		if (p->low_kib != UNKNOWN && p->high_kib != UNKNOWN) {
			bounded++;
			inside += p->low_kib <= truth && truth <= p->high_kib;
		}
		changed = before && is_change(before->truth_kib, truth, rules->step_ppm);
		if (changed)
			lag_change(&lag, p->t_ns, goes_on);
		if (error <= tolerance) {
			lag_right(&lag, p->t_ns);
		} else if (estimate > truth) {
			misses_add(&wasting, error, ns);
		} else {
			misses_add(&lacking, error, ns);
			lacking_late += !(changed && truth > before->truth_kib);
		}
		before = p;
	}
	lag_close(&lag);

	score->unmatched_windows = unmatched;
	score->scored_windows = scored;
	if (unmatched == n)
		score->note = note_no_truth;
	if (scored == 0)
		return;
	score->zero_windows = zero;
	if (scored > zero) {
		score->mape_ppm = whole(PPM * mean(relative, scored - zero));
		score->worst_ppm = whole(PPM * worst);
	} else {
		score->note = note_zero_truth;
	}
	score->over_kib = whole(mean(over, scored));
	score->under_kib = whole(mean(under, scored));
	score->rmse_kib = whole(sqrt(mean(squares, scored)));
	score->wasting_windows = wasting.windows;
	score->wasting_ns = wasting.ns;
	score->wasting_kib = wasting.windows ? whole(mean(wasting.sum_kib, wasting.windows)) : UNKNOWN;
	score->wasting_max_kib = wasting.windows ? wasting.max_kib : UNKNOWN;
	score->lacking_windows = lacking.windows;
	score->lacking_late_windows = lacking_late;
	score->lacking_ns = lacking.ns;
	score->lacking_kib = lacking.windows ? whole(mean(lacking.sum_kib, lacking.windows)) : UNKNOWN;
	score->lacking_max_kib = lacking.windows ? lacking.max_kib : UNKNOWN;
	score->changes = lag.changes;
	score->settled = lag.settled_changes;
	score->lag_ns = lag.settled_changes ? whole(mean(lag.sum_ns, lag.settled_changes)) : UNKNOWN;
	score->lag_max_ns = lag.settled_changes ? lag.max_ns : UNKNOWN;
	score->bounded_windows = bounded;
	score->inside_windows = inside;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* By nearest rank: the least of n sorted values that `percent` % of them do not exceed. */
static uint64_t percentile(const uint64_t *sorted, uint64_t n, uint64_t percent)
{
	return sorted[(n * percent + 99) / 100 - 1];
}

void score_spread(struct rec_score *score, const struct point *point, size_t n, uint64_t *scratch)
{
	uint64_t known = 0;
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		if (point[i].estimate_kib != UNKNOWN) {
			scratch[known++] = point[i].estimate_kib;
			sum += (double)point[i].estimate_kib;
		}
	score->windows = n;
	score->unknown_windows = n - known;
	if (known == 0) {
		score->note = note_no_estimate;
		return;
	}
	qsort(scratch, known, sizeof(*scratch), compare);
	score->mean_kib = whole(mean(sum, known));
	score->min_kib = scratch[0];
	score->p5_kib = percentile(scratch, known, 5);
	score->p50_kib = percentile(scratch, known, 50);
	score->p95_kib = percentile(scratch, known, 95);
	score->max_kib = scratch[known - 1];
}

void score_clear(struct rec_score *score)
{
	const struct rec_decl *decl = &rec_decl[REC_score];

	for (size_t i = 0; i < decl->columns; i++) {
		char *field = (char *)score + decl->column[i].offset;

		if (decl->column[i].tokens)
			*(uint8_t *)field = TOKEN_NONE;
		else if (decl->column[i].text)
			*(const char **)field = "";
		else
			*(uint64_t *)field = UNKNOWN;
	}
}
