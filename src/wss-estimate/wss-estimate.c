/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wss-estimate - estimate the working set of each VM at the end of each window, by one method or several. */
#include "diag.h"
#include "num.h"
#include "opt.h"
#include "progress.h"
#include "record.h"
#include "tool.h"
#include "vms.h"
#include "counters.h"
#include "curves.h"
#include "method.h"
#include "past.h"
#include "select.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct {
	struct opt_list method;
	const char *counters, *state, *curves, *ages;
	uint64_t kernel_kib; /* of the guest, on top of each estimate */
	bool list_methods;
} cfg;

static const struct opt opts[] = {
	{ 'm', "method", "NAME[:PARAMETERS]", "a method, may be repeated [reuse]", OPT_LIST, &cfg.method, 0, 0 },
	{ 'c', "counters", "FILE", "counter records, for methods that need them", OPT_TEXT, &cfg.counters, 0, 0 },
	{ 0, "kernel", "SIZE", "add this to each estimate: what the guest's kernel needs and the trace does not show", OPT_KIB, &cfg.kernel_kib, 0, 0 },
	{ 0, "state", "FILE", "estimates that forecasts have seen, kept for the next run", OPT_TEXT, &cfg.state, 0, 0 },
	{ 0, "curves", "FILE", "write the miss-ratio curves of mrc, shards and aet there", OPT_TEXT, &cfg.curves, 0, 0 },
	{ 0, "ages", "FILE", "write the age histograms of cold there", OPT_TEXT, &cfg.ages, 0, 0 },
	{ 0, "methods", NULL, "list the methods with their parameters and sources", OPT_FLAG, &cfg.list_methods, 0, 0 },
	{ 0 },
};

static const struct usage usage = {
	"[-m METHOD[:PARAMETERS]]... [-c FILE] [FILE...]",
	"Reads count records, or events for methods that need their order; writes estimate records: the working set of each VM.",
	opts,
	"  wss-trace -s process:1234 -p 1s | wss-count | wss-estimate -P\n"
	"  wss-estimate -m threshold:2 -m aging:from=64 counts.gz > estimates.gz\n"
	"  wss-estimate -m model:guest.model --counters counters.gz counts.gz > estimates.gz\n"
	"  wss-estimate counts.gz | wss-estimate -m forecast:ahead=5,quantile=95% -P\n"
	"  wss-trace -s model:1s:5000w:zipf=1 -n 60 | wss-estimate -m mrc:miss=5% -m shards:5% -m aet -P\n",
};

/* The methods of this run. */
struct selection {
	struct selected *selected;
	size_t n;
	struct counters *counters; /* NULL: none */
	struct curves curves;
};

struct vm {
	uint64_t last_ns, window_ns; /* of the row before */
	bool open;             /* page rows of a window have been read, its closing row not yet */
	uint64_t begin_ns;     /* events: of the window */
	struct rec_count closing;
	void *state[];         /* of each selected method */
};

static struct selection select_methods(void)
{
	static const char *standard[] = { "reuse" };
	struct opt_list wanted = cfg.method.n ? cfg.method : (struct opt_list){ standard, 1 };
	struct selection all = { or_die(calloc(wanted.n, sizeof(*all.selected))), wanted.n, NULL, { NULL, NULL } };

	for (size_t i = 0; i < wanted.n; i++) {
		all.selected[i] = select_method(wanted.item[i]);
		for (size_t k = 0; k < i; k++)
			if (strcmp(wanted.item[i], wanted.item[k]) == 0)
				opt_die("--method: '%s' is given twice", wanted.item[i]);
	}
	return all;
}

static void open_counters(struct selection *all)
{
	if (cfg.counters)
		all->counters = counters_open(cfg.counters);
	for (size_t i = 0; i < all->n; i++) {
		const struct selected *selected = &all->selected[i];

		if (selected->counters && !all->counters)
			opt_die("--method: %s needs --counters", selected->method->name);
		for (size_t k = 0; selected->counters && selected->counters[k]; k++)
			counters_want(all->counters, selected->counters[k]);
	}
}

