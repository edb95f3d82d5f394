/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wss-count - count how often each page was touched, window by window. */
#include "opt.h"
#include "progress.h"
#include "record.h"
#include "tool.h"
#include "vms.h"
#include "fold.h"
#include "merge.h"

#include <inttypes.h>

static struct {
	struct fold_rules rules;
	bool merge;
} cfg;

static const struct opt opts[] = {
	{ 'w', "window", "TIME", "length of a window; default: each period is one", OPT_NS, &cfg.rules.window_ns, 1, 0 },
	{ 0, "sliding", NULL, "at each tick, the counts of the last -w", OPT_FLAG, &cfg.rules.sliding, 0, 0 },
	{ 0, "cumulative", NULL, "at each tick, the counts since the begin", OPT_FLAG, &cfg.rules.cumulative, 0, 0 },
	{ 0, "keep-tables", NULL, "keep pages that hold page tables", OPT_FLAG, &cfg.rules.keep_tables, 0, 0 },
	{ 0, "partial", NULL, "close the window that the stream's end cuts off", OPT_FLAG, &cfg.rules.partial, 0, 0 },
	{ 0, "merge", NULL, "read counts of parts of a trace, write those of the whole", OPT_FLAG, &cfg.merge, 0, 0 },
	{ 0, NULL, NULL, NULL, OPT_FLAG, NULL, 0, 0 },
};

static const struct usage usage = {
	"[OPTION]... [FILE]...",
	"Count how often each page was touched, window by window.",
	opts,
	"  wss-trace -s process:1234 | wss-count | wss-estimate\n"
	"  wss-count -w 10s --sliding -P trace.gz\n"
	"  wss-count --merge -o all.gz part1.gz part2.gz\n",
};

static void check_options(void)
{
	if (cfg.rules.sliding && !cfg.rules.window_ns)
		opt_die("--sliding needs --window");
	if (cfg.rules.cumulative && cfg.rules.window_ns)
		opt_die("--cumulative and --window exclude each other");
	if (cfg.merge && (cfg.rules.window_ns || cfg.rules.cumulative || cfg.rules.keep_tables || cfg.rules.partial))
		opt_die("--merge takes windows as they are: no other option fits");
}

struct vm {
	uint64_t last_ns;
	struct fold fold;
};

static void put(void *out, const struct rec_count *row)
{
	rec_put(out, row);
}

/* What the fold takes for granted. */
static void check_event(struct rec_in *in, struct vm *vm, const struct rec_event *row)
{
	vms_check_time(in, row->vm, &vm->last_ns, row->t_ns);
	if (row->gfn != UNKNOWN)
		return;
	switch (row->event) {
	case event_write:
	case event_read:
	case event_access:
	case event_table:
		rec_die(in, "column 'gfn': empty");
	default:
		break;
	}
}

static void count(struct rec_in *in, struct rec_out *out)
{
	enum { ROWS_PER_PROGRESS = 1 << 16 };
	struct vms vms = { .state_size = sizeof(struct vm) };
	struct rec_event row;
	uint64_t rows = 0;

	cfg.rules.put = put;
	cfg.rules.context = out;
	while (rec_next(in, &row)) {
		struct vm *vm = vms_get(&vms, row.vm, NULL);

		check_event(in, vm, &row);
		fold_event(&vm->fold, &cfg.rules, &row);
		if (++rows % ROWS_PER_PROGRESS == 0)
			progress("%" PRIu64 " events, %zu VMs", rows, vms.n);
	}
	for (size_t i = 0; i < vms.n; i++) {
		struct vm *vm = vms.state[i];

		fold_end(&vm->fold, &cfg.rules);
	}
	vms_release(&vms);
}

int main(int argc, char **argv)
{
	tool_init("wss-count", TOOL_FILTER);
	int first = opt_parse(argc, argv, &usage);

	check_options();
	if (cfg.merge) {
		merge(argv + first, argc - first);
		return tool_finish();
	}
	struct rec_in *in = rec_open(argv + first, argc - first, ACCEPT(event));
	struct rec_out *out = rec_create(REC_count);

	rec_flush_before_wait(in, out);
	count(in, out);
	rec_in_close(in);
	rec_close(out);
	return tool_finish();
}
