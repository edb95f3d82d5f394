/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source-model - a made-up VM that follows a schedule in virtual time: exact, deterministic, no root.
 *
 * Its frames: the guest kernel's own pages (noise) from 0, page tables behind them, the load from gfn 65536 on.
 *
 * With --simulate-pml its accesses go through a processor's translations (tlb.h) and a page-modification log (pml.h), and
 * the stream is what comes out of that log.
 */
#include "source.h"

#include "diag.h"
#include "num.h"
#include "opt.h"
#include "model/pml.h"
#include "schedule.h"
#include "model/tlb.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
	LOAD_GFN = 65536,
	PAGES_PER_TABLE = 512,
	DEFAULT_MEMORY_PAGES = 512 * 1024, /* 2 GiB */
	/* What EuroDW'19 measured for Xen's handler of a full log. */
	DEFAULT_HANDLER_NS = 257000,
	HANDLER_NS_MAX = 1000000000,
};

/* A processor whose accesses are logged; with --simulate-pml. */
struct logger {
	struct target *target;
	struct tlb *tlb;
	struct pml *pml;
	struct pml_rules rules;
	bool tables;           /* walks through the guest's page tables are logged, too */
	uint64_t table_gfn;
	uint64_t lost;         /* until the last tick */
};

struct model {
	struct schedule schedule;
	struct schedule_cursor at;
	uint64_t noise_pages;  /* written by the guest's kernel in each period */
	uint64_t table_pages;  /* page tables of the load, written in each period */
	uint64_t memory_pages;
	bool writes_only;
	struct logger *logger;
};

static uint64_t pages_option(const struct target *target, const char *key, uint64_t otherwise)
{
	const char *text = target_option(target, key);

	return text ? opt_number(key, text, OPT_KIB, 0, (UINT64_C(1) << GFN_BITS) * KIB_PER_PAGE) / KIB_PER_PAGE : otherwise;
}

static bool yes_option(const struct target *target, const char *key, const char *yes, const char *no)
{
	const char *text = target_option(target, key);

	if (text && strcmp(text, yes) != 0 && strcmp(text, no) != 0)
		opt_die("%s: '%s' is neither '%s' nor '%s'", key, text, yes, no);
	return text && strcmp(text, yes) == 0;
}

static uint64_t number_option(const struct target *target, const char *key, uint64_t min, uint64_t max, uint64_t otherwise)
{
	const char *text = target_option(target, key);

	return text ? opt_number(key, text, OPT_U64, min, max) : otherwise;
}

/* The place of the option's value in `names`, which ends with NULL; 0 when it is not given. */
static size_t choice_option(const struct target *target, const char *key, const char *const *names)
{
	const char *text = target_option(target, key);
	size_t i = 0;

	while (text && names[i] && strcmp(text, names[i]) != 0)
		i++;
	if (!names[i])
		opt_die("-s model: bad %s '%s'; one of %s, %s%s%s", key, text, names[0], names[1], names[2] ? ", " : "",
			names[2] ? names[2] : "");
	return i;
}

static void model_probe(const struct target *target, struct probe *probe)
{
	struct schedule schedule;
	char error[SCHEDULE_ERROR_MAX];

	snprintf(probe->name, sizeof(probe->name), "model");
	snprintf(probe->how, sizeof(probe->how), "a schedule, in virtual time");
	snprintf(probe->intrusive, sizeof(probe->intrusive), "touches nothing");
	if (target->spec && !schedule_parse(&schedule, target->spec, error)) {
		snprintf(probe->cannot, sizeof(probe->cannot), "%s", error);
		probe->cannot_code = EX_USAGE;
	}
}

/* ---- through a page-modification log ---- */

/* Neighbours that were logged one behind the other are one row. */
static void emit_log(void *context, uint64_t t_ns, const uint64_t *gfn, size_t n, bool full, bool stopped)
{
	const struct logger *logger = context;
	struct rec_event row = {
		.t_ns = t_ns, .vm = logger->target->name, .vcpu = 0, .gfn = UNKNOWN, .arg = UNKNOWN, .lost = UNKNOWN,
	};

	row.event = logger->rules.log == PML_WALK ? event_access : event_write;
	for (size_t i = 0; i < n; i += row.pages) {
		row.gfn = gfn[i];
		row.pages = 1;
		while (i + row.pages < n && gfn[i + row.pages] == row.gfn + row.pages)
			row.pages++;
		emit_row(&row);
	}
	if (!full)
		return;
	row.event = event_full;
	row.gfn = UNKNOWN;
	row.pages = n;
	row.arg = stopped;
	emit_row(&row);
}

