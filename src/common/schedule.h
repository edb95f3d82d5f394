/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * schedule - which pages a known load touches when (wss-load(1), SCHEDULES). Pure: no I/O, no clock, no malloc after
 * parsing; the same text and seed give the same touches for ever and everywhere.
 *
 *   SCHEDULE = NAME | PHASE{,PHASE}                 the whole repeats
 *   PHASE    = TIME:PAGES(r|w|rw)[:PATTERN][@RATE|*PASSES][+OFFSET]
 *            | alloc:PAGES[+OFFSET] | free:PAGES[+OFFSET]
 *   PATTERN  = seq | uniform | zipf=S | hot=F
 *
 * A phase lasts TIME and touches pages OFFSET..OFFSET+PAGES. Its accesses are spread evenly over it: by default one pass
 * (PAGES accesses) per second; @RATE accesses per second; *PASSES passes in the whole phase. Access i of a phase happens
 * i / rate after its start, so that every half-open window of a whole number of passes holds exactly so many.
 * RATE and PASSES may have a fraction; 0 is idle, and so is a phase of 0 pages.
 *
 * With zipf=S page n is touched in proportion to (n + 1)^-S, with hot=F the first F of the pages get 90 % of the accesses:
 * the first page is always the hottest.
 */
#ifndef WSS_SCHEDULE_H
#define WSS_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SCHEDULE_PHASES_MAX = 256, SCHEDULE_ERROR_MAX = 128, SCHEDULE_PAGES_BITS = 40 };

enum touch_kind { TOUCH_READ = 1, TOUCH_WRITE = 2, TOUCH_READ_WRITE = 3, TOUCH_ALLOC = 4, TOUCH_FREE = 5 };

enum pattern { PATTERN_SEQ, PATTERN_UNIFORM, PATTERN_ZIPF, PATTERN_HOT };

struct phase {
	enum touch_kind kind;
	uint64_t length_ns;    /* 0 for alloc and free */
	uint64_t first_page, pages;
	enum pattern pattern;
	double parameter;      /* S of zipf, F of hot: the share of the pages that gets 90 % of the accesses */
	uint64_t accesses;     /* in the whole phase */
	uint64_t rate_accesses, rate_ns; /* so many accesses in so many ns */
	uint64_t hot_pages;    /* of hot */
	double zipf_begin, zipf_end, zipf_sure; /* of zipf: see schedule.c */
};

struct schedule {
	struct phase phase[SCHEDULE_PHASES_MAX];
	size_t phases;
	uint64_t pages;        /* one more than the highest page any phase touches */
	uint64_t length_ns;    /* of one round; > 0 */
};

/* Accesses to `pages` neighbouring pages from `page`; with patterns other than seq a run is one page. */
struct touch {
	enum touch_kind kind;
	uint64_t page, pages;
	uint64_t t_ns;         /* since the start, of the first page of the run */
};

/* Where in its schedule a load is. */
struct schedule_cursor {
	const struct schedule *schedule;
	size_t phase;
	uint64_t phase_start_ns;
	uint64_t done;         /* accesses of this phase that are over */
	uint64_t random;       /* state of the generator */
};

/* False: `error` (SCHEDULE_ERROR_MAX bytes) says in one line what is wrong and where. */
bool schedule_parse(struct schedule *, const char *text, char *error);

/* The schedules with names: "NAME\tSCHEDULE\tmeaning and source", NULL at the end. */
const char *const *schedule_names(void);

void schedule_begin(struct schedule_cursor *, const struct schedule *, uint64_t seed);

/* The next run of touches that happen before until_ns; false when there are none left. Runs of seq are as long as until_ns
 * and the end of a pass allow. */
bool schedule_next(struct schedule_cursor *, uint64_t until_ns, struct touch *);

/*
 * The pages of the phase that is on at the cursor: the set the load works on. alloc and free do not count. After
 * schedule_next() said false: the phase that was on just before until_ns.
 */
uint64_t schedule_set_pages(const struct schedule_cursor *);

/* When the next touch happens, in ns since the start: for callers that sleep in between. UINT64_MAX: never. */
uint64_t schedule_next_ns(const struct schedule_cursor *);

#endif