/* Asked for what no method has? Before a file is made. */
static void check_curves(const struct selection *all)
{
	bool curve = false, ages = false;

	for (size_t i = 0; i < all->n; i++) {
		curve |= all->selected[i].method->curve != NULL;
		ages |= all->selected[i].method->ages != NULL;
	}
	if (cfg.curves && !curve)
		opt_die("--curves: no method here has curves; mrc, shards and aet have");
	if (cfg.ages && !ages)
		opt_die("--ages: no method here has ages; cold has");
}

/* At the end: a method that is made from a file needs all its counters. */
static void check_counters(const struct selection *all)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct selected *selected = &all->selected[i];

		for (size_t k = 0; selected->opened && selected->counters[k]; k++)
			if (!counters_seen(all->counters, selected->counters[k]))
				die(EX_DATAERR, "%s: no counter '%.64s', which %s needs", cfg.counters, selected->counters[k], selected->text);
	}
}

static void release_methods(struct selection *all, struct vms *vms)
{
	for (size_t v = 0; v < vms->n; v++)
		for (size_t i = 0; i < all->n; i++) {
			void *state = ((struct vm *)vms->state[v])->state[i];

			if (all->selected[i].method->release)
				all->selected[i].method->release(state);
			free(state);
		}
	for (size_t i = 0; i < all->n; i++)
		select_release(&all->selected[i]);
	free(all->selected);
	if (all->counters)
		counters_close(all->counters);
}

static struct vm *get_vm(struct vms *vms, const struct selection *all, const char *name)
{
	bool is_new;
	struct vm *vm = vms_get(vms, name, &is_new);

	for (size_t i = 0; is_new && i < all->n; i++) {
		const struct selected *selected = &all->selected[i];

		vm->state[i] = or_die(calloc(1, selected->method->state_size));
		if (selected->method->begin)
			selected->method->begin(vm->state[i], selected->opened);
	}
	return vm;
}

/* Rows of a window stand together and end with its closing row. */
static void check_order(struct rec_in *in, struct vm *vm, const struct rec_count *row)
{
	if (vm->open && (row->t_ns > vm->last_ns || row->window_ns != vm->window_ns))
		rec_die(in, "the window of VM '%.64s' that ends at %" PRIu64 " has no closing row", row->vm, vm->last_ns);
	vms_check_time(in, row->vm, &vm->last_ns, row->t_ns);
	vm->window_ns = row->window_ns;
}

/* Gives each method the counters that it knows, up to the end of the window. */
static void put_counters(struct vm *vm, const struct selection *all, const struct rec_count *closing)
{
	struct rec_counter row;

	while (all->counters && counters_next(all->counters, closing->vm, closing->t_ns, &row)) {
		for (size_t i = 0; i < all->n; i++) {
			const struct selected *selected = &all->selected[i];

			for (size_t k = 0; selected->counters && selected->counters[k]; k++)
				if (strcmp(selected->counters[k], row.counter) == 0 && (row.value != UNKNOWN || selected->opened))
					selected->method->counter(vm->state[i], k, &row);
		}
	}
}

/* What is hot is not all that a guest needs to live: epsilon of the PRL rule. */
static void add_kernel(struct method_result *result)
{
	uint64_t pages = (cfg.kernel_kib + KIB_PER_PAGE - 1) / KIB_PER_PAGE;

	/* UNKNOWN is the largest number, and stays. */
	result->wss = num_add(result->wss, pages);
	result->low = num_add(result->low, pages);
	result->high = num_add(result->high, pages);
}

