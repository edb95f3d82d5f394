/* SPDX-License-Identifier: GPL-2.0-or-later */
/* balloon-tune - decide from each estimate how much memory its VM shall have. */
#include "clock.h"
#include "diag.h"
#include "num.h"
#include "opt.h"
#include "progress.h"
#include "record.h"
#include "tool.h"
#include "vms.h"
#include "envelope.h"
#include "policy.h"

#include <inttypes.h>
#include <string.h>

static struct {
	struct policy_settings policy;
	const char *policy_name, *method;
	uint64_t min_kib, max_kib, rate_kib; /* max 0 = the VM's memory */
	bool trust_lower_bound;
} cfg = {
	.policy = { .gap_ppm = 100000, .min_gap_kib = 64 << 10 },
	.policy_name = "gap",
	.min_kib = 256 << 10,
	.rate_kib = 128 << 10,
};

static const struct opt opts[] = {
	{ 'g', "gap", "PERCENT", "left free, of the working set", OPT_PPM, &cfg.policy.gap_ppm, 0, 10000000 },
	{ 0, "min-gap", "SIZE", "left free at least", OPT_KIB, &cfg.policy.min_gap_kib, 0, 0 },
	{ 0, "min", "SIZE", "never less for a VM", OPT_KIB, &cfg.min_kib, 0, 0 },
	{ 0, "max", "SIZE", "never more for a VM [its memory]", OPT_KIB, &cfg.max_kib, 1, 0 },
	{ 0, "rate", "SIZE", "most change per second", OPT_KIB, &cfg.rate_kib, 1, 0 },
	{ 'm', "method", "METHOD", "follow this method when the estimates hold several", OPT_TEXT, &cfg.method, 0, 0 },
	{ 'p', "policy", "NAME", "how the gap is found [gap]", OPT_TEXT, &cfg.policy_name, 0, 0 },
	{ 0, "trust-lower-bound", NULL, "shrink although reads were not seen", OPT_FLAG, &cfg.trust_lower_bound, 0, 0 },
	{ 0 },
};

static const struct usage usage = {
	"[OPTION]... [FILE...]",
	"Reads estimate records, writes target records: working set plus gap, within bounds. Changes nothing itself.",
	opts,
	"  wss-trace -s libvirt:all -p 1s | wss-count | wss-estimate | balloon-tune | balloon-set\n"
	"  balloon-tune -P --gap=20% --min=512MiB estimates.gz\n",
};

struct vm {
	const char *method;    /* that its estimates come from; NULL = none yet */
	uint64_t last_ns;      /* of the last estimate */
	uint64_t move_ns;      /* the time in which it may move now */
	uint64_t target_kib;   /* the last one */
};

static const struct policy *find_policy(const char *name)
{
	char names[256] = "";
	size_t n = 0;

	for (size_t i = 0; policys[i]; i++) {
		if (strcmp(policys[i]->name, name) == 0)
			return policys[i];
		n += (size_t)snprintf(names + n, sizeof(names) - n, " %s", policys[i]->name);
	}
	opt_die("--policy: no policy '%s'; there is:%s", name, names);
}

static void check_bounds(void)
{
	char max[NUM_MAX], min[NUM_MAX];

	if (cfg.max_kib && cfg.max_kib < cfg.min_kib)
		opt_die("--max: %s is less than --min, which is %s", num_text_kib(max, cfg.max_kib),
			num_text_kib(min, cfg.min_kib));
}

/* Why a VM must not shrink by this estimate; reason_follow: it may. */
static enum reason reason_to_stay(const struct rec_estimate *estimate)
{
	if (estimate->wss_kib == UNKNOWN)
		return reason_no_estimate;
	switch (estimate->note) {
	case note_lost:
		return reason_lost;
	case note_partial:
		return reason_partial;
	case note_warming:
		return reason_warming;
	case note_outside:
		return reason_outside;
	default:
		return estimate->high_kib == UNKNOWN && !cfg.trust_lower_bound ? reason_lower_bound : reason_follow;
	}
}

