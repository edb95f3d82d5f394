/* SPDX-License-Identifier: GPL-2.0-or-later */
/* score - how near estimates came to the truth; pure arithmetic, no I/O. wss-score(1) has the formulas. */
#ifndef WSS_SCORE_H
#define WSS_SCORE_H

#include "record.h"
#include "truth.h"

#include <stddef.h>
#include <stdint.h>

/*
 * The truth of a window: the newest of the n rows (in order of time) that ended not later than slack_ns after t_ns, if
 * it is at the window's end not older than the longer of both windows and slack_ns. UNKNOWN when there is none.
 */
uint64_t truth_at(const struct truth *row, size_t n, uint64_t t_ns, uint64_t window_ns, uint64_t slack_ns);

/* One window of a method; UNKNOWN where there is nothing. */
struct point {
	uint64_t t_ns, window_ns;
	uint64_t estimate_kib, low_kib, high_kib;
	uint64_t truth_kib;
};

struct rules {
	uint64_t tolerance_ppm; /* of the truth: beyond it an estimate is wasting or lacking */
	uint64_t step_ppm;      /* of the larger truth: beyond it two windows in a row are a change */
};

/* Fills the figures about the truth of `score`, from unmatched_windows to inside_windows, and its note. */
void score_truth(struct rec_score *score, const struct point *point, size_t n, const struct rules *rules);

/* Fills windows, unknown_windows and the figures from mean_kib to max_kib, and the note. `scratch`: room for n numbers. */
void score_spread(struct rec_score *score, const struct point *point, size_t n, uint64_t *scratch);

/* All figures of a score as unknown, its texts as empty: where the two functions above begin. */
void score_clear(struct rec_score *score);

#endif
