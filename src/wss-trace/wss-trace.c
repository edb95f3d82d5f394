/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wss-trace - dump the page events of virtual machines and processes. */
#include "target.h"

#include "clock.h"
#include "diag.h"
#include "num.h"
#include "opt.h"
#include "privilege.h"
#include "progress.h"
#include "tool.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BETWEEN_NS = 50 * NS_PER_MS };

static struct {
	struct opt_list specs;
	const char *period;
	uint64_t period_ns; /* PERIOD_AUTO: we choose it */
	uint64_t periods; /* 0 = no limit */
	uint64_t for_ns;  /* 0 = no limit */
	bool pace;
	const char *probe, *release, *enable;
} cfg = { .period = "1s" };

static const struct opt opts[] = {
	{ 's', "source", "[NAME=]SOURCE:SPEC", "what to trace; may be repeated; without it: what works here", OPT_LIST, &cfg.specs, 0, 0 },
	{ 'p', "period", "TIME|auto", "length of a period; auto: as short as --max-overhead allows [1s]", OPT_TEXT, &cfg.period, 0, 0 },
	{ 'n', "periods", "N", "end after N periods", OPT_U64, &cfg.periods, 1, 0 },
	{ 'f', "for", "TIME", "end after TIME", OPT_NS, &cfg.for_ns, 1, 0 },
	{ 0, "max-overhead", "PERCENT", "let periods grow when tracing costs a target more; 0% = never", OPT_PPM, &max_overhead_ppm, 0, 1000000 },
	{ 0, "pace", NULL, "give virtual time and recordings their real speed", OPT_FLAG, &cfg.pace, 0, 0 },
	{ 0, "simulate-pml", NULL, "source model: what Intel's page-modification log, or one like it, would show", OPT_FLAG, &simulate_pml, 0, 0 },
	{ 0, "seed", "N", "of made-up loads", OPT_U64, &load_seed, 0, 0 },
	{ 0, "probe", "SOURCE:SPEC", "say how a target would be traced and what it costs; touch nothing", OPT_TEXT, &cfg.probe, 0, 0 },
	{ 0, "release", "SOURCE:SPEC", "undo what a killed wss-trace, or --enable, left on a target", OPT_TEXT, &cfg.release, 0, 0 },
	{ 0, "enable", "SOURCE:SPEC", "turn a target's log on and leave it so, until --release", OPT_TEXT, &cfg.enable, 0, 0 },
	{ 0, NULL, NULL, NULL, OPT_FLAG, NULL, 0, 0 },
};

static const struct usage usage = {
	"[-p TIME|auto] [-n N | -f TIME] -s [NAME=]SOURCE:SPEC...",
	"Dumps the page events of virtual machines and processes as event records.",
	opts,
	"  wss-trace -s process:4242 -p 1s -n 10 | wss-count | wss-estimate -P\n"
	"  wss-trace -s model:two-phase -n 20 -o two-phase.gz\n"
	"  wss-trace -s replay:two-phase.gz --pace | wss-count -P\n"
	"  wss-trace --probe process:4242\n",
};

/* ---- what works here ---- */

static void list_sources(void)
{
	/* Best first: real ones that work, made-up ones, then those that do not work here. */
	for (int rank = 0; rank < 3; rank++)
		for (size_t i = 0; sources[i]; i++) {
			const struct target none = { .source = sources[i] };
			struct probe probe = { .memory_pages = UNKNOWN };

			sources[i]->probe(&none, &probe);
			if (rank != (*probe.cannot ? 2 : sources[i]->virtual_time ? 1 : 0))
				continue;
			printf("%-9s %7s:%-9s %s\n", *probe.cannot ? "not here" : "works", sources[i]->name,
			       sources[i]->spec_help, sources[i]->help);
			if (*probe.cannot || *probe.how)
				printf("%28s%s\n", "", *probe.cannot ? probe.cannot : probe.how);
		}
}

static void print_blind(uint64_t blind)
{
	static const char *const what[] = { "reads", "DMA and other writers outside the processor",
					    "the order within a period", "guest frame numbers",
					    "units under 2 MiB in huge pages" };

	printf("cannot see");
	for (size_t i = 0; i < sizeof(what) / sizeof(what[0]); i++)
		if (blind >> i & 1)
			printf("%s  %s\n", blind & ((UINT64_C(1) << i) - 1) ? "          " : "", what[i]);
	if (!blind)
		printf("  nothing is hidden\n");
}

