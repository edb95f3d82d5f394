/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fold.h"

#include "diag.h"
#include "num.h"
#include "runs.h"

#include <stdlib.h>
#include <string.h>

enum { WRITES, READS, OTHERS };

struct period {
	uint64_t begin_ns, lost, asked_ns;
	struct runs pages, tables;
};

/* A closing row's numbers, and what its page rows are made with. */
struct window {
	const struct fold *fold;
	const struct fold_rules *rules;
	uint64_t begin_ns, end_ns, lost, asked_ns, total;
	struct pagetab *tables; /* dropped pages, or NULL */
	struct run open;
};

static void add(struct pagetab *tab, uint64_t gfn, uint64_t pages, unsigned which, uint64_t by)
{
	if (!pagetab_add(tab, gfn, pages, which, by))
		or_die(NULL);
}

/* ---- rows ---- */

static struct rec_count new_row(const struct window *window)
{
	return (struct rec_count){
		.t_ns = window->end_ns,
		.window_ns = window->end_ns - window->begin_ns,
		.vm = window->fold->vm,
		.asid = UNKNOWN,
		.gfn = UNKNOWN,
		.writes = UNKNOWN,
		.reads = UNKNOWN,
		.accesses = UNKNOWN,
		.lost = UNKNOWN,
		.memory_pages = UNKNOWN,
		.actual_pages = UNKNOWN,
		.asked_ns = UNKNOWN,
		.blind = UNKNOWN,
	};
}

static void put_run(struct window *window, const struct run *run)
{
	struct rec_count row = new_row(window);

	row.gfn = run->gfn;
	row.pages = run->pages;
	row.writes = run->count[WRITES];
	row.reads = run->count[READS];
	row.accesses = num_add(num_add(row.writes, row.reads), run->count[OTHERS]);
	window->total += run->pages;
	window->rules->put(window->rules->context, &row);
}

static void visit_page(void *context, uint64_t gfn, const uint64_t count[PAGETAB_COUNTS])
{
	struct window *window = context;
	struct run complete;

	if (window->tables && pagetab_get(window->tables, gfn, 0))
		return;
	if (run_join(&window->open, gfn, count, &complete))
		put_run(window, &complete);
}

static void put_closing(struct window *window)
{
	struct rec_count row;

	if (window->open.pages)
		put_run(window, &window->open);
	row = new_row(window);
	row.pages = window->total;
	row.lost = window->lost;
	row.memory_pages = window->fold->memory_pages;
	row.actual_pages = window->fold->actual_pages;
	row.asked_ns = window->asked_ns;
	row.blind = window->fold->blind;
	window->rules->put(window->rules->context, &row);
}

static struct window new_window(const struct fold *fold, const struct fold_rules *rules, uint64_t end_ns)
{
	return (struct window){
		.fold = fold,
		.rules = rules,
		.begin_ns = fold->begin_ns,
		.end_ns = end_ns,
		.lost = fold->lost,
		.asked_ns = fold->asked_ns,
		.tables = pagetab_pages(fold->tables) ? fold->tables : NULL,
	};
}

/* ---- windows that do not overlap, and those from the begin on ---- */

static void next_window(struct fold *fold, uint64_t begin_ns)
{
	fold->begin_ns = begin_ns;
	fold->lost = 0;
	fold->asked_ns = 0;
}

static void close_window(struct fold *fold, const struct fold_rules *rules, uint64_t end_ns)
{
	struct window window = new_window(fold, rules, end_ns);

	if (rules->cumulative) {
		if (!pagetab_each(fold->pages, visit_page, &window))
			or_die(NULL);
		put_closing(&window);
		return;
	}
	pagetab_drain(fold->pages, visit_page, &window);
	put_closing(&window);
	pagetab_clear(fold->tables);
	next_window(fold, end_ns);
}

/* ---- sliding windows ---- */

struct remember {
	struct runs *runs;
	struct pagetab *sum;
	struct run open;
};

static void remember_run(struct remember *to, const struct run *run)
{
	if (!runs_put(to->runs, run))
		or_die(NULL);
	for (unsigned which = 0; which < PAGETAB_COUNTS; which++)
		add(to->sum, run->gfn, run->pages, which, run->count[which]);
}

static void remember_page(void *context, uint64_t gfn, const uint64_t count[PAGETAB_COUNTS])
{
	struct remember *to = context;
	struct run complete;

	if (run_join(&to->open, gfn, count, &complete))
		remember_run(to, &complete);
}

/* Moves the period's counts into a list and into the window's sum. */
static void remember(struct pagetab *period, struct runs *runs, struct pagetab *sum)
{
	struct remember to = { .runs = runs, .sum = sum };

	pagetab_drain(period, remember_page, &to);
	if (to.open.pages)
		remember_run(&to, &to.open);
	runs_trim(runs);
}

static void forget(struct runs *runs, struct pagetab *sum)
{
	struct run run = { 0 };

	for (size_t at = 0; runs_next(runs, &at, &run);)
		for (unsigned which = 0; which < PAGETAB_COUNTS; which++)
			if (run.count[which])
				pagetab_subtract(sum, run.gfn, run.pages, which, run.count[which]);
	runs_release(runs);
}

static void push_period(struct fold *fold, uint64_t end_ns)
{
	if (fold->periods == fold->periods_size) {
		fold->periods_size = 2 * fold->periods_size + 8;
		fold->period = or_die(reallocarray(fold->period, fold->periods_size, sizeof(*fold->period)));
	}
	struct period *period = &fold->period[fold->periods++];

	*period = (struct period){ .begin_ns = fold->begin_ns, .lost = fold->lost, .asked_ns = fold->asked_ns };
	remember(fold->pages, &period->pages, fold->sum_pages);
	remember(fold->tables, &period->tables, fold->sum_tables);
	next_window(fold, end_ns);
}

