/* SPDX-License-Identifier: GPL-2.0-or-later */
/* balloon-set - give each VM the memory its newest target says, as far as that is safe. */
#include "clock.h"
#include "diag.h"
#include "opt.h"
#include "record.h"
#include "tool.h"
#include "store.h"
#include "worker.h"

#include <string.h>

static struct {
	struct worker_settings worker;
	const char *actuator, *connect, *state;
	bool restore;
} cfg = {
	.worker = {
		.rules = { .reserve_kib = 64 << 10, .step_kib = 128 << 10 },
		.follow_ns = 10ULL * NS_PER_S,
	},
	.actuator = "libvirt",
};

static const struct opt opts[] = {
	{ 0, "apply", NULL, "change VMs; else only acknowledge what would be done", OPT_FLAG,
	  &cfg.worker.apply, 0, 0 },
	{ 0, "restore", NULL, "give DOMAINs, or all, the memory they had before the first change", OPT_FLAG,
	  &cfg.restore, 0, 0 },
	{ 'c', "connect", "URI", "the hypervisor, for libvirt [its usual one]", OPT_TEXT, &cfg.connect, 0, 0 },
	{ 'r', "reserve", "SIZE", "left to a guest on top of what it says it cannot give", OPT_KIB,
	  &cfg.worker.rules.reserve_kib, 0, 0 },
	{ 0, "trust-lower-bound", NULL, "shrink although the guest does not say what it can give", OPT_FLAG,
	  &cfg.worker.rules.trust_lower_bound, 0, 0 },
	{ 0, "follow", "TIME", "a guest that has not moved for so long does not follow", OPT_NS, &cfg.worker.follow_ns,
	  NS_PER_MS, 0 },
	{ 0, "stop-file", "PATH", "change nothing while PATH exists", OPT_TEXT, &cfg.worker.stop_file, 0, 0 },
	{ 0, "state", "DIR", "where the original sizes are kept [/var/lib/wss-tools/balloon]", OPT_TEXT,
	  &cfg.state, 0, 0 },
	{ 'a', "actuator", "NAME", "how VMs are changed: libvirt, xen [libvirt]", OPT_TEXT, &cfg.actuator, 0, 0 },
	{ 0 },
};

static const struct usage usage = {
	"[OPTION]... [FILE...] | --restore [OPTION]... [DOMAIN...]",
	"Reads target records, sets the memory of the VMs, writes ack records. Without --apply nothing is changed.",
	opts,
	"  wss-trace -s libvirt:all -p 1s | wss-count | wss-estimate | balloon-tune | balloon-set --apply -P\n"
	"  balloon-set --restore\n",
};

static const struct actuator *find_actuator(const char *name)
{
	char names[256] = "";
	size_t n = 0;

	for (size_t i = 0; actuators[i]; i++) {
		if (strcmp(actuators[i]->name, name) == 0)
			return actuators[i];
		n += (size_t)snprintf(names + n, sizeof(names) - n, " %s", actuators[i]->name);
	}
	opt_die("--actuator: no actuator '%s'; there is:%s", name, names);
}

static void follow_targets(struct rec_in *in, struct worker *worker)
{
	struct rec_target target;

	while (rec_next(in, &target))
		if (target.target_kib != UNKNOWN)
			worker_target(worker, target.vm, target.target_kib);
}

/* ---- --restore ---- */

struct restore {
	char **names; /* asked for; none = all */
	int n;
	bool *found;
	struct worker *worker;
	bool unreachable;
};

static bool is_asked_for(struct restore *r, const char *name)
{
	bool asked = r->n == 0;

	for (int i = 0; i < r->n; i++)
		if (strcmp(r->names[i], name) == 0)
			asked = r->found[i] = true;
	return asked;
}

static void restore_one(void *context, const struct stored *stored)
{
	struct restore *r = context;
	char name[VM_NAME];

	if (!is_asked_for(r, stored->name))
		return;
	switch (cfg.worker.actuator->find(cfg.worker.state, stored->uuid, name)) {
	case result_done:
		worker_target(r->worker, rec_intern(name, strlen(name)), stored->original_kib);
		break;
	case result_no_vm:
		warn("%s: does not run any more; forgotten", stored->name);
		store_forget(stored->uuid);
		break;
	default:
		r->unreachable = true;
	}
}

static void forget_one(void *context, const struct stored *stored)
{
	struct restore *r = context;
	char name[VM_NAME];

	if (is_asked_for(r, stored->name) &&
	    cfg.worker.actuator->find(cfg.worker.state, stored->uuid, name) == result_done &&
	    worker_is_done(r->worker, rec_intern(name, strlen(name))))
		store_forget(stored->uuid);
}

static bool restore(struct worker *worker, char **names, int n)
{
	struct restore r = { .names = names, .n = n, .worker = worker };
	const char *place = cfg.worker.actuator->place(cfg.worker.state);
	bool followed;

	r.found = or_die(calloc((size_t)n + 1, sizeof(*r.found)));
	store_each(place, restore_one, &r);
	followed = worker_finish(worker);
	store_each(place, forget_one, &r);
	for (int i = 0; i < n; i++)
		if (!r.found[i])
			die(EX_NOINPUT, "%s: no original size of it is stored", names[i]);
	if (r.unreachable)
		die(EX_UNAVAILABLE, "%s does not answer; nothing forgotten", cfg.worker.actuator->name);
	free(r.found);
	return followed;
}

int main(int argc, char **argv)
{
	tool_init("balloon-set", TOOL_FILTER);
	int first = opt_parse(argc, argv, &usage);
	struct rec_in *in = NULL;
	bool followed;

	cfg.worker.actuator = find_actuator(cfg.actuator);
	cfg.worker.apply = cfg.worker.apply || cfg.restore;
	store_open(cfg.state);
	cfg.worker.state = cfg.worker.actuator->open(cfg.connect, !cfg.worker.apply);
	if (!cfg.restore)
		in = rec_open(argv + first, argc - first, ACCEPT(target));
	struct worker *worker = worker_start(&cfg.worker);

	if (cfg.restore) {
		followed = restore(worker, argv + first, argc - first);
	} else {
		follow_targets(in, worker);
		followed = worker_finish(worker);
		rec_in_close(in);
	}
	worker_free(worker);
	cfg.worker.actuator->close(cfg.worker.state);
	int code = tool_finish();

	return followed ? code : EX_TEMPFAIL;
}
