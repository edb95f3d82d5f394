/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The arithmetic of wss-score, against examples worked by hand. */
#include "wss-score/score.c"

#include <inttypes.h>
#include <stdio.h>

static int tests, failed;

static void is(const char *what, uint64_t got, uint64_t want)
{
	bool ok = got == want;

	failed += !ok;
	printf("%sok %d - %s\n", ok ? "" : "not ", ++tests, what);
	if (!ok)
		printf("# is %" PRIu64 ", should be %" PRIu64 "\n", got, want);
}

static void test_truth_at(void)
{
	/* windows 0-10, 10-20, then nothing until 50-60 */
	static const struct truth row[] = { { 10, 10, 100 }, { 20, 10, 200 }, { 60, 10, 600 } };

	is("truth of the same window", truth_at(row, 3, 20, 10, 0), 200);
	is("truth that ended within the window", truth_at(row, 3, 25, 10, 0), 200);
	is("truth one window old", truth_at(row, 3, 30, 10, 0), UNKNOWN);
	is("a longer truth window lasts longer", truth_at(row, 3, 29, 1, 0), 200);
	is("a longer estimate window reaches further back", truth_at(row, 3, 30, 11, 0), 200);
	is("slack reaches further back", truth_at(row, 3, 30, 10, 1), 200);
	is("nothing ended yet", truth_at(row, 3, 9, 10, 0), UNKNOWN);
	is("slack reaches forward", truth_at(row, 3, 9, 10, 1), 100);
	is("the newest of several", truth_at(row, 3, 60, 60, 0), 600);
	is("behind the last", truth_at(row, 3, 100, 10, 0), UNKNOWN);
	is("the largest times", truth_at(row, 3, UINT64_MAX, UINT64_MAX, UINT64_MAX), 600);
	is("a truth without length at its very time", truth_at(&(struct truth){ 5, 0, 7 }, 1, 5, 0, 0), 7);
	is("no truth at all", truth_at(row, 0, 5, 10, 0), UNKNOWN);
}

#define POINT(t, window, estimate, truth)                                                                  \
	{ .t_ns = (t), .window_ns = (window), .estimate_kib = (estimate), .low_kib = UNKNOWN, .high_kib = UNKNOWN, \
	  .truth_kib = (truth) }

static const struct rules rules = { .tolerance_ppm = 50000, .step_ppm = 100000 };

/* The truth rises in two windows in a row: one change, over at 3; the estimate is right at 2 by chance, then at 5. */
static void test_long_change(void)
{
	static const struct point point[] = {
		POINT(1, 1, 100, 100), POINT(2, 1, 150, 150), POINT(3, 1, 150, 200), POINT(4, 1, 160, 200),
		POINT(5, 1, 200, 200),
	};
	struct rec_score score;

	score_clear(&score);
	score_truth(&score, point, 5, &rules);
	is("two windows of change are one", score.changes, 1);
	is("it settles", score.settled, 1);
	is("lag counts from its last window", score.lag_ns, 2);
	is("lacking at 3 and 4", score.lacking_windows, 2);
	is("of these one late", score.lacking_late_windows, 1);
}

/* The truth falls and rises again before the estimate has followed: only the second change settles. */
static void test_unsettled(void)
{
	static const struct point point[] = {
		POINT(10, 10, 100, 100), POINT(20, 10, 100, 50), POINT(30, 10, 90, 50), POINT(40, 10, 100, 100),
	};
	struct rec_score score;

	score_clear(&score);
	score_truth(&score, point, 4, &rules);
	is("two changes", score.changes, 2);
	is("one settles", score.settled, 1);
	is("at once", score.lag_ns, 0);
	is("wasting windows", score.wasting_windows, 2);
	is("their mean: 50 and 40", score.wasting_kib, 45);
}

