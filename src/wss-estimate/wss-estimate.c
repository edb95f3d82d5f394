/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wss-estimate - estimate the working set of each VM at the end of each window, by one method or several. */
#include "../common/diag.h"
#include "../common/num.h"
#include "../common/opt.h"
#include "../common/progress.h"
#include "../common/record.h"
#include "../common/tool.h"
#include "../common/vms.h"
#include "counters.h"
#include "method.h"
#include "select.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct {
	struct opt_list method;
	const char *counters;
	uint64_t kernel_kib; /* of the guest, on top of each estimate */
	bool list_methods;
} cfg;

static const struct opt opts[] = {
	{ 'm', "method", "NAME[:PARAMETERS]", "a method, may be repeated [reuse]", OPT_LIST, &cfg.method, 0, 0 },
	{ 'c', "counters", "FILE", "counter records, for methods that need them", OPT_TEXT, &cfg.counters, 0, 0 },
	{ 0, "kernel", "SIZE", "add this to each estimate: what the guest's kernel needs and the trace does not show", OPT_KIB, &cfg.kernel_kib, 0, 0 },
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
	"  wss-trace -s model:1s:5000w:zipf=1 -n 60 | wss-estimate -m mrc:miss=5% -m shards:5% -m aet -P\n",
};

/* The methods of this run. */
struct selection {
	struct selected *selected;
	size_t n;
	struct counters *counters; /* NULL: none */
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
	struct selection all = { or_die(calloc(wanted.n, sizeof(*all.selected))), wanted.n, NULL };

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
				if (strcmp(selected->counters[k], row.counter) == 0)
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

		selected->method->window(vm->state[i], selected->value, closing, &result);
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

/* The kind of record that all selected methods work on. Those that need only counters work on both. */
static unsigned accepted_kinds(const struct selection *all)
{
	const struct selected *on_counts = NULL, *on_events = NULL;

	for (size_t i = 0; i < all->n; i++) {
		if (all->selected[i].method->pages)
			on_counts = &all->selected[i];
		if (all->selected[i].method->reference || all->selected[i].method->disk)
			on_events = &all->selected[i];
	}
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
	struct vms vms = { .state_size = sizeof(struct vm) + all.n * sizeof(void *) };
	struct rec_in *in = rec_open(argv + first, argc - first, accepted_kinds(&all));
	struct rec_out *out = rec_create(REC_estimate);

	rec_flush_before_wait(in, out);
	if (rec_in_kind(in) == REC_count)
		estimate_counts(in, out, &vms, &all);
	else
		estimate_events(in, out, &vms, &all);
	rec_close(out);
	check_counters(&all);
	rec_in_close(in);
	release_methods(&all, &vms);
	vms_release(&vms);
	return tool_finish();
}
