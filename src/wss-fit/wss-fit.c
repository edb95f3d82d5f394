/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wss-fit - learn a working set from counters, and test whether guest systems are alike. */
#include "alike.h"
#include "learn.h"
#include "samples.h"
#include "store.h"

#include "counter.h"
#include "diag.h"
#include "model.h"
#include "opt.h"
#include "record.h"
#include "tool.h"
#include "whole.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct {
	struct opt_list truth;
	const char *against;
	struct opt_list vm;
	const char *use, *way, *control;
	uint64_t select, under_cost, age_ns;
	bool compare, homogeneity;
} cfg = { .against = "touched", .use = "both", .way = "ordinary", .control = "25%", .under_cost = 1,
	  .age_ns = 10 * UINT64_C(1000000000) };

static const struct opt opts[] = {
	{ 't', "truth", "FILE", "truth records to learn from; may be repeated", OPT_LIST, &cfg.truth, 0, 0 },
	{ 'a', "against", "FIGURE", "of the truth: touched, written or set [touched]", OPT_TEXT, &cfg.against, 0, 0 },
	{ 0, "vm", "NAME=TRUTHNAME", "the VM NAME is called TRUTHNAME in the truth; may be repeated", OPT_LIST, &cfg.vm, 0, 0 },
	{ 'u', "use", "COUNTERS", "guest, virtualization, both, or names with commas, * at their end [both]", OPT_TEXT, &cfg.use, 0, 0 },
	{ 'w', "way", "WAY", "ordinary, ridge or robust least squares [ordinary]", OPT_TEXT, &cfg.way, 0, 0 },
	{ 0, "select", "N", "choose at most N counters, one by one; 0: take all", OPT_U64, &cfg.select, 0, 0 },
	{ 0, "under-cost", "N", "how much more an estimate below the truth costs than one above", OPT_U64, &cfg.under_cost, 1, 1000 },
	{ 0, "control", "PART", "samples not to learn from: a share of the time, or vm:NAME,... [25%]", OPT_TEXT, &cfg.control, 0, 0 },
	{ 0, "age", "TIME", "a counter older than this is not known", OPT_NS, &cfg.age_ns, 1, 0 },
	{ 0, "compare", NULL, "no model: a table of guest, virtualization and both", OPT_FLAG, &cfg.compare, 0, 0 },
	{ 0, "homogeneity", NULL, "no model: a table of counters, are they alike in all files?", OPT_FLAG, &cfg.homogeneity, 0, 0 },
	{ 0, NULL, NULL, NULL, OPT_FLAG, NULL, 0, 0 },
};

static const struct usage usage = {
	"--truth FILE [-o MODEL] [FILE...]",
	"Reads counter records and the truth of the same time; writes a model that wss-estimate -m model:MODEL applies.",
	opts,
	"  wss-fit --truth load.truth.gz counters.gz -o guest.model\n"
	"  wss-fit --truth load.truth.gz --select 8 --under-cost 10 --control vm:web2 counters.gz -o guest.model\n"
	"  wss-fit --truth load.truth.gz --select 8 --compare counters.gz\n"
	"  wss-fit --homogeneity debian11.gz debian12.gz\n",
};

static const char *const way_name[] = { [FIT_ORDINARY] = "ordinary", [FIT_RIDGE] = "ridge", [FIT_ROBUST] = "robust" };

/* ---- settings ---- */

static enum fit_way way(void)
{
	for (size_t i = 0; i < sizeof(way_name) / sizeof(*way_name); i++)
		if (strcmp(cfg.way, way_name[i]) == 0)
			return (enum fit_way)i;
	opt_die("--way: bad value '%s': need ordinary, ridge or robust", cfg.way);
}

/* Does the list hold `name`? An item with * at its end stands for all names that begin like it. */
static bool in_list(const char *list, const char *name)
{
	size_t name_len = strlen(name);

	for (const char *at = list;; at++) {
		size_t len = strcspn(at, ",");

		if (len == name_len && strncmp(at, name, len) == 0)
			return true;
		if (len > 0 && at[len - 1] == '*' && name_len + 1 >= len && strncmp(at, name, len - 1) == 0)
			return true;
		at += len;
		if (!*at)
			return false;
	}
}