static int probe_target(const char *text)
{
	struct target *target = target_parse(text, cfg.period_ns);
	struct probe probe = { .memory_pages = UNKNOWN };
	char number[NUM_MAX];

	target->source->probe(target, &probe);
	if (*probe.cannot)
		die(probe.cannot_code, "%s:%s: %s", target->source->name, target->spec, probe.cannot);
	printf("target      %s\nsource      %s\nhow         %s\nintrusive   %s\n",
	       target->name ? target->name : probe.name, target->source->name, probe.how, probe.intrusive);
	print_blind(probe.blind);
	if (probe.memory_pages != UNKNOWN)
		printf("memory      %s\n", num_text_kib(number, num_mul(probe.memory_pages, KIB_PER_PAGE)));
	if (probe.cost_ns)
		printf("overhead    %" PRIu64 " ns for each page first written in a period: 2 %% of a processor at %" PRIu64
		       " MiB written per second\n",
		       probe.cost_ns, 20 * UINT64_C(1000000) / probe.cost_ns / (1024 / KIB_PER_PAGE));
	return tool_finish();
}

static int release_target(const char *text)
{
	struct target *target = target_parse(text, cfg.period_ns);

	if (!target->source->release)
		opt_die("--release: source %s leaves nothing behind", target->source->name);
	unsigned n = target->source->release(target);

	printf("%s:%s: %u released\n", target->source->name, target->spec, n);
	return tool_finish();
}

static int enable_target(const char *text)
{
	struct target *target = target_parse(text, cfg.period_ns);

	if (!target->source->enable)
		opt_die("--enable: source %s has no log that can be left on", target->source->name);
	unsigned n = target->source->enable(target);

	printf("%s:%s: %u enabled\n", target->source->name, target->spec, n);
	return tool_finish();
}

/* ---- tracing ---- */

static struct target *next_due(void)
{
	struct target *next = NULL;

	for (size_t i = 0; i < target_count; i++)
		if (!all_targets[i]->ended && (!next || all_targets[i]->due_ns < next->due_ns))
			next = all_targets[i];
	return next;
}

/* Processor time of this thread: collecting and writing are all it does. */
static uint64_t spent_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
}

/* The period of a target that is due now: its events, then the tick. */
static void close_period(struct target *target)
{
	uint64_t asked_ns = cfg.period_ns == PERIOD_AUTO ? target->period_ns : target->asked_ns;
	uint64_t lost = target->source->collect(target);

	if (!target->source->own_rows && !target->follows) {
		struct rec_event tick = {
			.t_ns = target->t_ns, .vm = target->name, .vcpu = UNKNOWN, .event = event_tick, .gfn = UNKNOWN,
			.pages = UNKNOWN, .arg = asked_ns, .lost = lost ? lost : UNKNOWN,
		};

		emit_row(&tick);
	}
}

static void end_target(struct target *target)
{
	target->ended = true;
	if (target->state && !target->source->own_rows && !target->follows)
		emit(target, event_end, UNKNOWN, UNKNOWN, UNKNOWN);
	target_close(target);
}

/* Lets sources empty their logs. Returns when it is to be done again, UINT64_MAX = never. */
static uint64_t look_between(void)
{
	uint64_t next_ns = UINT64_MAX;

	for (size_t i = 0; i < target_count; i++)
		if (!all_targets[i]->ended && all_targets[i]->source->between) {
			all_targets[i]->source->between(all_targets[i]);
			next_ns = clock_now_ns() + BETWEEN_NS;
		}
	return next_ns;
}

/* Sleeps until t_ns, or less long, for example until something happens that makes a target due earlier. False: tool_stop is set. */
static bool wait_until(uint64_t t_ns)
{
	uint64_t between_ns = look_between();

	if (between_ns < t_ns)
		t_ns = between_ns;
	for (size_t i = 0; i < target_count; i++)
		if (!all_targets[i]->ended && all_targets[i]->source->wait)
			return all_targets[i]->source->wait(t_ns);
	return clock_sleep_until(t_ns);
}

