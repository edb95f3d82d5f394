/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target.h"

#include "diag.h"
#include "num.h"
#include "opt.h"
#include "spec.h"

#include <stdlib.h>
#include <string.h>

/* A period grows to 2^6 times the asked one at most, one that we choose to 2^10 times the shortest, from 2^3 times at first. */
enum { LONGEST_GROWTH = 6, AUTO_GROWTH = 10, AUTO_FIRST = 8 };
enum { AUTO_SHORTEST_NS = 100000000 };

struct target **all_targets;
size_t target_count;
uint64_t max_overhead_ppm = 20000;
uint64_t load_seed = 1;
bool simulate_pml;

static struct rec_out *out;
static bool period_chosen; /* by us, not by -p */

static const struct source *find_source(const char *name)
{
	for (size_t i = 0; sources[i]; i++)
		if (strcmp(sources[i]->name, name) == 0)
			return sources[i];
	opt_die("-s: no source '%s'; 'wss-trace' alone lists them", name);
}

static void list_target(struct target *target)
{
	all_targets = or_die(reallocarray(all_targets, target_count + 1, sizeof(struct target *)));
	all_targets[target_count++] = target;
}

struct target *target_parse(const char *text, uint64_t period_ns)
{
	struct target *target = or_die(calloc(1, sizeof(*target)));
	struct spec spec = spec_parse(text, "SOURCE:SPEC");

	target->name = spec.name;
	target->source = find_source(spec.kind);
	target->spec = spec.what;
	target->options = spec.options;
	period_chosen = period_ns == PERIOD_AUTO;
	target->asked_ns = period_ns == PERIOD_AUTO ? AUTO_SHORTEST_NS : period_ns;
	target->period_ns = period_ns == PERIOD_AUTO ? AUTO_FIRST * AUTO_SHORTEST_NS : period_ns;
	target->due_ns = target->period_ns;
	list_target(target);
	return target;
}

struct target *target_add(const struct target *parent, const char *name, void *state)
{
	struct target *target = or_die(calloc(1, sizeof(*target)));

	*target = (struct target){
		.source = parent->source,
		.spec = parent->spec,
		.name = rec_intern(name, strnlen(name, TEXT_FIELD_MAX)),
		.options = parent->options,
		.asked_ns = parent->asked_ns,
		.period_ns = parent->asked_ns,
		.due_ns = parent->due_ns + parent->asked_ns,
		.t_ns = parent->t_ns,
		.added = true,
		.state = state,
	};
	list_target(target);
	return target;
}

void target_sweep(void)
{
	size_t kept = 0;

	for (size_t i = 0; i < target_count; i++)
		if (all_targets[i]->added && all_targets[i]->ended)
			free(all_targets[i]);
		else
			all_targets[kept++] = all_targets[i];
	target_count = kept;
}

const char *target_option(const struct target *target, const char *key)
{
	return spec_option(target->options, key);
}

void target_check_options(const struct target *target, const char *const *keys)
{
	spec_check_options(target->options, keys, target->source->name);
}

bool target_name_taken(const char *name)
{
	for (size_t i = 0; i < target_count; i++)
		if (all_targets[i]->name && !all_targets[i]->ended && strcmp(all_targets[i]->name, name) == 0)
			return true;
	return false;
}

void target_name(struct target *target, const char *name)
{
	const char *given = target->name;

	target->name = NULL; /* so that it does not find itself */
	if (target_name_taken(given ? given : name))
		opt_die("two targets are called '%s'; give one another name: -s NAME=%s:%s", given ? given : name,
			target->source->name, target->spec);
	target->name = given ? given : rec_intern(name, strnlen(name, TEXT_FIELD_MAX));
}

void target_end(struct target *target, const char *why)
{
	if (!target->ended)
		note("%s: %s", target->name, why);
	target->ended = true;
}

void target_gone(struct target *target, const char *why)
{
	target_end(target, why);
	target->gone = why;
}

static void close_all(void)
{
	for (size_t i = 0; i < target_count; i++)
		target_close(all_targets[i]);
}

void target_open(struct target *target)
{
	static bool closes_at_exit;

	if (!closes_at_exit)
		atexit(close_all);
	closes_at_exit = true;
	target->source->open(target);
}

void target_close(struct target *target)
{
	if (!target->state)
		return;
	target->source->close(target);
	target->state = NULL;
}

void emit_to(struct rec_out *to)
{
	out = to;
}

void emit_row(const struct rec_event *row)
{
	rec_put(out, row);
}

void emit(struct target *target, enum event event, uint64_t gfn, uint64_t pages, uint64_t arg)
{
	struct rec_event row = {
		.t_ns = target->t_ns,
		.vm = target->name,
		.vcpu = UNKNOWN,
		.event = (uint8_t)event,
		.gfn = gfn,
		.pages = pages,
		.arg = arg,
		.lost = UNKNOWN,
	};

	rec_put(out, &row);
}

/* The asked period, doubled as often as needed, at most `growth` times, for busy_ns to be within the overhead. */
static uint64_t shortest_period(const struct target *target, uint64_t busy_ns, int growth)
{
	uint64_t next_ns = target->asked_ns;

	/* The faults of a longer period are at least those of a shorter one: never too short by this. */
	for (int i = 0; i < growth; i++) {
		if (max_overhead_ppm == 0 || num_scale(busy_ns, 1000000, next_ns) <= max_overhead_ppm)
			break;
		next_ns *= 2;
	}
	return next_ns;
}

uint64_t period_auto(const struct target *target, uint64_t own_ns)
{
	return shortest_period(target, target->busy_ns > own_ns ? target->busy_ns : own_ns, AUTO_GROWTH);
}

uint64_t period_within_overhead(struct target *target, uint64_t faults, uint64_t period_ns, uint64_t cost_ns)
{
	uint64_t busy_ns = target->busy_ns = num_mul(faults, cost_ns);
	uint64_t next_ns = shortest_period(target, busy_ns, LONGEST_GROWTH);
	char text[NUM_MAX];

	if (!period_chosen && next_ns > period_ns && next_ns > target->period_ns)
		warn("%s: tracing costs it about %lu.%lu %% of a processor; the period grows to %s (--max-overhead)",
		     target->name, num_scale(busy_ns, 100, period_ns), num_scale(busy_ns, 1000, period_ns) % 10,
		     num_text_ns(text, next_ns));
	return next_ns;
}