/* Bounds and place of the VM. False when nothing says how large it is. */
static bool find_envelope(const struct vm *vm, const struct rec_estimate *estimate, struct envelope *e)
{
	uint64_t max_kib = cfg.max_kib ? cfg.max_kib : UNKNOWN - 1;

	e->max_kib = estimate->memory_kib < max_kib ? estimate->memory_kib : max_kib;
	e->min_kib = cfg.min_kib < e->max_kib ? cfg.min_kib : e->max_kib;
	/* a VM of which nothing else is known has all its memory */
	e->from_kib = known_or(estimate->actual_kib, known_or(vm->target_kib, estimate->memory_kib));
	e->step_kib = num_scale(cfg.rate_kib, vm->move_ns, NS_PER_S);
	e->stay = reason_to_stay(estimate);
	return e->from_kib != UNKNOWN;
}

static struct rec_target decide(const struct policy *policy, const struct vm *vm, const struct rec_estimate *estimate)
{
	struct rec_target target = {
		.t_ns = estimate->t_ns,
		.vm = estimate->vm,
		.method = estimate->method,
		.wss_kib = estimate->wss_kib,
		.gap_kib = UNKNOWN,
		.target_kib = UNKNOWN,
		.actual_kib = estimate->actual_kib,
		.memory_kib = estimate->memory_kib,
		.reason = reason_no_size,
	};
	uint64_t want_kib = UNKNOWN;
	struct envelope envelope;

	if (estimate->wss_kib != UNKNOWN) {
		target.gap_kib = policy->gap_kib(&cfg.policy, estimate->wss_kib);
		want_kib = num_add(target.wss_kib, target.gap_kib);
		if (want_kib == UNKNOWN)
			want_kib--;
	}
	if (find_envelope(vm, estimate, &envelope)) {
		struct decision decision = envelope_decide(&envelope, want_kib);

		target.target_kib = decision.target_kib;
		target.reason = (uint8_t)decision.reason;
	}
	return target;
}

static struct vm *get_vm(struct rec_in *in, struct vms *vms, const struct rec_estimate *estimate)
{
	bool is_new;
	struct vm *vm = vms_get(vms, estimate->vm, &is_new);
	uint64_t before_ns = vm->last_ns;

	if (is_new)
		*vm = (struct vm){ .method = estimate->method, .target_kib = UNKNOWN };
	if (vm->method != estimate->method)
		rec_die(in, "estimates of VM '%.64s' by '%.64s' and by '%.64s'; choose one with --method", estimate->vm,
			vm->method, estimate->method);
	vms_check_time(in, estimate->vm, &vm->last_ns, estimate->t_ns);
	/* windows may overlap, periods may be missing */
	vm->move_ns = estimate->window_ns;
	if (!is_new && vm->move_ns > estimate->t_ns - before_ns)
		vm->move_ns = estimate->t_ns - before_ns;
	return vm;
}

static void tune(struct rec_in *in, struct rec_out *out, struct vms *vms, const struct policy *policy)
{
	const char *only = cfg.method ? rec_intern(cfg.method, strlen(cfg.method)) : NULL;
	const char *skipped = NULL;
	struct rec_estimate estimate;
	uint64_t decisions = 0;

	while (rec_next(in, &estimate)) {
		if (only && estimate.method != only) {
			skipped = estimate.method;
			continue;
		}
		struct vm *vm = get_vm(in, vms, &estimate);
		struct rec_target target = decide(policy, vm, &estimate);

		if (target.target_kib != UNKNOWN)
			vm->target_kib = target.target_kib;
		rec_put(out, &target);
		progress("%" PRIu64 " targets, %zu VMs", ++decisions, vms->n);
	}
	if (skipped && vms->n == 0)
		die(EX_DATAERR, "no estimates by '%s', but by '%.64s'; see --method", only, skipped);
}

int main(int argc, char **argv)
{
	tool_init("balloon-tune", TOOL_FILTER);
	int first = opt_parse(argc, argv, &usage);

	check_bounds();
	const struct policy *policy = find_policy(cfg.policy_name);
	struct vms vms = { .state_size = sizeof(struct vm) };
	struct rec_in *in = rec_open(argv + first, argc - first, ACCEPT(estimate));
	struct rec_out *out = rec_create(REC_target);

	rec_flush_before_wait(in, out);
	tune(in, out, &vms, policy);
	rec_close(out);
	rec_in_close(in);
	vms_release(&vms);
	return tool_finish();
}
