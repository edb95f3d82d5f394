/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wss-score - score estimates against the truth. */
#include "score.h"
#include "table.h"

#include "clock.h"
#include "diag.h"
#include "gzio.h"
#include "num.h"
#include "opt.h"
#include "tool.h"
#include "vms.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct {
	struct opt_list truth;
	const char *against;
	struct opt_list vm;
	struct rules rules;
	uint64_t slack_ns;
	bool table;
} cfg = { .against = "touched", .rules = { .tolerance_ppm = 50000, .step_ppm = 100000 } };

static const struct opt opts[] = {
	{ 't', "truth", "FILE", "truth records to compare with; may be repeated", OPT_LIST, &cfg.truth, 0, 0 },
	{ 'a', "against", "FIGURE", "of the truth: touched, written or set [touched]", OPT_TEXT, &cfg.against, 0, 0 },
	{ 0, "vm", "NAME=TRUTHNAME", "the VM NAME is called TRUTHNAME in the truth; may be repeated", OPT_LIST, &cfg.vm, 0, 0 },
	{ 0, "tolerance", "PERCENT", "of the truth: beyond it an estimate is wasting or lacking", OPT_PPM, &cfg.rules.tolerance_ppm, 0, 1000000 },
	{ 0, "step", "PERCENT", "the truth changes when it moves by more", OPT_PPM, &cfg.rules.step_ppm, 0, 1000000 },
	{ 0, "slack", "TIME", "how far the ends of windows that belong together may be apart", OPT_NS, &cfg.slack_ns, 0, 3600 * UINT64_C(1000000000) },
	{ 0, "table", NULL, "write a table for people, not records", OPT_FLAG, &cfg.table, 0, 0 },
	{ 0, NULL, NULL, NULL, OPT_FLAG, NULL, 0, 0 },
};

static const struct usage usage = {
	"[--truth FILE] [--table] [FILE...]",
	"Scores estimate records against truth records; without --truth, tells how the estimates are spread.",
	opts,
	"  wss-score --truth load.truth.gz --table estimates.gz\n"
	"  wss-estimate -m threshold -m aging counts.gz | wss-score --truth load.truth.gz -P\n"
	"  wss-score --truth load.truth.gz --vm guest1=wss-load --against written estimates.gz -P\n"
	"  wss-score --table estimates.gz\n",
};

static struct vms truths = TRUTHS_NONE;

static void check_settings(void)
{
	truth_check_figure(cfg.against);
	for (size_t i = 0; i < cfg.vm.n; i++) {
		const char *equals = strchr(cfg.vm.item[i], '=');

		if (!equals || equals == cfg.vm.item[i] || !equals[1])
			opt_die("--vm: bad value '%s': need NAME=TRUTHNAME", cfg.vm.item[i]);
	}
}

/* ---- the estimates ---- */

/* A method on a VM. */
struct series {
	const char *vm, *method;
	struct point *point;
	size_t n, size;
	uint64_t last_ns;
	const struct truth_vm *truth; /* NULL when there is none */
};

static struct {
	struct series *item;
	size_t n, size, last; /* last: found last, mostly followed by the next one */
} all;

static struct series *series_of(const char *vm, const char *method)
{
	for (size_t k = 0; k < all.n; k++) {
		size_t i = (all.last + 1 + k) % all.n;

		if (all.item[i].vm == vm && all.item[i].method == method) {
			all.last = i;
			return &all.item[i];
		}
	}
	if (all.n == all.size) {
		all.size = all.size ? 2 * all.size : 16;
		all.item = or_die(reallocarray(all.item, all.size, sizeof(*all.item)));
	}
	all.last = all.n;
	all.item[all.n] = (struct series){ .vm = vm, .method = method };
	if (cfg.truth.n && !(all.item[all.n].truth = truth_of(&truths, &cfg.vm, vm)))
		warn("VM '%s' is not in the truth; say which it is with --vm '%s=TRUTHNAME'", vm, vm);
	return &all.item[all.n++];
}