static void logger_access(struct logger *logger, uint64_t t_ns, uint64_t page, bool write)
{
	uint64_t table[TABLE_LEVELS];
	int n = tlb_access(logger->tlb, page, write, table);

	if (n == TLB_HIT)
		return;
	for (int i = 0; i < n && logger->tables; i++) /* the processor's reading of tables counts as writing */
		if (!pml_access(logger->pml, t_ns, logger->table_gfn + table[i], true))
			or_die(NULL);
	if (!pml_access(logger->pml, t_ns, LOAD_GFN + page, write))
		or_die(NULL);
}

static void log_touch(struct logger *logger, const struct phase *phase, const struct touch *touch)
{
	for (uint64_t i = 0; i < touch->pages; i++) {
		uint64_t t_ns = touch->t_ns + num_scale(i, phase->rate_ns, phase->rate_accesses);

		if (touch->kind != TOUCH_WRITE)
			logger_access(logger, t_ns, touch->page + i, false);
		if (touch->kind != TOUCH_READ)
			logger_access(logger, t_ns, touch->page + i, true);
	}
}

/* The end of a period: what the guest's kernel writes, what is left in the log. Returns what was lost in it. */
static uint64_t log_end(struct logger *logger, uint64_t t_ns, uint64_t noise_pages)
{
	uint64_t lost;

	for (uint64_t gfn = 0; gfn < noise_pages; gfn++)
		if (!pml_access(logger->pml, t_ns, gfn, true))
			or_die(NULL);
	pml_flush(logger->pml, t_ns);
	if (logger->rules.log == PML_DIRTY) {
		pml_clear_dirty(logger->pml);
		tlb_flush(logger->tlb);
	}
	lost = pml_counts(logger->pml).lost - logger->lost;
	logger->lost += lost;
	return lost;
}

static struct logger *logger_new(struct target *target, const struct model *model)
{
	static const char *const logs[] = { "dirty", "walk", NULL }, *const fulls[] = { "exit", "interrupt", "switch", NULL };
	struct logger *logger = or_die(calloc(1, sizeof(*logger)));
	const char *handler = target_option(target, "handler");
	uint64_t translations = number_option(target, "tlb", TLB_WAYS, TLB_ENTRIES_MAX, TLB_ENTRIES);

	if (translations % TLB_WAYS)
		opt_die("tlb: %" PRIu64 " is not a multiple of %d", translations, TLB_WAYS);
	logger->target = target;
	logger->rules = (struct pml_rules){
		.log = choice_option(target, "log", logs) ? PML_WALK : PML_DIRTY,
		.full = (enum pml_full)choice_option(target, "full", fulls),
		.entries = number_option(target, "entries", 2, PML_ENTRIES_MAX, PML_ENTRIES),
		.handler_ns = handler ? opt_number("handler", handler, OPT_NS, 0, HANDLER_NS_MAX) : DEFAULT_HANDLER_NS,
	};
	logger->tables = model->table_pages && !yes_option(target, "filter", "yes", "no");
	logger->table_gfn = model->noise_pages;
	logger->tlb = or_die(tlb_new(translations, model->schedule.pages));
	logger->pml = or_die(pml_new(&logger->rules, emit_log, logger));
	return logger;
}

static void logger_free(struct logger *logger)
{
	struct pml_counts counts = pml_counts(logger->pml);

	note("%s: %" PRIu64 " entries logged, %" PRIu64 " times full, %" PRIu64 " exits, %" PRIu64 " lost", logger->target->name,
	     counts.logged, counts.full, counts.exits, counts.lost);
	pml_free(logger->pml);
	tlb_free(logger->tlb);
	free(logger);
}

/* ---- the source ---- */

static void check_options(const struct target *target)
{
	static const char *const keys[] = { "noise", "tables", "memory", "see", NULL };
	static const char *const pml_keys[] = {
		"noise", "tables", "memory", "entries", "log", "full", "handler", "tlb", "filter", NULL,
	};

	for (size_t i = 3; pml_keys[i] && !simulate_pml; i++)
		if (target_option(target, pml_keys[i]))
			opt_die("-s model: '%s' is an option of --simulate-pml", pml_keys[i]);
	if (simulate_pml && target_option(target, "see"))
		opt_die("-s model: what --simulate-pml sees depends on the log: see log=, not see=");
	target_check_options(target, simulate_pml ? pml_keys : keys);
}

