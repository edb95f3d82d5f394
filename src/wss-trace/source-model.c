/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source-model - a made-up VM that follows a schedule in virtual time: exact, deterministic, no root.
 *
 * Its frames: the guest kernel's own pages (noise) from 0, page tables behind them, the load from gfn 65536 on.
 */
#include "source.h"

#include "diag.h"
#include "num.h"
#include "opt.h"
#include "schedule.h"

#include <stdlib.h>

enum {
	LOAD_GFN = 65536,
	PAGES_PER_TABLE = 512,
	DEFAULT_MEMORY_PAGES = 512 * 1024, /* 2 GiB */
};

struct model {
	struct schedule schedule;
	struct schedule_cursor at;
	uint64_t noise_pages;  /* written by the guest's kernel in each period */
	uint64_t table_pages;  /* page tables of the load, written in each period */
	uint64_t memory_pages;
	bool writes_only;
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

static void model_open(struct target *target)
{
	static const char *const keys[] = { "noise", "tables", "memory", "see", NULL };
	struct model *model = or_die(calloc(1, sizeof(*model)));
	char error[SCHEDULE_ERROR_MAX];

	target_check_options(target, keys);
	if (!schedule_parse(&model->schedule, target->spec, error))
		opt_die("-s model:%s: %s", target->spec, error);
	model->noise_pages = pages_option(target, "noise", 0);
	if (yes_option(target, "tables", "yes", "no"))
		model->table_pages = (model->schedule.pages + PAGES_PER_TABLE - 1) / PAGES_PER_TABLE;
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

static uint64_t model_collect(struct target *target)
{
	struct model *model = target->state;
	uint64_t until_ns = target->t_ns;
	struct touch touch;

	while (schedule_next(&model->at, until_ns, &touch))
		if (touch.kind != TOUCH_ALLOC && touch.kind != TOUCH_FREE)
			emit_touch(target, model, &touch);
	target->t_ns = until_ns;
	if (model->noise_pages)
		emit(target, event_write, 0, model->noise_pages, UNKNOWN);
	if (model->table_pages) {
		emit(target, event_write, model->noise_pages, model->table_pages, UNKNOWN);
		emit(target, event_table, model->noise_pages, model->table_pages, UNKNOWN);
	}
	emit(target, event_size, UNKNOWN, model->memory_pages, model->memory_pages);
	return 0;
}

static void model_close(struct target *target)
{
	free(target->state);
}

const struct source source_model = {
	.name = "model",
	.spec_help = "SCHEDULE",
	.help = "a made-up VM in virtual time; ?noise=SIZE&tables=yes&memory=SIZE&see=writes",
	.virtual_time = true,
	.probe = model_probe,
	.open = model_open,
	.collect = model_collect,
	.close = model_close,
};
