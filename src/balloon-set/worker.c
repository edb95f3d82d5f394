/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "worker.h"

#include "clock.h"
#include "diag.h"
#include "vms.h"
#include "store.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { POLL_NS = 100 * NS_PER_MS, STEP_NS = NS_PER_S };

struct vm {
	const char *name;
	/* Under the lock. */
	uint64_t new_target_kib; /* handed in and not yet taken; UNKNOWN = none */
	/* The thread's own. */
	uint64_t target_kib;     /* that is worked on; UNKNOWN = none */
	char uuid[UUID_TEXT];    /* as seen first */
	struct sizes first;      /* as seen first */
	bool stored;             /* its original size is on disk */
	bool moving;             /* the guest was asked for want_kib and has not got there */
	uint64_t from_kib, want_kib;
	uint64_t seen_kib, progress_ns; /* where it was last on its way, and since when */
	uint64_t changed_s;      /* Unix time when it got to its last step, or we first heard of it: who knows what was before */
	uint64_t next_step_ns;
	enum result result;      /* of its last target */
	bool has_result;
};

struct worker {
	const struct worker_settings *set;
	struct rec_out *out;
	pthread_t thread;
	pthread_mutex_t lock;    /* vms, new targets, ending */
	pthread_cond_t news;
	struct vms vms;
	bool ending;
};

/*
 * The reading thread may exit(3) at any time, on bad input. From then on this thread must neither put half a row, as
 * what was put is sent then, nor be inside a library, as those take themselves down then. Held while it is at work;
 * recursive, as this thread may also be the one that exits, over a write error.
 */
static pthread_mutex_t at_work;

static void stop_work(void)
{
	pthread_mutex_lock(&at_work);
}

static void tell(const struct vm *vm, enum result result, const char *why)
{
	bool changed = result == result_stuck || result == result_lying;

	if (why[0] && !(vm->has_result && vm->result == result))
		warn("%s: %s%s", vm->name, changed ? "" : "not changed: ", why);
}

static void acknowledge(struct worker *w, struct vm *vm, const struct vm_view *view, enum result result)
{
	struct rec_ack ack = {
		.t_ns = clock_now_ns(),
		.vm = vm->name,
		.target_kib = vm->target_kib,
		.actual_kib = view->sizes.actual_kib,
		.result = (uint8_t)result,
	};

	tell(vm, result, view->why);
	vm->target_kib = UNKNOWN;
	vm->moving = false;
	vm->result = result;
	vm->has_result = true;
	rec_put(w->out, &ack);
	rec_flush(w->out);
}

/* Whether the name still belongs to the VM we know by it: seen in this run, or stored by one before. */
static bool is_same_vm(struct worker *w, struct vm *vm, struct vm_view *view)
{
	const char *place = w->set->actuator->place(w->set->state);

	if (!vm->uuid[0]) {
		if (store_has_other(vm->name, view->uuid, place)) {
			snprintf(view->why, WHY, "it is not the VM of this name that was changed before; "
				 "'--restore %.64s' gives that one its memory back and forgets it", vm->name);
			return false;
		}
		memcpy(vm->uuid, view->uuid, sizeof(vm->uuid));
		vm->first = view->sizes;
	}
	if (strcmp(vm->uuid, view->uuid) == 0)
		return true;
	snprintf(view->why, WHY, "it is no longer the VM that had this name; start again to follow it");
	return false;
}

static bool store_original(struct worker *w, struct vm *vm, struct vm_view *view)
{
	struct stored stored = { .original_kib = view->sizes.actual_kib };

	if (vm->stored)
		return true;
	memcpy(stored.uuid, view->uuid, sizeof(stored.uuid));
	snprintf(stored.name, sizeof(stored.name), "%s", vm->name);
	vm->stored = store_add(&stored, w->set->actuator->place(w->set->state), view->why);
	return vm->stored;
}

