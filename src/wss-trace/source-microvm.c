/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source-microvm - a tiny guest of our own that follows a schedule in real time, and KVM's dirty log of it.
 *
 * A thread runs the guest, about each millisecond up to the time of day. It never runs past the end of the period that
 * is being traced: collect() waits until it has come there, reads the log while the guest stands still, and lets it go
 * on. So a window holds the touches of its stretch of the schedule and no others, however late the tick is.
 */
#include "kvm/microvm.h"
#include "source.h"

#include "clock.h"
#include "diag.h"
#include "num.h"
#include "opt.h"
#include "progress.h"
#include "schedule.h"
#include "tool.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	STEP_NS = NS_PER_MS,          /* the guest is let in so often */
	STEP_MAX_NS = 10 * NS_PER_MS, /* of the schedule in one go, when it is behind: then it looks whether to stop */
	WARM_PAGES = 16384,
	FAULT_COST_NS = 3000,         /* of a first write, measured: wss-trace(1), OVERHEAD */
};

struct load {
	struct schedule schedule;
	uint64_t pages; /* of the guest */
	enum microvm_log log;
};

struct guest {
	struct load load;
	struct schedule_cursor cursor;
	struct microvm *vm;
	pthread_t thread;
	bool has_thread;

	/* Between collect() and the thread. Times are of the schedule, from 0. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t origin_ns;  /* clock_now_ns() at time 0 */
	uint64_t limit_ns;   /* the guest runs up to here */
	uint64_t done_ns;    /* it has run up to here */
	bool stop;
	bool failed;
	struct microvm_fault fault;

	bool told_late;
};

/* ---- what was asked for ---- */

static bool choose_log(const char *text, enum microvm_log *log)
{
	static const char *const name[] = {
		[MICROVM_LOG_GET] = "get", [MICROVM_LOG_CLEAR] = "clear", [MICROVM_LOG_RING] = "ring",
	};

	for (size_t i = MICROVM_LOG_GET; i < sizeof(name) / sizeof(name[0]); i++)
		if (strcmp(text, name[i]) == 0) {
			*log = (enum microvm_log)i;
			return true;
		}
	return false;
}

/* The spec and the options. `log` is what this KVM does best. Dies with EX_USAGE. */
static void parse_load(const struct target *target, enum microvm_log log, struct load *load)
{
	static const char *const keys[] = { "memory", "log", NULL };
	const char *memory = target_option(target, "memory");
	const char *log_name = target_option(target, "log");
	char error[SCHEDULE_ERROR_MAX];

	target_check_options(target, keys);
	if (!schedule_parse(&load->schedule, target->spec, error))
		opt_die("-s microvm: %s", error);
	load->pages = load->schedule.pages ? load->schedule.pages : 1; /* an idle guest has some memory too */
	if (memory)
		load->pages = opt_number("-s microvm: memory", memory, OPT_KIB, KIB_PER_PAGE,
					 (uint64_t)MICROVM_PAGES_MAX * KIB_PER_PAGE) / KIB_PER_PAGE;
	if (load->schedule.pages > MICROVM_PAGES_MAX)
		opt_die("-s microvm: the schedule has %" PRIu64 " pages; at most %d (64GiB) are possible", load->schedule.pages,
			MICROVM_PAGES_MAX);
	if (load->pages < load->schedule.pages)
		opt_die("-s microvm: memory has %" PRIu64 " pages, the schedule needs %" PRIu64, load->pages, load->schedule.pages);
	load->log = log;
	if (log_name && !choose_log(log_name, &load->log))
		opt_die("-s microvm: bad log '%s'; one of get, clear, ring", log_name);
	free((char *)(uintptr_t)memory);
	free((char *)(uintptr_t)log_name);
}

static bool touches(const struct phase *phase)
{
	return phase->kind == TOUCH_READ || phase->kind == TOUCH_WRITE || phase->kind == TOUCH_READ_WRITE;
}

/* ---- probe ---- */

static bool processor_logs(void)
{
	FILE *file = fopen("/sys/module/kvm_intel/parameters/pml", "re");
	bool yes = file && fgetc(file) == 'Y';

	if (file)
		fclose(file);
	return yes;
}