static void drop_oldest(struct fold *fold)
{
	forget(&fold->period[0].pages, fold->sum_pages);
	forget(&fold->period[0].tables, fold->sum_tables);
	fold->periods--;
	memmove(fold->period, fold->period + 1, fold->periods * sizeof(*fold->period));
}

static void close_sliding(struct fold *fold, const struct fold_rules *rules, uint64_t end_ns)
{
	struct window window = new_window(fold, rules, end_ns);

	window.begin_ns = fold->period[0].begin_ns;
	window.lost = window.asked_ns = 0;
	for (size_t i = 0; i < fold->periods; i++) {
		window.lost = num_add(window.lost, fold->period[i].lost);
		window.asked_ns = num_add(window.asked_ns, fold->period[i].asked_ns); /* unknown stays so */
	}
	window.tables = pagetab_pages(fold->sum_tables) ? fold->sum_tables : NULL;
	if (!pagetab_each(fold->sum_pages, visit_page, &window))
		or_die(NULL);
	put_closing(&window);
}

/* ---- events ---- */

static bool long_enough(const struct fold_rules *rules, uint64_t begin_ns, uint64_t end_ns, uint64_t asked_ns)
{
	/* Half a period less: a clock's jitter shall not add a whole one. */
	return num_add(end_ns - begin_ns, known_or(asked_ns, 0) / 2) >= rules->window_ns;
}

static void tick(struct fold *fold, const struct fold_rules *rules, uint64_t end_ns, uint64_t asked_ns)
{
	fold->asked_ns = num_add(fold->asked_ns, asked_ns); /* unknown stays so */
	if (!rules->sliding) {
		if (!long_enough(rules, fold->begin_ns, end_ns, asked_ns))
			return;
		close_window(fold, rules, end_ns);
	} else {
		push_period(fold, end_ns);
		while (fold->periods > 1 && long_enough(rules, fold->period[1].begin_ns, end_ns, asked_ns))
			drop_oldest(fold);
		if (!long_enough(rules, fold->period[0].begin_ns, end_ns, asked_ns))
			return;
		close_sliding(fold, rules, end_ns);
	}
	fold->closed_ns = end_ns;
	fold->touched = false;
}

static struct pagetab *new_tab(void)
{
	return or_die(pagetab_new());
}

static void begin(struct fold *fold, const struct fold_rules *rules, const struct rec_event *row)
{
	fold->vm = row->vm;
	fold->begun = true;
	fold->closed_ns = fold->last_ns = row->t_ns;
	fold->memory_pages = fold->actual_pages = fold->blind = UNKNOWN;
	next_window(fold, row->t_ns);
	fold->pages = new_tab();
	fold->tables = new_tab();
	if (rules->sliding) {
		fold->sum_pages = new_tab();
		fold->sum_tables = new_tab();
	}
}

void fold_release(struct fold *fold)
{
	for (size_t i = 0; i < fold->periods; i++) {
		runs_release(&fold->period[i].pages);
		runs_release(&fold->period[i].tables);
	}
	free(fold->period);
	pagetab_free(fold->pages);
	pagetab_free(fold->tables);
	pagetab_free(fold->sum_pages);
	pagetab_free(fold->sum_tables);
	*fold = (struct fold){ 0 };
}

void fold_end(struct fold *fold, const struct fold_rules *rules)
{
	bool open = fold->touched || fold->last_ns > fold->closed_ns;

	if (fold->begun && open && rules->partial) {
		fold->asked_ns = UNKNOWN; /* nobody knows how long the last period would have been */
		if (rules->sliding) {
			push_period(fold, fold->last_ns);
			while (fold->periods > 1 &&
			       long_enough(rules, fold->period[1].begin_ns, fold->last_ns, UNKNOWN))
				drop_oldest(fold);
			close_sliding(fold, rules, fold->last_ns);
		} else {
			close_window(fold, rules, fold->last_ns);
		}
	}
	fold_release(fold);
}

void fold_event(struct fold *fold, const struct fold_rules *rules, const struct rec_event *row)
{
	uint64_t pages = known_or(row->pages, 1);

	if (row->event == event_begin)
		fold_end(fold, rules);
	/* A stream that was cut starts in the middle; a tick at its head is the end of what is not here. */
	if (!fold->begun) {
		begin(fold, rules, row);
		if (row->event == event_tick)
			return;
	}
	fold->last_ns = row->t_ns;
	if (row->lost != UNKNOWN && row->lost) {
		fold->lost = num_add(fold->lost, row->lost);
		fold->touched = true;
	}
	switch (row->event) {
	case event_write:
		add(fold->pages, row->gfn, pages, WRITES, 1);
		fold->touched = true;
		break;
	case event_read:
		add(fold->pages, row->gfn, pages, READS, 1);
		fold->touched = true;
		break;
	case event_access:
		add(fold->pages, row->gfn, pages, OTHERS, 1);
		fold->touched = true;
		break;
	case event_table:
		if (!rules->keep_tables)
			add(fold->tables, row->gfn, pages, 0, 1);
		break;
	case event_size:
		fold->memory_pages = row->pages;
		fold->actual_pages = row->arg;
		break;
	case event_blind:
		fold->blind = row->arg;
		break;
	case event_tick:
		tick(fold, rules, row->t_ns, row->arg);
		break;
	case event_end:
		fold_end(fold, rules);
		break;
	default: /* of no interest to counts */
		break;
	}
}