static void put_estimates(struct rec_out *out, struct vm *vm, const struct selection *all, const struct rec_count *closing)
{
	bool sees_reads = !(closing->blind & BLIND_READS); /* unknown has every bit */

	put_counters(vm, all, closing);
	for (size_t i = 0; i < all->n; i++) {
		const struct selected *selected = &all->selected[i];
		struct method_result result = { UNKNOWN, UNKNOWN, UNKNOWN, closing->lost ? note_lost : TOKEN_NONE, false };

		curves_put_curve(&all->curves, selected->method, selected->text, vm->state[i], closing);
		selected->method->window(vm->state[i], selected->value, closing, &result);
		curves_put_ages(&all->curves, selected->method, selected->text, vm->state[i], closing);
		add_kernel(&result);
		if (!sees_reads && !result.sees_reads)
			result.high = UNKNOWN;
		else if (result.high > closing->memory_pages)
			result.high = closing->memory_pages;
		if (result.high < result.low) /* more was touched than the VM has: what was seen counts */
			result.high = result.low;
		struct rec_estimate row = {
			.t_ns = closing->t_ns,
			.window_ns = closing->window_ns,
			.vm = closing->vm,
			.method = selected->text,
			.wss_kib = pages_to_kib(result.wss),
			.low_kib = pages_to_kib(result.low),
			.high_kib = pages_to_kib(result.high),
			.memory_kib = pages_to_kib(closing->memory_pages),
			.actual_kib = pages_to_kib(closing->actual_pages),
			.blind = closing->blind,
			.note = result.note,
		};

		rec_put(out, &row);
	}
	curves_flush(&all->curves);
}

/* Counts in: a window ends at its closing row. */
static void estimate_counts(struct rec_in *in, struct rec_out *out, struct vms *vms, const struct selection *all)
{
	struct rec_count row;
	uint64_t windows = 0;

	while (rec_next(in, &row)) {
		struct vm *vm = get_vm(vms, all, row.vm);

		check_order(in, vm, &row);
		if (row.gfn == UNKNOWN) {
			put_estimates(out, vm, all, &row);
			vm->open = false;
			progress("%" PRIu64 " windows, %zu VMs", ++windows, vms->n);
			continue;
		}
		vm->open = true;
		for (size_t i = 0; i < all->n; i++)
			if (all->selected[i].method->pages)
				all->selected[i].method->pages(vm->state[i], all->selected[i].value, &row);
	}
}

/* Events in: a window ends at a tick; what the closing row of wss-count would say of it is gathered in vm->closing. */
static void begin_window(struct vm *vm, uint64_t t_ns)
{
	vm->begin_ns = t_ns;
	vm->closing.lost = 0;
}

static void put_event(struct rec_out *out, struct vm *vm, const struct selection *all, const struct rec_event *event)
{
	vm->closing.lost = num_add(vm->closing.lost, known_or(event->lost, 0));
	switch (event->event) {
	case event_begin:
		begin_window(vm, event->t_ns);
		break;
	case event_write:
	case event_read:
	case event_access:
		for (size_t i = 0; i < all->n; i++)
			if (all->selected[i].method->reference)
				all->selected[i].method->reference(vm->state[i], all->selected[i].value, event);
		break;
	case event_bread:
	case event_bwrite:
		for (size_t i = 0; i < all->n; i++)
			if (all->selected[i].method->disk)
				all->selected[i].method->disk(vm->state[i], all->selected[i].value, event);
		break;
	case event_size:
		vm->closing.memory_pages = event->pages;
		vm->closing.actual_pages = event->arg;
		break;
	case event_blind:
		vm->closing.blind = event->arg;
		break;
	case event_tick:
		vm->closing.t_ns = event->t_ns;
		vm->closing.window_ns = event->t_ns - vm->begin_ns;
		vm->closing.asked_ns = event->arg;
		put_estimates(out, vm, all, &vm->closing);
		begin_window(vm, event->t_ns);
		break;
	default:
		break;
	}
}