static void microvm_probe(const struct target *target, struct probe *probe)
{
	static const char *const how[] = {
		[MICROVM_LOG_GET] = "KVM_GET_DIRTY_LOG", [MICROVM_LOG_CLEAR] = "KVM_GET_DIRTY_LOG and KVM_CLEAR_DIRTY_LOG",
		[MICROVM_LOG_RING] = "the dirty ring",
	};
	struct load load = { .log = MICROVM_LOG_GET };
	struct microvm_fault fault;
	enum microvm_log best = MICROVM_LOG_GET;
	bool has_ring = false;
	bool usable = microvm_usable(&best, &has_ring, &fault);

	load.log = best;
	if (target->spec) {
		parse_load(target, best, &load);
		probe->memory_pages = load.pages;
	}
	snprintf(probe->name, sizeof(probe->name), "microvm");
	snprintf(probe->how, sizeof(probe->how), "a guest of our own on /dev/kvm; %s, %s%s", how[load.log],
		 processor_logs() ? "written pages logged by the processor (PML)" : "written pages found by write faults",
		 has_ring && load.log != MICROVM_LOG_RING ? "; log=ring is possible too" : "");
	snprintf(probe->intrusive, sizeof(probe->intrusive), "touches nothing but its own guest");
	probe->blind = BLIND_READS | BLIND_ORDER;
	probe->cost_ns = processor_logs() ? 0 : FAULT_COST_NS;
	if (!usable) {
		snprintf(probe->cannot, sizeof(probe->cannot), "%s", fault.text);
		probe->cannot_code = fault.code;
	} else if (load.log == MICROVM_LOG_RING && !has_ring) {
		snprintf(probe->cannot, sizeof(probe->cannot), "this KVM has no KVM_CAP_DIRTY_LOG_RING; use log=get");
		probe->cannot_code = EX_UNAVAILABLE;
	}
}

/* ---- the guest's thread ---- */

/* The touches of the schedule before until_ns. */
static bool follow(struct guest *guest, uint64_t until_ns)
{
	struct touch touch;

	while (schedule_next(&guest->cursor, until_ns, &touch))
		if (touch.kind <= TOUCH_READ_WRITE && !microvm_touch(guest->vm, touch.page, touch.pages, touch.kind & TOUCH_READ,
								      touch.kind & TOUCH_WRITE, &guest->fault))
			return false;
	return microvm_run(guest->vm, &guest->fault);
}

/* With the lock held: waits until something changes, or for so long. */
static void wait_for(struct guest *guest, uint64_t ns)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	ns = num_add(ns, (uint64_t)at.tv_nsec);
	at.tv_sec += (time_t)(ns / NS_PER_S);
	at.tv_nsec = (long)(ns % NS_PER_S);
	pthread_cond_timedwait(&guest->changed, &guest->lock, &at);
}

/* When the guest is to be let in next: there is something to do for it, but not for each touch alone. */
static uint64_t next_step_ns(const struct guest *guest)
{
	uint64_t touch_ns = schedule_next_ns(&guest->cursor);
	uint64_t step_ns = guest->done_ns + STEP_NS;

	step_ns = touch_ns > step_ns ? touch_ns : step_ns;
	return step_ns < guest->limit_ns ? step_ns : guest->limit_ns;
}

static void *run_guest(void *context)
{
	struct guest *guest = context;

	pthread_mutex_lock(&guest->lock);
	while (!guest->stop && !guest->failed) {
		uint64_t clock_ns = clock_now_ns();
		uint64_t now_ns = clock_ns > guest->origin_ns ? clock_ns - guest->origin_ns : 0;
		uint64_t step_ns = next_step_ns(guest);
		uint64_t goal_ns = now_ns < guest->limit_ns ? now_ns : guest->limit_ns;

		if (guest->done_ns == guest->limit_ns) {
			pthread_cond_wait(&guest->changed, &guest->lock);
			continue;
		}
		if (now_ns < step_ns) {
			wait_for(guest, step_ns - now_ns);
			continue;
		}
		if (goal_ns > guest->done_ns + STEP_MAX_NS && goal_ns > step_ns)
			goal_ns = guest->done_ns + STEP_MAX_NS > step_ns ? guest->done_ns + STEP_MAX_NS : step_ns;
		pthread_mutex_unlock(&guest->lock);
		bool ok = follow(guest, goal_ns);

		pthread_mutex_lock(&guest->lock);
		guest->failed = !ok;
		guest->done_ns = goal_ns;
		pthread_cond_broadcast(&guest->changed);
	}
	pthread_mutex_unlock(&guest->lock);
	return NULL;
}

