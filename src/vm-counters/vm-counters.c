/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vm-counters - sample the counters of guests, of the hosts that run them, and of hypervisors. */
#include "reader.h"

#include "clock.h"
#include "counter.h"
#include "diag.h"
#include "opt.h"
#include "progress.h"
#include "spec.h"
#include "tool.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

static struct {
	struct opt_list specs;
	uint64_t period_ns;
	uint64_t periods; /* 0 = no limit */
	uint64_t for_ns;  /* 0 = no limit */
	const char *cache;
	const char *sysroot;
	bool list;
} cfg = { .period_ns = NS_PER_S, .cache = "available", .sysroot = "" };

static const struct opt opts[] = {
	{ 's', "source", "[NAME=]READER:SPEC", "what to read; may be repeated; without it: the readers", OPT_LIST, &cfg.specs, 0, 0 },
	{ 'p', "period", "TIME", "time between two samples", OPT_NS, &cfg.period_ns, NS_PER_MS, 24 * 3600 * UINT64_C(1000000000) },
	{ 'n', "periods", "N", "end after N samples", OPT_U64, &cfg.periods, 1, 0 },
	{ 'f', "for", "TIME", "end after TIME", OPT_NS, &cfg.for_ns, 1, 0 },
	{ 0, "cache", "RULE", "page cache in the working set: full, active, none, available (default), off", OPT_TEXT, &cfg.cache, 0, 0 },
	{ 'R', "sysroot", "DIR", "look for /proc and /sys in DIR", OPT_TEXT, &cfg.sysroot, 0, 0 },
	{ 0, "list", NULL, "print the counters: name, kind, whose, unit, meaning", OPT_FLAG, &cfg.list, 0, 0 },
	{ 0, NULL, NULL, NULL, OPT_FLAG, NULL, 0, 0 },
};

static const struct usage usage = {
	"[-p TIME] [-n N | -f TIME] -s [NAME=]READER:SPEC...",
	"Samples counters of guests and of hypervisors as counter records.",
	opts,
	"  vm-counters -s guest:local -n 1 -P\n"
	"  vm-counters -s libvirt:web1 -s web1=ssh:web1.example.org -p 1s -o web1.gz\n"
	"  vm-counters --list\n",
};

const char *sysroot;

static struct target **all_targets;
static size_t target_count;

/* ---- targets ---- */

static const struct reader *find_reader(const char *name)
{
	for (size_t i = 0; readers[i]; i++)
		if (strcmp(readers[i]->name, name) == 0)
			return readers[i];
	opt_die("-s: no reader '%s'; 'vm-counters' alone lists them", name);
}

static void parse_target(const char *text)
{
	struct target *target = or_die(calloc(1, sizeof(*target)));
	struct spec spec = spec_parse(text, "READER:SPEC");

	if (!*spec.what)
		opt_die("-s: '%s' is not READER:SPEC", text);
	target->name = spec.name;
	target->reader = find_reader(spec.kind);
	target->spec = spec.what;
	target->options = spec.options;
	spec_check_options(target->options, target->reader->keys, target->reader->name);
	all_targets = or_die(reallocarray(all_targets, target_count + 1, sizeof(struct target *)));
	all_targets[target_count++] = target;
}

const char *target_option(const struct target *target, const char *key)
{
	return spec_option(target->options, key);
}

void target_name(struct target *target, const char *name)
{
	if (!target->name)
		target->name = rec_intern(name, strnlen(name, TEXT_FIELD_MAX));
	for (size_t i = 0; all_targets[i] != target; i++) {
		const struct target *other = all_targets[i];

		/* Several readers may tell of one VM; two of a kind would tell the same counters twice. */
		if (other->name == target->name &&
		    (other->reader == target->reader || (other->reader->system && target->reader->system)))
			opt_die("%s:%s and %s:%s are both called '%s'; give one another name: -s NAME=%s:%s",
				other->reader->name, other->spec, target->reader->name, target->spec, target->name,
				target->reader->name, target->spec);
	}
}

enum answer target_gone(struct target *target, const char *why)
{
	target->gone = why;
	return ANSWER_GONE;
}

enum answer target_warn(struct target *target, const char *why)
{
	if (!target->warned)
		warn("%s: no sample: %s", target->name, why);
	target->warned = true;
	return ANSWER_NONE;
}

static void close_target(struct target *target)
{
	if (!target->state)
		return;
	target->reader->close(target);
	target->state = NULL;
}

static void close_all(void)
{
	for (size_t i = 0; i < target_count; i++)
		close_target(all_targets[i]);
}

static enum cache parse_cache(const char *text)
{
	static const char *const rule[] = { "full", "active", "none", "available", "off" };

	for (size_t i = 0; i < sizeof(rule) / sizeof(rule[0]); i++)
		if (strcmp(rule[i], text) == 0)
			return (enum cache)i;
	opt_die("--cache: '%s' is not one of full, active, none, available, off", text);
}

/* ---- lists ---- */

static int list_readers(void)
{
	for (size_t i = 0; readers[i]; i++)
		printf("%9s:%-8s %s\n", readers[i]->name, readers[i]->spec_help, readers[i]->help);
	return tool_finish();
}

static int list_counters(void)
{
	for (const struct counter_decl *c = counter_table; c < counter_table + counter_total; c++)
		printf("%-37s %s %s %-12s %s\n", c->name, c->kind == COUNTER_LEVEL ? "level" : "count",
		       c->side == COUNTER_GUEST ? "guest" : "host ", c->unit, c->help);
	return tool_finish();
}