static void estimate_events(struct rec_in *in, struct rec_out *out, struct vms *vms, const struct selection *all)
{
	enum { ROWS_PER_PROGRESS = 1 << 16 };
	struct rec_event row;
	uint64_t rows = 0;

	while (rec_next(in, &row)) {
		struct vm *vm = get_vm(vms, all, row.vm);

		if (!vm->closing.vm) {
			vm->closing = (struct rec_count){ .vm = row.vm, .blind = UNKNOWN, .memory_pages = UNKNOWN, .actual_pages = UNKNOWN };
			begin_window(vm, row.t_ns);
		}
		vms_check_time(in, row.vm, &vm->last_ns, row.t_ns);
		if (row.gfn == UNKNOWN && (row.event == event_write || row.event == event_read || row.event == event_access))
			rec_die(in, "column 'gfn': empty");
		put_event(out, vm, all, &row);
		if (++rows % ROWS_PER_PROGRESS == 0)
			progress("%" PRIu64 " events, %zu VMs", rows, vms->n);
	}
}

/* ---- estimates in ---- */

/* What each selected method has of a series, and is called on it. */
struct chained {
	void *state;
	const char *name;
};

static struct chained *chain(const struct selection *all, const struct series *series)
{
	struct chained *chained = or_die(calloc(all->n, sizeof(*chained)));

	for (size_t i = 0; i < all->n; i++) {
		char name[TEXT_FIELD_MAX + 1];
		int len = snprintf(name, sizeof(name), "%s+%s", series->method, all->selected[i].text);

		if (len > TEXT_FIELD_MAX)
			die(EX_DATAERR, "method '%.64s...' on '%.64s...': more than %d bytes", all->selected[i].text, series->method, TEXT_FIELD_MAX);
		chained[i].name = rec_intern(name, (size_t)len);
		chained[i].state = or_die(calloc(1, all->selected[i].method->state_size));
	}
	return chained;
}

static void put_chained(struct rec_out *out, const struct rec_estimate *in, const char *name, const struct selected *selected,
			const struct method_result *result)
{
	uint64_t ahead_ns = num_mul(selected->value[0], in->window_ns);
	struct rec_estimate row = *in;

	row.t_ns = num_add(in->t_ns, ahead_ns);
	if (row.t_ns == UNKNOWN)
		die(EX_DATAERR, "VM '%.64s': a window ends beyond the end of time", in->vm);
	row.method = name;
	row.wss_kib = pages_to_kib(result->wss);
	row.low_kib = pages_to_kib(result->low);
	row.high_kib = in->high_kib == UNKNOWN ? UNKNOWN : pages_to_kib(result->high); /* of a lower bound: one too */
	row.note = result->note;
	if (row.wss_kib != UNKNOWN && in->memory_kib != UNKNOWN) {
		row.wss_kib = row.wss_kib < in->memory_kib ? row.wss_kib : in->memory_kib;
		row.low_kib = row.low_kib < in->memory_kib ? row.low_kib : in->memory_kib;
		row.high_kib = row.high_kib < in->memory_kib || row.high_kib == UNKNOWN ? row.high_kib : in->memory_kib;
	}
	rec_put(out, &row);
}

struct chaining {
	const struct selection *all;
	struct past past;
	struct rec_in *in;
	struct rec_out *out; /* NULL: while the past is read, which was answered before */
};

static void chain_estimate(void *context, const struct rec_estimate *row)
{
	struct chaining *c = context;
	bool is_new;
	struct series *series = past_series(&c->past, row->vm, row->method, &is_new);
	struct chained *chained;

	if (is_new)
		series->owned = chain(c->all, series);
	if (cfg.state && !is_new && row->t_ns <= series->last_ns) { /* a recording that overlaps the one before */
		series->skipped++;
		return;
	}
	series->answered += c->out != NULL;
	if (c->in)
		vms_check_time(c->in, row->vm, &series->last_ns, row->t_ns);
	chained = series->owned;
	for (size_t i = 0; i < c->all->n; i++) {
		const struct selected *selected = &c->all->selected[i];
		struct method_result result = { UNKNOWN, UNKNOWN, UNKNOWN, row->note, false };

		selected->method->estimate(chained[i].state, selected->value, row, &result);
		if (c->out)
			put_chained(c->out, row, chained[i].name, selected, &result);
	}
	if (cfg.state)
		past_add(series, row);
}

