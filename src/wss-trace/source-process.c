/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The source `process`: the pages that a process writes. How it is done stands in track.h. */
#include "source.h"

#include "clock.h"
#include "diag.h"
#include "num.h"
#include "proc.h"
#include "process/track.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const keys[] = { "mechanism", NULL };

struct process {
	struct track *track;
	struct target *target;
	uint64_t blind;        /* as the stream says it */
};

static pid_t spec_pid(const struct target *target)
{
	uint64_t pid;

	if (num_u64(target->spec, strlen(target->spec), &pid) != NUM_OK || pid == 0 || pid > INT_MAX)
		die(EX_USAGE, "process: bad PID '%s': need the number of a process", target->spec);
	return (pid_t)pid;
}

static struct track_wish wish_of(const struct target *target, pid_t pid)
{
	target_check_options(target, keys);
	return (struct track_wish){ .pid = pid, .mechanism = target_option(target, "mechanism") };
}

static void process_probe(const struct target *target, struct probe *probe)
{
	pid_t pid = target->spec ? spec_pid(target) : 0;
	struct track_wish wish = wish_of(target, pid);
	struct track_outlook outlook = { 0 };
	bool uffd;

	track_probe(&wish, &outlook);
	uffd = strcmp(outlook.facts.mechanism, "uffd") == 0;
	if (pid)
		proc_name(pid, probe->name, sizeof(probe->name));
	snprintf(probe->how, sizeof(probe->how), "%s",
		 uffd ? "write protection by an asynchronous userfaultfd, read by PAGEMAP_SCAN" :
			"soft-dirty bits: clear_refs and pagemap");
	if (!uffd)
		snprintf(probe->intrusive, sizeof(probe->intrusive), "write-protects its memory each period");
	else if (outlook.huge_pages)
		snprintf(probe->intrusive, sizeof(probe->intrusive),
			 "stops it for about 0.1 ms, write-protects its memory each period, "
			 "splits up to %llu huge pages until the end",
			 (unsigned long long)outlook.huge_pages);
	else
		snprintf(probe->intrusive, sizeof(probe->intrusive),
			 "stops it for about 0.1 ms, and write-protects its memory each period");
	snprintf(probe->cannot, sizeof(probe->cannot), "%s", outlook.failure.code ? outlook.failure.text : "");
	probe->cannot_code = outlook.failure.code;
	probe->blind = outlook.facts.blind;
	probe->cost_ns = outlook.facts.cost_ns;
	probe->memory_pages = pid ? outlook.facts.watched_pages : UNKNOWN;
}

static void say_blind(struct process *p)
{
	p->blind = track_facts(p->track)->blind;
	emit(p->target, event_blind, UNKNOWN, UNKNOWN, p->blind);
}

static void process_open(struct target *target)
{
	pid_t pid = spec_pid(target);
	struct track_wish wish = wish_of(target, pid);
	struct process *p = or_die(calloc(1, sizeof(*p)));
	const struct track_facts *facts;
	struct failure failure;
	char name[64];

	p->track = track_open(&wish, &failure);
	if (!p->track)
		die(failure.code, "process:%s: %s", target->spec, failure.text);
	p->target = target;
	target->state = p;
	proc_name(pid, name, sizeof(name));
	target_name(target, name);
	target->t_ns = clock_now_ns();
	emit(target, event_begin, UNKNOWN, UNKNOWN, UNKNOWN);
	say_blind(p);
	facts = track_facts(p->track);
	note("%s: watched by %s: %llu pages, %llu more cannot be; a first write costs it %llu ns", target->name,
	     facts->mechanism, (unsigned long long)facts->watched_pages, (unsigned long long)facts->refused_pages,
	     (unsigned long long)facts->cost_ns);
}

static void put_write(void *context, uint64_t gfn, uint64_t pages)
{
	struct process *p = context;

	emit(p->target, event_write, gfn, pages, UNKNOWN);
}

static uint64_t process_collect(struct target *target)
{
	struct process *p = target->state;
	const struct track_facts *facts = track_facts(p->track);
	const char *why;

	target->t_ns = clock_now_ns();
	if (!track_collect(p->track, put_write, p, &why)) {
		target_gone(target, why);
		return 0;
	}
	if (facts->blind != p->blind)
		say_blind(p);
	emit(target, event_size, UNKNOWN, facts->watched_pages, facts->resident_pages);
	target->period_ns = period_within_overhead(target, facts->faults, target->period_ns, facts->cost_ns);
	return 0;
}

static void process_close(struct target *target)
{
	struct process *p = target->state;

	if (!p)
		return;
	track_close(p->track);
	free(p);
	target->state = NULL;
}

static unsigned process_release(struct target *target)
{
	struct failure failure = { 0 };
	int closed = track_release(spec_pid(target), &failure);

	if (closed < 0)
		die(failure.code, "process:%s: %s", target->spec, failure.text);
	return (unsigned)closed;
}

const struct source source_process = {
	.name = "process",
	.spec_help = "PID",
	.help = "the pages that a process writes",
	.probe = process_probe,
	.open = process_open,
	.collect = process_collect,
	.close = process_close,
	.release = process_release,
};