/* A change as large as the step is none; an error as large as the tolerance is right. */
static void test_limits(void)
{
	static const struct point point[] = { POINT(1, 1, 1050, 1000), POINT(2, 1, 855, 900), POINT(3, 1, 854, 900) };
	struct rec_score score;

	score_clear(&score);
	score_truth(&score, point, 3, &rules);
	is("1000 to 900 is no change of more than 10 %", score.changes, 0);
	is("+5 % is not wasting", score.wasting_windows, 0);
	is("-5 % is not lacking, a little more is", score.lacking_windows, 1);
}

/* Windows of 30, one every 10: each stands for 10, the first for 30. */
static void test_sliding(void)
{
	static const struct point point[] = { POINT(30, 30, 200, 100), POINT(40, 30, 200, 100), POINT(50, 30, 200, 100) };
	struct rec_score score;

	score_clear(&score);
	score_truth(&score, point, 3, &rules);
	is("overlapping windows are not counted twice", score.wasting_ns, 50);
}

static void test_nothing(void)
{
	static const struct point unknown[] = { POINT(1, 1, UNKNOWN, 100) }, untold[] = { POINT(1, 1, 100, UNKNOWN) },
				  idle[] = { POINT(1, 1, 0, 0) };
	struct rec_score score;
	uint64_t scratch[1];

	score_clear(&score);
	score_truth(&score, unknown, 1, &rules);
	score_spread(&score, unknown, 1, scratch);
	is("no estimate: note", score.note, note_no_estimate);
	is("no estimate: no mean", score.mean_kib, UNKNOWN);
	is("no estimate: no error", score.mape_ppm, UNKNOWN);
	is("no estimate: nothing scored", score.scored_windows, 0);

	score_clear(&score);
	score_truth(&score, untold, 1, &rules);
	score_spread(&score, untold, 1, scratch);
	is("no truth: note", score.note, note_no_truth);
	is("no truth: no error", score.rmse_kib, UNKNOWN);
	is("no truth: a mean all the same", score.mean_kib, 100);

	score_clear(&score);
	score_truth(&score, idle, 1, &rules);
	is("truth 0: note", score.note, note_zero_truth);
	is("truth 0: no relative error", score.mape_ppm, UNKNOWN);
	is("truth 0: the absolute one is 0", score.rmse_kib, 0);
	is("truth 0: no lag without a change", score.lag_ns, UNKNOWN);
}

/* 1..n in falling order: nearest rank is ceil(n * percent / 100). */
static void test_percentiles(void)
{
	static const struct { size_t n; uint64_t p5, p50, p95; } known[] = {
		{ 1, 1, 1, 1 }, { 2, 1, 1, 2 }, { 20, 1, 10, 19 }, { 21, 2, 11, 20 }, { 100, 5, 50, 95 },
	};
	struct point point[100];
	uint64_t scratch[100];
	struct rec_score score;

	for (size_t i = 0; i < 5; i++) {
		for (size_t k = 0; k < known[i].n; k++)
			point[k] = (struct point)POINT(k, 1, known[i].n - k, UNKNOWN);
		score_clear(&score);
		score_spread(&score, point, known[i].n, scratch);
		is("5th percentile", score.p5_kib, known[i].p5);
		is("median", score.p50_kib, known[i].p50);
		is("95th percentile", score.p95_kib, known[i].p95);
		is("mean of 1..n, rounded", score.mean_kib, known[i].n / 2 + 1);
	}
}

/* 2^64 - 2 against 1: no overflow, and what does not fit on the wire is its largest number. */
static void test_large(void)
{
	static const struct point point[] = { POINT(1, 1, UNKNOWN - 1, 1), POINT(2, 1, 1, UNKNOWN - 1) };
	struct rec_score score;

	score_clear(&score);
	score_truth(&score, point, 2, &rules);
	is("largest relative error", score.worst_ppm, UNKNOWN - 1);
	is("one wasting", score.wasting_windows, 1);
	is("one lacking", score.lacking_windows, 1);
}

int main(void)
{
	test_truth_at();
	test_long_change();
	test_unsettled();
	test_limits();
	test_sliding();
	test_nothing();
	test_percentiles();
	test_large();
	printf("1..%d\n", tests);
	return failed != 0;
}