static void add_estimate(struct rec_in *in, const struct rec_estimate *row)
{
	struct series *series = series_of(row->vm, row->method);
	const struct truth_vm *truth = series->truth;

	vms_check_time(in, row->vm, &series->last_ns, row->t_ns);
	if (series->n == series->size) {
		series->size = series->size ? 2 * series->size : 64;
		series->point = or_die(reallocarray(series->point, series->size, sizeof(*series->point)));
	}
	series->point[series->n++] = (struct point){
		.t_ns = row->t_ns, .window_ns = row->window_ns, .estimate_kib = row->wss_kib, .low_kib = row->low_kib,
		.high_kib = row->high_kib,
		.truth_kib = truth ? truth_at(truth->row, truth->n, row->t_ns, row->window_ns, cfg.slack_ns) : UNKNOWN,
	};
}

static void read_estimates(char *const *files, int n)
{
	struct rec_in *in = rec_open(files, n, ACCEPT(estimate));
	struct rec_estimate row;

	while (rec_next(in, &row))
		add_estimate(in, &row);
	if (all.n == 0)
		rec_die(in, "no estimate: nothing to score");
	rec_in_close(in);
}

/* ---- scores ---- */

static void score_series(const struct series *series, struct rec_score *score)
{
	uint64_t *scratch = or_die(reallocarray(NULL, series->n, sizeof(*scratch)));

	score_clear(score);
	score->t_ns = series->last_ns;
	score->vm = series->vm;
	score->method = series->method;
	if (cfg.truth.n) {
		score->against = cfg.against;
		score_truth(score, series->point, series->n, &cfg.rules);
	}
	score_spread(score, series->point, series->n, scratch);
	free(scratch);
}

/* Dies when estimates and truth have no time in common: the wrong files, or clocks that differ. */
static void check_overlap(void)
{
	uint64_t first_ns = UINT64_MAX, last_ns = 0;

	for (size_t i = 0; i < all.n; i++) {
		for (size_t k = 0; k < all.item[i].n; k++)
			if (all.item[i].point[k].truth_kib != UNKNOWN)
				return;
		if (all.item[i].point[0].t_ns < first_ns)
			first_ns = all.item[i].point[0].t_ns;
		if (all.item[i].last_ns > last_ns)
			last_ns = all.item[i].last_ns;
	}
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): only called when there are truths */
	const struct truth_vm *truth = truths.state[0];

	die(EX_DATAERR, "no truth for any estimate: windows end from %" PRIu64 " to %" PRIu64 " ns, those of the truth "
	    "of '%.64s' from %" PRIu64 " to %" PRIu64 "; are they of the same run?",
	    first_ns, last_ns, truths.name[0], truth->row[0].t_ns, truth->last_ns);
}

static void write_records(const struct rec_score *score)
{
	struct rec_out *out = rec_create(REC_score);

	for (size_t i = 0; i < all.n; i++)
		rec_put(out, &score[i]);
	rec_close(out);
}

static void release(void)
{
	for (size_t i = 0; i < all.n; i++)
		free(all.item[i].point);
	free(all.item);
	truth_release(&truths);
	free(cfg.truth.item);
	free(cfg.vm.item);
}

int main(int argc, char **argv)
{
	tool_init("wss-score", TOOL_FILTER);
	int first = opt_parse(argc, argv, &usage);

	check_settings();
	if (cfg.truth.n)
		truth_read(&truths, &cfg.truth, cfg.against, "compare with");
	read_estimates(argv + first, argc - first);
	if (cfg.truth.n)
		check_overlap();
	struct rec_score *score = or_die(reallocarray(NULL, all.n, sizeof(*score)));

	for (size_t i = 0; i < all.n; i++)
		score_series(&all.item[i], &score[i]);
	if (cfg.table)
		table_write(score, all.n, cfg.rules.tolerance_ppm);
	else
		write_records(score);
	free(score);
	release();
	return tool_finish();
}