/* On its way to want_kib. True when it is there, and the next step may be thought about. */
static bool has_arrived(struct worker *w, struct vm *vm, struct vm_view *view)
{
	uint64_t actual_kib = view->sizes.actual_kib;

	if (has_followed(vm->from_kib, vm->want_kib, actual_kib)) {
		vm->moving = false;
		vm->changed_s = (uint64_t)time(NULL);
		if (!is_lying(&vm->first, &view->sizes))
			return true;
		snprintf(view->why, WHY, "its guest says it gave memory back, but the host still holds it");
		acknowledge(w, vm, view, result_lying);
		return false;
	}
	if (actual_kib != vm->seen_kib) {
		vm->seen_kib = actual_kib;
		vm->progress_ns = clock_now_ns();
	} else if (clock_now_ns() - vm->progress_ns > w->set->follow_ns) {
		/* Else the guest might follow at some later time, when nobody looks at what it can give. */
		w->set->actuator->set(w->set->state, vm->name, view, actual_kib);
		snprintf(view->why, WHY, "its guest does not follow");
		acknowledge(w, vm, view, result_stuck);
	}
	return false;
}

static void start_step(struct worker *w, struct vm *vm, struct vm_view *view, uint64_t goal_kib)
{
	enum result result = result_error;

	vm->from_kib = vm->seen_kib = view->sizes.actual_kib;
	vm->want_kib = decide_step(&w->set->rules, vm->from_kib, goal_kib);
	if (store_original(w, vm, view))
		result = w->set->actuator->set(w->set->state, vm->name, view, vm->want_kib);
	if (result != result_done) {
		acknowledge(w, vm, view, result);
		return;
	}
	vm->moving = true;
	vm->progress_ns = clock_now_ns();
	vm->next_step_ns = vm->progress_ns + STEP_NS;
}

static void say_no_usable(const struct worker *w, const struct vm *vm, struct vm_view *view)
{
	if (view->sizes.period_s == 0)
		w->set->actuator->say_unasked(w->set->state, vm->name, view->why);
	else if (view->sizes.reported_s == 0)
		snprintf(view->why, WHY, "its guest has not said yet what it can give");
	else
		snprintf(view->why, WHY, "its guest has not said lately what it can give");
}

/* Thinks about the next change of a VM that stands still. */
static void next_step(struct worker *w, struct vm *vm, struct vm_view *view)
{
	enum usable usable = judge_usable(&view->sizes, (uint64_t)time(NULL), vm->changed_s);
	struct decision decision = decide(&w->set->rules, &view->sizes, usable, vm->target_kib);

	if (usable == USABLE_WAIT && vm->target_kib < view->sizes.actual_kib && vm->target_kib != 0)
		return;
	if (decision.result == result_no_usable)
		say_no_usable(w, vm, view);
	if (decision.goal_kib == view->sizes.actual_kib)
		acknowledge(w, vm, view, decision.result);
	else if (!w->set->apply)
		acknowledge(w, vm, view, decision.result == result_done ? result_dry_run : decision.result);
	else if (clock_now_ns() >= vm->next_step_ns)
		start_step(w, vm, view, decision.goal_kib);
}

/* Whether a newer target takes back what the guest is still asked for. */
static bool turns_round(const struct vm *vm)
{
	return vm->want_kib < vm->from_kib ? vm->target_kib > vm->want_kib : vm->target_kib < vm->want_kib;
}

static void work_on(struct worker *w, struct vm *vm)
{
	struct vm_view view;

	if (vm->moving && turns_round(vm)) {
		vm->moving = false;
		vm->changed_s = (uint64_t)time(NULL);
	}
	enum result result = w->set->actuator->look(w->set->state, vm->name, &view);

	if (result != result_done)
		acknowledge(w, vm, &view, result);
	else if (!is_same_vm(w, vm, &view))
		acknowledge(w, vm, &view, result_other_vm);
	else if (w->set->stop_file && access(w->set->stop_file, F_OK) == 0)
		acknowledge(w, vm, &view, result_stopped);
	else if (!vm->moving || has_arrived(w, vm, &view))
		next_step(w, vm, &view);
}