/* ---- sampling ---- */

struct run {
	struct rec_out *out;
	enum cache cache;
	struct sample sample; /* of one target, while it is read */
	struct pollfd *poll;  /* of the stop, and of each target that we wait for */
	struct target **polled;
	uint64_t samples;
};

/* One reader for each VM makes the working set: the one that sees the guest itself, if there is such. */
static bool makes_wss(const struct target *target)
{
	for (size_t i = 0; i < target_count; i++)
		if (all_targets[i]->name == target->name && all_targets[i]->reader->system)
			return target->reader->system;
	return true;
}

static void put_sample(struct run *run, struct target *target, uint64_t t_ns)
{
	if (makes_wss(target))
		sample_correct(&run->sample, run->cache, target->guest);
	sample_resets(&run->sample, &target->before);
	for (size_t i = 0; i < counter_total; i++) {
		struct rec_counter row = { t_ns, target->name, counter_table[i].name, run->sample.value[i] };

		if (run->sample.has[i])
			rec_put(run->out, &row);
	}
	run->samples++;
}

static void settle(struct run *run, struct target *target, enum answer answer)
{
	target->waiting = answer == ANSWER_LATER;
	switch (answer) {
	case ANSWER_DONE:
		target->warned = false;
		put_sample(run, target, clock_now_ns());
		break;
	case ANSWER_GONE:
		if (target_count > 1)
			warn("%s: %s", target->name, target->gone);
		close_target(target);
		break;
	case ANSWER_LATER:
	case ANSWER_NONE:
		break;
	}
}

/* Asks all targets; those that have not answered yet are left alone. False: none is left. */
static bool ask_all(struct run *run)
{
	bool any = false;

	for (size_t i = 0; i < target_count && !tool_stop; i++) {
		struct target *target = all_targets[i];

		if (!target->state)
			continue;
		if (target->waiting) {
			target_warn(target, "it has not answered within the period");
		} else {
			sample_clear(&run->sample);
			settle(run, target, target->reader->read(target, &run->sample));
		}
		any = any || target->state;
	}
	return any;
}

static nfds_t fill_poll(struct run *run)
{
	nfds_t n = 1;

	run->poll[0] = (struct pollfd){ .fd = tool_stop_fd(), .events = POLLIN };
	for (size_t i = 0; i < target_count; i++)
		if (all_targets[i]->state && all_targets[i]->waiting) {
			run->poll[n].fd = all_targets[i]->reader->fd(all_targets[i]);
			run->poll[n].events = POLLIN;
			run->polled[n++] = all_targets[i];
		}
	return n;
}

/* Takes answers until t_ns, or, at the end, until all have come. False: tool_stop is set. */
static bool take_answers(struct run *run, uint64_t t_ns, bool at_end)
{
	while (!tool_stop) {
		nfds_t n = fill_poll(run);
		uint64_t now_ns = clock_now_ns();

		if (now_ns >= t_ns || (at_end && n == 1))
			return true;
		struct timespec left = { (time_t)((t_ns - now_ns) / NS_PER_S), (long)((t_ns - now_ns) % NS_PER_S) };

		if (n == 1)
			rec_flush(run->out);
		if (ppoll(run->poll, n, &left, NULL) <= 0)
			continue;
		for (nfds_t i = 1; i < n && !tool_stop; i++)
			if (run->poll[i].revents) {
				sample_clear(&run->sample);
				settle(run, run->polled[i], run->polled[i]->reader->more(run->polled[i], &run->sample));
			}
	}
	return false;
}

static void sample_all(struct run *run)
{
	uint64_t due_ns = clock_now_ns();
	uint64_t end_ns = cfg.for_ns ? num_add(due_ns, cfg.for_ns) : UINT64_MAX;

	for (uint64_t i = 0; ask_all(run); i++) {
		bool last = (cfg.periods && i + 1 >= cfg.periods) || num_add(due_ns, cfg.period_ns) >= end_ns;

		progress("%" PRIu64 " samples", run->samples);
		/* Samples that we are late for are not made up. */
		do
			due_ns += cfg.period_ns;
		while (due_ns <= clock_now_ns());
		if (!take_answers(run, due_ns, last) || last)
			break;
	}
}

int main(int argc, char **argv)
{
	tool_init("vm-counters", TOOL_SOURCE);
	int first = opt_parse(argc, argv, &usage);

	if (first < argc)
		opt_die("unexpected '%s'", argv[first]);
	struct run run = { .cache = parse_cache(cfg.cache) };

	sysroot = cfg.sysroot;
	if (cfg.list)
		return list_counters();
	if (cfg.specs.n == 0)
		return list_readers();
	for (size_t i = 0; i < cfg.specs.n; i++)
		parse_target(cfg.specs.item[i]);
	run.poll = or_die(calloc(target_count + 1, sizeof(*run.poll)));
	run.polled = or_die(calloc(target_count + 1, sizeof(struct target *)));
	run.out = rec_create(REC_counter);
	atexit(close_all);
	for (size_t i = 0; i < target_count; i++)
		all_targets[i]->reader->open(all_targets[i]);
	sample_all(&run);
	note("%" PRIu64 " samples of %zu targets", run.samples, target_count);
	rec_close(run.out);
	if (target_count == 1 && all_targets[0]->gone)
		die(EX_UNAVAILABLE, "%s: %s", all_targets[0]->name, all_targets[0]->gone);
	return tool_finish();
}