/* A clock that was ahead once and set back would else end all forecasts without a word. */
static void warn_of_skipped(const struct past *past)
{
	for (size_t i = 0; i < past->n; i++) {
		const struct series *s = &past->series[i];

		if (s->skipped > 0 && s->answered == 0)
			warn("VM '%.64s': no estimate is newer than what %s has; if a clock was set back, begin a new file", s->vm, cfg.state);
	}
}

static void estimate_estimates(struct rec_in *in, struct rec_out *out, const struct selection *all)
{
	struct chaining c = { .all = all };
	struct rec_estimate row;

	if (cfg.state)
		past_read(cfg.state, chain_estimate, &c);
	c.in = in;
	c.out = out;
	while (rec_next(in, &row))
		chain_estimate(&c, &row);
	if (cfg.state) { /* what it says was seen has been answered */
		warn_of_skipped(&c.past);
		rec_flush(out);
		past_write(&c.past, cfg.state);
	}
	for (size_t s = 0; s < c.past.n; s++) {
		struct chained *chained = c.past.series[s].owned;

		for (size_t i = 0; i < all->n; i++) {
			all->selected[i].method->release(chained[i].state);
			free(chained[i].state);
		}
		free(chained);
	}
	past_release(&c.past);
}

/* The kind of record that all selected methods work on. Those that need only counters work on both. */
static unsigned accepted_kinds(const struct selection *all)
{
	const struct selected *on_counts = NULL, *on_events = NULL, *on_estimates = NULL, *other = NULL;

	for (size_t i = 0; i < all->n; i++) {
		if (all->selected[i].method->pages)
			on_counts = &all->selected[i];
		if (all->selected[i].method->reference || all->selected[i].method->disk)
			on_events = &all->selected[i];
		if (all->selected[i].method->estimate)
			on_estimates = &all->selected[i];
		else
			other = &all->selected[i];
	}
	if (on_estimates && other)
		opt_die("--method: %s works on estimates, %s does not: not in one run", on_estimates->text, other->text);
	if (on_estimates && cfg.kernel_kib)
		opt_die("--kernel: not with %s: it is in the estimates that are read", on_estimates->text);
	if (cfg.state && !on_estimates)
		opt_die("--state: only with forecast");
	if (on_estimates)
		return ACCEPT(estimate);
	if (on_counts && on_events)
		opt_die("--method: %s works on counts, %s on events: not in one run", on_counts->text, on_events->text);
	return (on_events ? 0 : ACCEPT(count)) | (on_counts ? 0 : ACCEPT(event));
}

int main(int argc, char **argv)
{
	tool_init("wss-estimate", TOOL_FILTER);
	int first = opt_parse(argc, argv, &usage);

	if (cfg.list_methods) {
		select_list();
		return tool_finish();
	}
	struct selection all = select_methods();
	open_counters(&all);
	check_curves(&all);
	struct vms vms = { .state_size = sizeof(struct vm) + all.n * sizeof(void *) };
	struct rec_in *in = rec_open(argv + first, argc - first, accepted_kinds(&all));
	struct rec_out *out = rec_create(REC_estimate);

	curves_open(&all.curves, cfg.curves, cfg.ages);
	rec_flush_before_wait(in, out);
	if (rec_in_kind(in) == REC_count)
		estimate_counts(in, out, &vms, &all);
	else if (rec_in_kind(in) == REC_estimate)
		estimate_estimates(in, out, &all);
	else
		estimate_events(in, out, &vms, &all);
	rec_close(out);
	curves_close(&all.curves);
	check_counters(&all);
	rec_in_close(in);
	release_methods(&all, &vms);
	vms_release(&vms);
	return tool_finish();
}