/* Gives up what no source needs any more. */
static void drop_privileges(void)
{
	uint64_t keep = 0;

	for (size_t i = 0; i < target_count; i++) {
		if (!all_targets[i]->source->capabilities)
			return;
		keep |= all_targets[i]->source->capabilities;
	}
	privilege_keep(keep);
}

static uint64_t trace(struct rec_out *out)
{
	uint64_t start_ns = clock_now_ns();
	uint64_t periods = 0;
	struct target *target;

	while (!tool_stop && (target = next_due())) {
		bool virtual_time = target->source->virtual_time;

		if (!virtual_time && !wait_until(start_ns + target->due_ns))
			break;
		if (next_due() != target || (!virtual_time && clock_now_ns() < start_ns + target->due_ns))
			continue; /* something happened meanwhile */
		target->t_ns = virtual_time ? target->due_ns : clock_now_ns();
		uint64_t begin_ns = spent_ns();

		close_period(target);
		if (virtual_time && cfg.pace && !clock_sleep_until(start_ns + target->due_ns))
			break;
		periods += !target->follows;
		progress("%" PRIu64 " periods", periods);
		if (target->ended || (cfg.periods && ++target->closed_periods >= cfg.periods) ||
		    (cfg.for_ns && target->due_ns >= cfg.for_ns))
			end_target(target);
		if (!virtual_time || cfg.pace)
			rec_flush(out);
		if (cfg.period_ns == PERIOD_AUTO)
			target->period_ns = period_auto(target, spent_ns() - begin_ns);
		target->due_ns += target->period_ns;
		/* What we are late for is not made up: that period is longer, and the ticks say so. */
		while (!virtual_time && start_ns + target->due_ns <= clock_now_ns())
			target->due_ns += target->period_ns;
		target_sweep();
	}
	for (size_t i = 0; i < target_count; i++)
		if (!all_targets[i]->ended)
			end_target(all_targets[i]);
	return periods;
}

static void read_period(void)
{
	cfg.period_ns = PERIOD_AUTO;
	if (strcmp(cfg.period, "auto") != 0)
		cfg.period_ns = opt_number("--period", cfg.period, OPT_NS, NS_PER_MS, 24 * 3600 * UINT64_C(1000000000));
	else if (max_overhead_ppm == 0)
		opt_die("--period auto: needs a --max-overhead above 0%%");
}

static void add_target(const char *text)
{
	const struct target *target = target_parse(text, cfg.period_ns);

	if (cfg.period_ns == PERIOD_AUTO && target->source->virtual_time)
		opt_die("--period auto: source %s costs nothing, in virtual time; give the period", target->source->name);
	if (simulate_pml && !target->source->simulates_pml)
		opt_die("--simulate-pml: source %s is not a made-up VM; source model is", target->source->name);
}

int main(int argc, char **argv)
{
	tool_init("wss-trace", TOOL_SOURCE);
	int first = opt_parse(argc, argv, &usage);

	read_period();
	if (first < argc)
		opt_die("unexpected '%s'", argv[first]);
	if (cfg.probe)
		return probe_target(cfg.probe);
	if (cfg.release)
		return release_target(cfg.release);
	if (cfg.enable)
		return enable_target(cfg.enable);
	if (cfg.specs.n == 0) {
		list_sources();
		return tool_finish();
	}
	for (size_t i = 0; i < cfg.specs.n; i++)
		add_target(cfg.specs.item[i]);
	struct rec_out *out = rec_create(REC_event);

	emit_to(out);
	for (size_t i = 0; i < target_count; i++) {
		all_targets[i]->t_ns = all_targets[i]->source->virtual_time ? 0 : clock_now_ns();
		target_open(all_targets[i]);
	}
	drop_privileges();
	uint64_t periods = trace(out);

	note("%" PRIu64 " periods of %zu targets", periods, target_count);
	rec_close(out);
	if (target_count == 1 && all_targets[0]->gone)
		die(EX_UNAVAILABLE, "%s: %s", all_targets[0]->name, all_targets[0]->gone);
	return tool_finish();
}