/* A name that is in no table is a guest's. */
static bool use_counter(const char *name)
{
	const struct counter_decl *known = counter_find(name, strlen(name));
	bool guest = !known || known->side == COUNTER_GUEST;

	if (strcmp(cfg.use, "both") == 0)
		return true;
	if (strcmp(cfg.use, "guest") == 0)
		return guest;
	if (strcmp(cfg.use, "virtualization") == 0)
		return !guest;
	return in_list(cfg.use, name);
}

static uint64_t control_ppm(void)
{
	uint64_t ppm;

	if (strncmp(cfg.control, "vm:", 3) == 0 && cfg.control[3])
		return 0;
	if (num_ppm(cfg.control, &ppm) != NUM_OK || ppm > 900000)
		opt_die("--control: bad value '%s': need a share up to 90%%, or vm:NAME", cfg.control);
	return ppm;
}

static void check_settings(int files)
{
	truth_check_figure(cfg.against);
	for (size_t i = 0; i < cfg.vm.n; i++) {
		const char *equals = strchr(cfg.vm.item[i], '=');

		if (!equals || equals == cfg.vm.item[i] || !equals[1])
			opt_die("--vm: bad value '%s': need NAME=TRUTHNAME", cfg.vm.item[i]);
	}
	if (way() == FIT_ROBUST && cfg.under_cost > 1)
		opt_die("--under-cost: not with --way robust, which takes no side");
	control_ppm();
	if (cfg.homogeneity && (cfg.truth.n || cfg.compare))
		opt_die("--homogeneity: not with --truth or --compare");
	if (!cfg.homogeneity && !cfg.truth.n)
		opt_die("--truth: is needed");
	for (size_t i = 0; i < cfg.truth.n; i++)
		if (strcmp(cfg.truth.item[i], "-") == 0 && files == 0)
			opt_die("--truth: standard input has the counters already");
}

/* ---- the truth ---- */

static struct vms truths = TRUTHS_NONE;

static const struct truth_vm **find_truths(const struct vms *store)
{
	const struct truth_vm **known = or_die(calloc(store->n, sizeof(const struct truth_vm *)));
	size_t found = 0;

	for (size_t v = 0; v < store->n; v++) {
		known[v] = truth_of(&truths, &cfg.vm, store->name[v]);
		if (known[v])
			found++;
		else
			warn("VM '%s' is not in the truth; say which it is with --vm '%s=TRUTHNAME'", store->name[v], store->name[v]);
	}
	if (found == 0)
		die(EX_DATAERR, "no VM of the counters is in the truth");
	return known;
}

/* ---- learning ---- */

static bool *mark_control(const struct samples *s, const struct vms *store)
{
	bool *is_control = or_die(calloc(s->n + 1, sizeof(*is_control)));
	uint64_t ppm = control_ppm();

	for (size_t i = 0; i < s->n; i++) {
		if (strncmp(cfg.control, "vm:", 3) == 0)
			is_control[i] = in_list(cfg.control + 3, store->name[s->vm[i]]);
		else /* so many of the blocks, evenly spread */
			is_control[i] = (s->block[i] + 1) * ppm / 1000000 > s->block[i] * ppm / 1000000;
	}
	return is_control;
}

static void learn_counters(const struct vms *store, const struct truth_vm *const *known, struct samples *s, struct learned *l)
{
	const struct learn_rules rules = { { way(), (double)cfg.under_cost }, cfg.select };
	bool *is_control;

	samples_join(store, known, use_counter, cfg.age_ns, s);
	is_control = mark_control(s, store);
	learn(s, is_control, &rules, l);
	note("%s: %zu samples to learn from, %zu to control, %zu windows without all counters, %zu of %zu counters", cfg.use,
	     l->learning.n, l->control.n, s->dropped, l->p, s->p);
	free(is_control);
}

/* ---- output ---- */

static void print_judgement(FILE *to, const char *name, const struct judgement *j)
{
	fprintf(to, "%s n %zu", name, j->n);
	if (j->n > 0)
		fprintf(to, " r2 %.4f rmse_kib %.0f relative %.4f under %.4f inside %.4f", j->r2, j->rmse, j->relative, j->under, j->inside);
	fputc('\n', to);
}