/* Signals are for the main thread. */
static void start_thread(struct guest *guest)
{
	sigset_t all, old;
	pthread_condattr_t monotonic;

	pthread_mutex_init(&guest->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&guest->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int error = pthread_create(&guest->thread, NULL, run_guest, guest);

	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (error)
		die(EX_OSERR, "microvm: no thread for the guest: %s", strerror(error));
	guest->has_thread = true;
}

/* ---- open, collect, close ---- */

_Noreturn static void die_of(const struct microvm_fault *fault)
{
	die(fault->code, "microvm: %s", fault->text);
}

static void ignore_run(void *context, uint64_t page, uint64_t pages)
{
	(void)context;
	(void)page;
	(void)pages;
}

/*
 * KVM maps a page that the host holds for writing at its first use, and then reports it, be it only read. So each page of
 * the schedule is written once and that log is thrown away: from then on all of them are there, protected, and reads
 * report nothing; and no window pays for memory that the host has to find first.
 */
static void warm_up(struct guest *guest)
{
	const struct schedule *schedule = &guest->load.schedule;

	for (size_t i = 0; i < schedule->phases; i++) {
		const struct phase *phase = &schedule->phase[i];

		if (!touches(phase))
			continue;
		if (!microvm_use(guest->vm, phase->first_page, phase->pages, &guest->fault))
			die_of(&guest->fault);
		for (uint64_t done = 0; done < phase->pages && !tool_stop; done += WARM_PAGES) {
			uint64_t n = phase->pages - done < WARM_PAGES ? phase->pages - done : WARM_PAGES;

			if (!microvm_touch(guest->vm, phase->first_page + done, n, false, true, &guest->fault))
				die_of(&guest->fault);
			progress("warming up: %" PRIu64 " of %" PRIu64 " pages", done, phase->pages);
		}
	}
	if (!microvm_run(guest->vm, &guest->fault) || !microvm_written(guest->vm, ignore_run, NULL, &guest->fault))
		die_of(&guest->fault);
}

static void microvm_open(struct target *target)
{
	struct guest *guest = or_die(calloc(1, sizeof(*guest)));
	enum microvm_log best;
	bool has_ring;

	target->state = guest;
	if (!microvm_usable(&best, &has_ring, &guest->fault))
		die_of(&guest->fault);
	parse_load(target, best, &guest->load);
	target_name(target, "microvm");
	guest->vm = microvm_new(guest->load.pages, guest->load.log, &guest->fault);
	if (!guest->vm)
		die_of(&guest->fault);
	warm_up(guest);
	schedule_begin(&guest->cursor, &guest->load.schedule, load_seed);
	target->t_ns = guest->origin_ns = clock_now_ns();
	guest->limit_ns = target->due_ns;
	emit(target, event_begin, UNKNOWN, UNKNOWN, UNKNOWN);
	emit(target, event_blind, UNKNOWN, UNKNOWN, BLIND_READS | BLIND_ORDER);
	start_thread(guest);
}

static void emit_written(void *context, uint64_t page, uint64_t pages)
{
	emit(context, event_write, MICROVM_FIRST_GFN + page, pages, UNKNOWN);
}

static void tell_late(struct guest *guest, uint64_t late_ns)
{
	char text[NUM_MAX];

	if (!guest->told_late)
		warn("microvm: the guest came to the end of its period %s late; give it fewer pages a second",
		     num_text_ns(text, late_ns / NS_PER_MS * NS_PER_MS));
	guest->told_late = true;
}

static uint64_t microvm_collect(struct target *target)
{
	struct guest *guest = target->state;
	uint64_t asked_ns = target->t_ns;

	pthread_mutex_lock(&guest->lock);
	guest->origin_ns = target->t_ns - target->due_ns; /* the end of a period is its tick */
	guest->limit_ns = target->due_ns;
	pthread_cond_broadcast(&guest->changed);
	while (guest->done_ns < guest->limit_ns && !guest->failed)
		pthread_cond_wait(&guest->changed, &guest->lock);
	pthread_mutex_unlock(&guest->lock);
	if (guest->failed)
		die_of(&guest->fault);

	/* The guest stands still: the thread waits for a new limit. */
	target->t_ns = clock_now_ns();
	if (target->t_ns - asked_ns > target->period_ns)
		tell_late(guest, target->t_ns - asked_ns);
	if (!microvm_written(guest->vm, emit_written, target, &guest->fault))
		die_of(&guest->fault);
	emit(target, event_size, UNKNOWN, guest->load.pages, guest->load.pages);

	pthread_mutex_lock(&guest->lock);
	guest->limit_ns = target->due_ns + target->period_ns;
	pthread_cond_broadcast(&guest->changed);
	pthread_mutex_unlock(&guest->lock);
	return 0;
}

static void microvm_close(struct target *target)
{
	struct guest *guest = target->state;

	if (guest->has_thread) {
		pthread_mutex_lock(&guest->lock);
		guest->stop = true;
		pthread_cond_broadcast(&guest->changed);
		pthread_mutex_unlock(&guest->lock);
		pthread_join(guest->thread, NULL);
		pthread_cond_destroy(&guest->changed);
		pthread_mutex_destroy(&guest->lock);
	}
	if (guest->vm)
		microvm_free(guest->vm);
	free(guest);
}

const struct source source_microvm = {
	.name = "microvm",
	.spec_help = "SCHEDULE",
	.help = "a tiny guest on /dev/kvm that follows a schedule; KVM's dirty log",
	.probe = microvm_probe,
	.open = microvm_open,
	.collect = microvm_collect,
	.close = microvm_close,
};
