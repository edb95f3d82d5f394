/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source - where page events come from. One file source-NAME.c each, everything in it static but
 * `const struct source source_NAME`; the table of sources is made by the Makefile from the file names.
 *
 * wss-trace drives all targets from one thread. For each: open; then at the end of each period collect, followed by the
 * tick row, which wss-trace writes; close on every way out. A source writes rows by the emit functions and never waits.
 */
#ifndef WSS_SOURCE_H
#define WSS_SOURCE_H

#include "record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct source;

/* One thing that is traced: what -s named. */
struct target {
	const struct source *source;
	const char *spec;      /* what stands behind "SOURCE:" in -s, without the options */
	const char *name;      /* of the VM: NAME= of -s, or set by open() with target_name() */
	const char *options;   /* what stands behind '?': key=value&key=value; NULL = none */
	uint64_t asked_ns;     /* -p; with --period auto the shortest */
	uint64_t period_ns;    /* now: asked_ns, or longer to stay within --max-overhead */
	uint64_t busy_ns;      /* what tracing cost it in the last period, as period_within_overhead() was told */
	uint64_t due_ns;       /* end of the running period */
	uint64_t t_ns;         /* time that emitted rows carry */
	uint64_t closed_periods;
	bool ended;            /* set by collect() through target_end() */
	bool follows;          /* set by open(): no VM itself, it adds some by target_add() as they come; has no rows */
	bool added;            /* by target_add() */
	const char *gone;      /* why it went away; NULL when it did not */
	void *state;           /* the source's own */
};

/* What --probe says of a target before touching it. Texts are one sentence each, without a full stop. */
struct probe {
	char name[64];         /* the VM's name */
	char how[160];         /* the mechanism that would be used */
	char intrusive[160];   /* what it does to the target */
	char cannot[320];      /* why it does not work here and what would help; empty = it works */
	int cannot_code;       /* exit code for `cannot`: EX_NOPERM, EX_UNAVAILABLE, EX_NOINPUT */
	uint64_t blind;        /* BLIND_*: what it cannot see */
	uint64_t cost_ns;      /* expected for each page first written in a period; 0 = none */
	uint64_t memory_pages; /* that would be watched; UNKNOWN */
};

struct source {
	const char *name;
	const char *spec_help;  /* what the spec is, in capitals: "PID" */
	const char *help;       /* one line */
	bool virtual_time;      /* periods are not waited for (--pace does); t_ns starts at 0 */
	bool own_rows;          /* collect() writes ticks and sizes itself (replay) */
	bool simulates_pml;     /* it heeds simulate_pml */

	/* Required. Fills `probe` for the target and touches nothing. With spec NULL: whether it could work on this machine. */
	void (*probe)(const struct target *, struct probe *);
	/* Required. Starts tracing, sets state and name; writes begin (after the name is known) and blind. Dies on error. */
	void (*open)(struct target *);
	/*
	 * Required. Writes the events from the period's begin until now (target->t_ns: set before the call, a real-time source
	 * may raise it to when it looked) and a size event; returns the number of events lost. Calls target_gone() when the
	 * target is gone. May change target->period_ns.
	 */
	uint64_t (*collect)(struct target *);
	/* Required. Undoes everything done to the target. Called on every way out, also after target_end(). */
	void (*close)(struct target *);
	/* Optional. Undoes what a killed wss-trace, or enable(), left on the target; returns how many things that were. */
	unsigned (*release)(struct target *);
	/* Optional. Turns on what open() would and leaves it so; returns how many things that are. */
	unsigned (*enable)(struct target *);
	/*
	 * Optional, for a source that must react between periods: in place of sleeping until t_ns it handles its events. It may
	 * return early, after it set the due_ns of a target to 0 so that its period ends at once. False: tool_stop is set.
	 */
	bool (*wait)(uint64_t t_ns);
	/* Optional: called now and then during a period, for a source whose log would get full. It may write events. */
	void (*between)(struct target *);
	/* What must remain of our privileges once all targets are open, as a mask of 1 << CAP_...; 0 = all. */
	uint64_t capabilities;
};

/* The generated table, NULL at the end. */
extern const struct source *const sources[];

/* --max-overhead, in parts per million of the target's time; 0 = no limit. */
extern uint64_t max_overhead_ppm;
/* --seed: of made-up loads. */
extern uint64_t load_seed;
/* --simulate-pml: what made-up VMs touch is seen through a page-modification log. */
extern bool simulate_pml;

/* For open(): names the VM unless -s did. Dies (EX_USAGE) when another target has the name. */
void target_name(struct target *, const char *name);

/* Whether a target of that name is being traced. */
bool target_name_taken(const char *name);

/* For collect() of a target that follows: a new target like it, with that name, which the source has opened. */
struct target *target_add(const struct target *parent, const char *name, void *state);

/* For collect(): the target has gone; an end row is written behind this period's tick. `why` is told to the user. */
void target_end(struct target *, const char *why);
/* The same, for a target that went away: if it was the only one, wss-trace exits with EX_UNAVAILABLE. `why` is kept. */
void target_gone(struct target *, const char *why);

/* The value of `key` in target->options, or NULL. A source lists the keys it knows; others are an error (EX_USAGE). */
const char *target_option(const struct target *, const char *key);
void target_check_options(const struct target *, const char *const *keys);

/* Rows of the stream. Fields that are not given are empty. */
void emit(struct target *, enum event event, uint64_t gfn, uint64_t pages, uint64_t arg);
void emit_row(const struct rec_event *row);

/*
 * The length of the next period: the asked one, doubled as often as needed (at most 64 x) for `faults` in `period_ns` at
 * `cost_ns` each to stay within max_overhead_ppm. Says once when it grows, and when it is not enough.
 */
uint64_t period_within_overhead(struct target *, uint64_t faults, uint64_t period_ns, uint64_t cost_ns);

#endif