/* Takes in new targets. Waits for some when nothing is under way; false when there will be none. */
static bool take_targets(struct worker *w, bool *busy)
{
	bool go_on = true;

	pthread_mutex_lock(&w->lock);
	while (true) {
		for (size_t i = 0; i < w->vms.n; i++) {
			struct vm *vm = w->vms.state[i];

			if (vm->new_target_kib != UNKNOWN)
				vm->target_kib = vm->new_target_kib;
			vm->new_target_kib = UNKNOWN;
			*busy = *busy || vm->target_kib != UNKNOWN;
		}
		go_on = *busy || !w->ending;
		if (*busy || !go_on)
			break;
		pthread_cond_wait(&w->news, &w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return go_on;
}

static struct vm *vm_at(struct worker *w, size_t i)
{
	struct vm *vm = NULL;

	pthread_mutex_lock(&w->lock);
	if (i < w->vms.n)
		vm = w->vms.state[i];
	pthread_mutex_unlock(&w->lock);
	return vm;
}

/* A short rest between two looks at guests that are on their way; news ends it. */
static void rest(struct worker *w)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += POLL_NS;
	until.tv_sec += until.tv_nsec / NS_PER_S;
	until.tv_nsec %= NS_PER_S;
	pthread_mutex_lock(&w->lock);
	pthread_cond_timedwait(&w->news, &w->lock, &until);
	pthread_mutex_unlock(&w->lock);
}

static void *work(void *context)
{
	struct worker *w = context;
	bool busy = false;
	struct vm *vm;

	while (take_targets(w, &busy)) {
		busy = false;
		for (size_t i = 0; (vm = vm_at(w, i)); i++) {
			pthread_mutex_lock(&at_work);
			if (vm->target_kib != UNKNOWN)
				work_on(w, vm);
			pthread_mutex_unlock(&at_work);
			busy = busy || vm->target_kib != UNKNOWN;
		}
		if (busy)
			rest(w);
	}
	return NULL;
}

struct worker *worker_start(const struct worker_settings *settings)
{
	struct worker *w = or_die(calloc(1, sizeof(*w)));
	pthread_mutexattr_t recursive;
	pthread_condattr_t monotonic;
	sigset_t all, before;

	w->set = settings;
	w->vms.state_size = sizeof(struct vm);
	w->out = rec_create(REC_ack);
	clock_now_ns(); /* its start is fixed before there are threads */
	pthread_mutexattr_init(&recursive);
	pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&at_work, &recursive);
	atexit(stop_work); /* after rec_create(): runs before what finishes the output */
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&w->news, &monotonic);
	pthread_mutex_init(&w->lock, NULL);
	sigfillset(&all); /* signals are for the thread that waits for input */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&w->thread, NULL, work, w) != 0)
		die(EX_OSERR, "cannot start a thread");
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return w;
}

static struct vm *get_vm(struct worker *w, const char *name)
{
	bool is_new;
	struct vm *vm = vms_get(&w->vms, name, &is_new);

	if (is_new)
		*vm = (struct vm){ .name = name,
				   .new_target_kib = UNKNOWN,
				   .target_kib = UNKNOWN,
				   .changed_s = (uint64_t)time(NULL) };
	return vm;
}

void worker_target(struct worker *w, const char *vm, uint64_t target_kib)
{
	pthread_mutex_lock(&w->lock);
	get_vm(w, vm)->new_target_kib = target_kib;
	pthread_cond_signal(&w->news);
	pthread_mutex_unlock(&w->lock);
}

bool worker_finish(struct worker *w)
{
	bool all_followed = true;

	pthread_mutex_lock(&w->lock);
	w->ending = true;
	pthread_cond_signal(&w->news);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	for (size_t i = 0; i < w->vms.n; i++) {
		const struct vm *vm = w->vms.state[i];

		if (vm->result == result_stuck || vm->result == result_lying)
			all_followed = false;
	}
	rec_close(w->out);
	return all_followed;
}

bool worker_is_done(struct worker *w, const char *name)
{
	const struct vm *vm = get_vm(w, name);

	return vm->has_result && vm->result == result_done;
}

void worker_free(struct worker *w)
{
	vms_release(&w->vms);
	free(w);
}