static void print_model(FILE *to, const struct samples *s, const struct learned *l)
{
	struct model model = { .n = l->p, .age_ns = cfg.age_ns, .constant = l->fit.constant, .low = l->error_low, .high = l->error_high };

	model.counter = or_die(calloc(l->p, sizeof(*model.counter)));
	for (size_t j = 0; j < l->p; j++)
		model.counter[j] = (struct model_counter){
			s->column[l->column[j]].name, s->column[l->column[j]].rate, l->fit.coefficient[j], l->fit.mean[j],
			l->fit.scale[j], l->low[j], l->high[j],
		};
	fprintf(to, "wss-model 1\nmade_by wss-fit %s\nagainst %s\nway %s\nunder_cost %" PRIu64 "\npenalty %g\nuse %s\ncontrol_is %s\n"
		"dropped %zu\nwss_kib least %.0f mean %.0f most %.0f\n", WSS_VERSION, cfg.against, cfg.way, cfg.under_cost,
		l->fit.penalty, cfg.use, cfg.control, s->dropped, l->kib_low, l->kib_mean, l->kib_high);
	print_judgement(to, "learning", &l->learning);
	print_judgement(to, "cross", &l->cross);
	print_judgement(to, "control", &l->control);
	model_print(to, &model);
	free(model.counter);
}

/* To the file of -o, whole or not at all; else to standard output. */
static void put_text(const char *text, size_t len)
{
	if (tool.output)
		whole_write(tool.output, text, len);
	else
		fwrite(text, 1, len, stdout);
}

static void write_model(const struct vms *store, const struct truth_vm *const *known, FILE *to)
{
	struct samples samples;
	struct learned learned;

	learn_counters(store, known, &samples, &learned);
	if (learned.why_not)
		die(EX_DATAERR, "%s", learned.why_not);
	print_model(to, &samples, &learned);
	learned_release(&learned);
	samples_release(&samples);
}

static void write_comparison(const struct vms *store, const struct truth_vm *const *known, FILE *to)
{
	static const char *const group[] = { "guest", "virtualization", "both" };

	fprintf(to, "%-14s  %8s  %-8s  %7s  %7s  %9s  %7s  %7s  %7s\n", "use", "counters", "samples", "n", "R2", "RMSE MiB", "error %",
		"under %", "in 90 %");
	for (size_t g = 0; g < 3; g++) {
		struct samples samples;
		struct learned l;

		cfg.use = group[g];
		learn_counters(store, known, &samples, &l);
		const struct judgement *judgement[] = { &l.learning, &l.cross, &l.control };
		static const char *const name[] = { "learning", "cross", "control" };

		if (l.why_not)
			fprintf(to, "%-14s  -: %s\n", cfg.use, l.why_not);
		for (size_t i = 0; i < 3 && !l.why_not; i++) {
			const struct judgement *j = judgement[i];

			if (j->n > 0)
				fprintf(to, "%-14s  %8zu  %-8s  %7zu  %7.4f  %9.2f  %7.2f  %7.1f  %7.1f\n", cfg.use, l.p, name[i], j->n,
					j->r2, j->rmse / 1024, 100 * j->relative, 100 * j->under, 100 * j->inside);
		}
		learned_release(&l);
		samples_release(&samples);
	}
}

static void fit_files(char *const *files, int n)
{
	struct vms store = { 0 };
	const struct truth_vm **known;
	char *text = NULL;
	size_t len;
	FILE *to = or_die(open_memstream(&text, &len));

	truth_read(&truths, &cfg.truth, cfg.against, "learn from");
	store_read(files, n, &store);
	known = find_truths(&store);
	(cfg.compare ? write_comparison : write_model)(&store, known, to);
	if (fclose(to) != 0)
		die_errno(EX_OSERR, "cannot make the text of the model");
	put_text(text, len);
	free(text);
	free(known);
	store_release(&store);
	for (size_t i = 0; i < truths.n; i++)
		free(((struct truth_vm *)truths.state[i])->row);
	vms_release(&truths);
}

int main(int argc, char **argv)
{
	tool_init("wss-fit", TOOL_FILTER);
	int first = opt_parse(argc, argv, &usage);

	check_settings(argc - first);
	if (cfg.homogeneity)
		alike_write(argv + first, argc - first, use_counter);
	else
		fit_files(argv + first, argc - first);
	free(cfg.truth.item);
	free(cfg.vm.item);
	return tool_finish();
}