static uint64_t pages_of_tables(uint64_t pages)
{
	return simulate_pml ? tlb_tables(pages) : (pages + PAGES_PER_TABLE - 1) / PAGES_PER_TABLE;
}

static void model_open(struct target *target)
{
	struct model *model = or_die(calloc(1, sizeof(*model)));
	char error[SCHEDULE_ERROR_MAX];

	check_options(target);
	if (!schedule_parse(&model->schedule, target->spec, error))
		opt_die("-s model:%s: %s", target->spec, error);
	model->noise_pages = pages_option(target, "noise", 0);
	if (yes_option(target, "tables", "yes", "no"))
		model->table_pages = pages_of_tables(model->schedule.pages);
	model->writes_only = yes_option(target, "see", "writes", "all");
	if (model->noise_pages + model->table_pages > LOAD_GFN)
		opt_die("-s model: noise and page tables do not fit into 256MiB");
	model->memory_pages = pages_option(target, "memory", DEFAULT_MEMORY_PAGES);
	if (model->memory_pages < LOAD_GFN + model->schedule.pages) {
		if (target_option(target, "memory"))
			opt_die("-s model: memory does not hold the schedule and the 256MiB below it");
		model->memory_pages = LOAD_GFN + model->schedule.pages;
	}
	schedule_begin(&model->at, &model->schedule, load_seed);
	if (simulate_pml) {
		model->logger = logger_new(target, model);
		model->writes_only = model->logger->rules.log == PML_DIRTY;
	}
	target->state = model;
	target_name(target, "model");
	emit(target, event_begin, UNKNOWN, UNKNOWN, UNKNOWN);
	emit(target, event_blind, UNKNOWN, UNKNOWN, model->writes_only ? BLIND_READS : 0);
}

static void emit_touch(struct target *target, const struct model *model, const struct touch *touch)
{
	uint64_t gfn = LOAD_GFN + touch->page;

	target->t_ns = touch->t_ns;
	if (touch->kind != TOUCH_WRITE && !model->writes_only)
		emit(target, event_read, gfn, touch->pages, UNKNOWN);
	if (touch->kind != TOUCH_READ)
		emit(target, event_write, gfn, touch->pages, UNKNOWN);
}

/* The end of a period, when everything is seen as it happens. */
static void emit_end(struct target *target, const struct model *model)
{
	if (model->noise_pages)
		emit(target, event_write, 0, model->noise_pages, UNKNOWN);
	if (model->table_pages)
		emit(target, event_write, model->noise_pages, model->table_pages, UNKNOWN);
}

static uint64_t model_collect(struct target *target)
{
	struct model *model = target->state;
	uint64_t until_ns = target->t_ns, lost = 0;
	struct touch touch;

	while (schedule_next(&model->at, until_ns, &touch)) {
		if (touch.kind == TOUCH_ALLOC || touch.kind == TOUCH_FREE)
			continue;
		if (model->logger)
			log_touch(model->logger, &model->schedule.phase[model->at.phase], &touch);
		else
			emit_touch(target, model, &touch);
	}
	target->t_ns = until_ns;
	if (model->logger)
		lost = log_end(model->logger, until_ns, model->noise_pages);
	else
		emit_end(target, model);
	if (model->table_pages && (!model->logger || model->logger->tables))
		emit(target, event_table, model->noise_pages, model->table_pages, UNKNOWN);
	emit(target, event_size, UNKNOWN, model->memory_pages, model->memory_pages);
	return lost;
}

static void model_close(struct target *target)
{
	struct model *model = target->state;

	if (model->logger)
		logger_free(model->logger);
	free(model);
}

const struct source source_model = {
	.name = "model",
	.spec_help = "SCHEDULE",
	.help = "a made-up VM in virtual time; ?noise=SIZE&tables=yes&memory=SIZE&see=writes",
	.virtual_time = true,
	.simulates_pml = true,
	.probe = model_probe,
	.open = model_open,
	.collect = model_collect,
	.close = model_close,
};
