/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "track.h"

#include "clock.h"
#include "diag.h"
#include "record.h"
#include "../proc.h"
#include "selftest.h"
#include "uffd.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { SCANS_KEPT = 63, HUGE_RUNS_MAX = 1 << 16 };

/* Memory that is looked at: a mapping, or a range that was asked for. */
struct area {
	uint64_t start, end, gfn;
	bool watched, refused;
	const char *name;            /* until the mappings are read again */
};

struct areas {
	struct area *area;
	size_t n, size;
};

struct run {
	uint64_t start, end;
};

/* Pages that were written, as they are reported. */
struct found {
	uint64_t gfn, pages;
};

struct track {
	pid_t pid;
	bool fixed;                  /* ranges were given */
	struct track_range *range;
	size_t ranges;

	int pidfd, pagemap;
	int uffd;                    /* -1: soft-dirty */
	int clear_refs;

	struct mappings mappings;
	struct areas now, before;
	struct run *huge;            /* what was mapped in huge pages when we came */
	size_t huge_runs;

	struct found *found;         /* soft-dirty: what this look has found */
	size_t founds, found_size;

	track_visit *visit;          /* of the look that is on */
	void *context;
	uint64_t shift;              /* gfn - address, in pages, of the area that is looked at */

	struct track_facts facts;
	uint64_t scan_ns[SCANS_KEPT];
	size_t scans;
};

/* ---- choosing ---- */

/* The mechanism, or NULL and why none works on this machine. */
static const char *choose(const struct track_wish *wish, struct failure *failure)
{
	static const char *const name[] = { "uffd", "soft-dirty", "idle" };
	const struct selftest *test[] = { selftest_uffd(), selftest_soft_dirty(), selftest_idle() };

	failure->code = 0;
	for (size_t i = 0; i < sizeof(name) / sizeof(*name); i++) {
		if (wish->mechanism && strcmp(wish->mechanism, name[i]) != 0)
			continue;
		if (!*test[i]->cannot)
			return name[i];
		if (wish->mechanism) {
			failure_set(failure, EX_UNAVAILABLE, "%s: %s", name[i], test[i]->cannot);
			return NULL;
		}
	}
	if (wish->mechanism)
		failure_set(failure, EX_USAGE, "no mechanism '%s'; there are uffd, soft-dirty and idle",
			    wish->mechanism);
	else
		failure_set(failure, EX_UNAVAILABLE, "uffd: %s; soft-dirty: %s; idle: %s", test[0]->cannot,
			    test[1]->cannot, test[2]->cannot);
	return NULL;
}

static bool is_uffd(const char *mechanism)
{
	return strcmp(mechanism, "uffd") == 0;
}

static uint64_t blind_mask(pid_t pid, bool fixed, const char *mechanism)
{
	uint64_t blind = BLIND_READS | BLIND_DMA | BLIND_ORDER | (fixed ? 0 : BLIND_GFN);
	uint64_t huge_kib = 0;

	if (!is_uffd(mechanism) || (proc_status(pid, "HugetlbPages", 10, &huge_kib) == 0 && huge_kib))
		blind |= BLIND_UNITS;
	return blind;
}

/* ---- which memory ---- */

static struct area *area_add(struct areas *list, uint64_t start, uint64_t end, uint64_t gfn)
{
	struct area *area;

	if (list->n == list->size) {
		list->size = 2 * list->size + 64;
		list->area = or_die(realloc(list->area, list->size * sizeof(*list->area)));
	}
	area = &list->area[list->n++];
	*area = (struct area){ .start = start, .end = end, .gfn = gfn, .name = "" };
	return area;
}

/* What there is to look at now, in t->now. */
static void list_areas(struct track *t)
{
	t->now.n = 0;
	for (size_t i = 0; i < t->ranges; i++)
		area_add(&t->now, t->range[i].start, t->range[i].end, t->range[i].gfn);
	if (t->fixed || mappings_read(&t->mappings, t->pid) < 0)
		return;
	for (size_t i = 0; i < t->mappings.n; i++) {
		const struct mapping *m = &t->mappings.mapping[i];

		if (m->writable)
			area_add(&t->now, m->start, m->end, m->start >> PAGE_SHIFT)->name = m->name;
	}
}

static uint64_t area_pages(const struct area *area)
{
	return (area->end - area->start) >> PAGE_SHIFT;
}

static void count_area(struct track *t, const struct area *area)
{
	*(area->watched ? &t->facts.watched_pages : &t->facts.refused_pages) += area_pages(area);
}

/* Asks for the area's writes. An area that cannot be watched is told once. */
static int watch(struct track *t, struct area *area)
{
	int error = t->uffd < 0 ? 0 : uffd_watch(t->uffd, area->start, area->end);

	area->watched = error == 0;
	area->refused = error != 0;
	if (error)
		note("process %d: %llu pages at %llx %s cannot be watched: %s", (int)t->pid,
		     (unsigned long long)area_pages(area), (unsigned long long)area->start, area->name, strerror(-error));
	return error;
}

static void swap_areas(struct track *t)
{
	struct areas other = t->before;

	t->before = t->now;
	t->now = other;
}

/* Finds what is new since the last look, and watches it; all of its pages will count as written. */
static void follow_areas(struct track *t)
{
	size_t k = 0;

	swap_areas(t);
	list_areas(t);
	if (t->now.n == 0) /* so it is when the first of several threads has ended: stay with what we know */
		swap_areas(t);
	t->facts.watched_pages = t->facts.refused_pages = 0;
	for (size_t i = 0; i < t->now.n; i++) {
		struct area *area = &t->now.area[i];
		const struct area *old;

		while (k < t->before.n && t->before.area[k].end <= area->start)
			k++;
		old = k < t->before.n ? &t->before.area[k] : NULL;
		if (old && old->start <= area->start && old->end >= area->end) {
			area->watched = old->watched;
			area->refused = old->refused;
		}
		if (!area->watched && !area->refused)
			watch(t, area);
		count_area(t, area);
	}
}

/* ---- looking ---- */

static void forget(void *context, uint64_t start, uint64_t end)
{
	(void)context;
	(void)start;
	(void)end;
}

static void report(void *context, uint64_t start, uint64_t end)
{
	struct track *t = context;
	uint64_t pages = (end - start) >> PAGE_SHIFT;
	/* Pages of hugetlbfs are written with one fault each. They are known by their bounds. */
	bool huge = (t->facts.blind & BLIND_UNITS) && start % HUGE_BYTES == 0 && end % HUGE_BYTES == 0;

	t->facts.faults += huge ? (end - start) / HUGE_BYTES : pages;
	t->visit(t->context, (start >> PAGE_SHIFT) + t->shift, pages);
}

static void keep(void *context, uint64_t start, uint64_t end)
{
	struct track *t = context;

	if (t->founds == t->found_size) {
		t->found_size = 2 * t->found_size + 1024;
		t->found = or_die(realloc(t->found, t->found_size * sizeof(*t->found)));
	}
	t->found[t->founds++] = (struct found){ (start >> PAGE_SHIFT) + t->shift, (end - start) >> PAGE_SHIFT };
}

static void set_shift(struct track *t, const struct area *area)
{
	t->shift = area->gfn - (area->start >> PAGE_SHIFT);
}

static void look_at(struct track *t, struct area *area, page_visit *visit)
{
	int error;

	set_shift(t, area);
	error = pagemap_take_written(t->pagemap, area->start, area->end, visit, t);
	if (error != -EPERM)
		return;
	/* Something else was mapped there since: new memory, all of it written. */
	if (watch(t, area) == 0) {
		pagemap_find(t->pagemap, area->start, area->end, PAGE_PRESENT | PAGE_SWAPPED, visit, t);
		pagemap_take_written(t->pagemap, area->start, area->end, forget, t);
	}
}

static void look_uffd(struct track *t, page_visit *visit)
{
	for (size_t i = 0; i < t->now.n; i++)
		if (t->now.area[i].watched)
			look_at(t, &t->now.area[i], visit);
}

/* What is written between the reading and the clearing is missed. So nothing else is done in between. */
static void look_soft_dirty(struct track *t)
{
	t->founds = 0;
	for (size_t i = 0; i < t->now.n; i++) {
		set_shift(t, &t->now.area[i]);
		pagemap_soft_dirty(t->pagemap, t->now.area[i].start, t->now.area[i].end, keep, t);
	}
	if (write(t->clear_refs, "4", 1) < 0) {
		/* it has gone: seen at the next look */
	}
}

static void look(struct track *t, page_visit *visit)
{
	uint64_t start_ns = clock_now_ns();

	t->facts.faults = 0;
	if (t->uffd >= 0)
		look_uffd(t, visit);
	else
		look_soft_dirty(t);
	t->facts.scan_ns = clock_now_ns() - start_ns;
	t->scan_ns[t->scans++ % SCANS_KEPT] = t->facts.scan_ns;
}

static void report_found(struct track *t)
{
	for (size_t i = 0; i < t->founds; i++) {
		t->facts.faults += t->found[i].pages;
		t->visit(t->context, t->found[i].gfn, t->found[i].pages);
	}
	t->founds = 0;
}

static void count_facts(struct track *t)
{
	uint64_t resident = proc_resident_pages(t->pid), huge_kib = 0;

	if (proc_status(t->pid, "HugetlbPages", 10, &huge_kib) == 0) /* the kernel does not count them as resident */
		resident += huge_kib * 1024 / PAGE_BYTES;
	t->facts.resident_pages = resident < t->facts.watched_pages ? resident : t->facts.watched_pages;
	t->facts.blind = blind_mask(t->pid, t->fixed, t->facts.mechanism);
}

/* NULL while the memory we watch is there. */
static const char *gone(struct track *t)
{
	struct pollfd exited = { .fd = t->pidfd, .events = POLLIN };
	uint64_t entry, memory;

	if (poll(&exited, 1, 0) > 0)
		return "the process has ended";
	if (pread(t->pagemap, &entry, sizeof(entry), 0) == sizeof(entry))
		return NULL;
	/* Our memory has gone. One that is just ending has none now; another program has its own. */
	return proc_status(t->pid, "VmSize", 10, &memory) == 0 ? "the process runs another program now" : "the process has ended";
}

/* ---- huge pages ---- */

static void huge_add(void *context, uint64_t start, uint64_t end)
{
	struct track *t = context;

	start = (start + HUGE_BYTES - 1) / HUGE_BYTES * HUGE_BYTES;
	end = end / HUGE_BYTES * HUGE_BYTES;
	if (start >= end || t->huge_runs == HUGE_RUNS_MAX)
		return;
	if (t->huge_runs && t->huge[t->huge_runs - 1].end == start) {
		t->huge[t->huge_runs - 1].end = end;
		return;
	}
	if ((t->huge_runs & (t->huge_runs - 1)) == 0)
		t->huge = or_die(realloc(t->huge, (2 * t->huge_runs + 1) * sizeof(*t->huge)));
	t->huge[t->huge_runs++] = (struct run){ start, end };
}

static void add_bytes(void *context, uint64_t start, uint64_t end)
{
	*(uint64_t *)context += end - start;
}

/* Whether the huge page's worth of memory at `start` is of that kind to the last page. */
static bool all_of(struct track *t, uint64_t start, uint64_t kind)
{
	uint64_t bytes = 0;

	pagemap_find(t->pagemap, start, start + HUGE_BYTES, kind, add_bytes, &bytes);
	return bytes == HUGE_BYTES;
}

/* Asks the kernel for a huge page in place of the small ones at `start`. A page in use makes it EAGAIN for a moment. */
static bool collapse(struct track *t, uint64_t start)
{
	enum { COLLAPSE = 25, TRIES = 5 }; /* MADV_COLLAPSE */
	const struct timespec moment = { .tv_nsec = NS_PER_MS };
	struct iovec chunk = { (void *)(uintptr_t)start, HUGE_BYTES };

	for (int tries = 0; tries < TRIES; tries++) {
		if (syscall(SYS_process_madvise, t->pidfd, &chunk, 1, COLLAPSE, 0) == HUGE_BYTES)
			return true;
		if (errno != EAGAIN)
			break;
		nanosleep(&moment, NULL);
	}
	return false;
}

/*
 * Puts together what our protection split. Not where pages are missing now: a balloon or an allocator gave them back,
 * and they would be filled again.
 */
static void restore_huge(struct track *t)
{
	uint64_t split = 0, restored = 0;
	int error = 0;

	for (size_t i = 0; i < t->huge_runs; i++)
		for (uint64_t at = t->huge[i].start; at < t->huge[i].end; at += HUGE_BYTES) {
			if (all_of(t, at, PAGE_HUGE) || !all_of(t, at, PAGE_PRESENT))
				continue;
			split++;
			if (error == EPERM)
				continue;
			if (collapse(t, at))
				restored++;
			else
				error = errno;
		}
	if (split)
		note("process %d: %llu huge pages were split, %llu of them are back", (int)t->pid,
		     (unsigned long long)split, (unsigned long long)restored);
	/* EINVAL: they are now another's, a snapshot's, who splits them itself. */
	if (restored < split && error != EINVAL)
		warn("process %d: %llu huge pages stay split: %s%s", (int)t->pid,
		     (unsigned long long)(split - restored), strerror(error),
		     error == EPERM ? "; needs CAP_SYS_NICE" : "");
}

/* ---- the interface ---- */

/* Watches for the first time. False: *failure says why not. */
static bool watch_first(struct track *t, struct failure *failure)
{
	uint64_t busy = 0;
	int error = 0;

	list_areas(t);
	for (size_t i = 0; i < t->now.n; i++) {
		struct area *area = &t->now.area[i];
		int result = watch(t, area);

		count_area(t, area);
		if (result == -EBUSY)
			busy += area_pages(area);
		if (result)
			error = -result;
	}
	/* A process that uses a userfaultfd for a part of its memory is watched on the rest. */
	if (busy && (t->fixed || busy > t->facts.watched_pages))
		failure_set(failure, EX_UNAVAILABLE, "another tracer, or a background snapshot, holds process %d",
			    (int)t->pid);
	else if (error && t->fixed)
		failure_set(failure, EX_OSERR, "memory of process %d cannot be watched: %s", (int)t->pid,
			    strerror(error));
	else if (!t->facts.watched_pages)
		failure_set(failure, EX_NOINPUT, "process %d has no memory to watch", (int)t->pid);
	return !failure->code;
}

static void attach_uffd(struct track *t, const struct track_wish *wish, struct failure *failure)
{
	int error;

	t->uffd = inject_userfaultfd(wish->pid, wish->trust_filter, failure);
	if (t->uffd < 0)
		return;
	error = uffd_set_up(t->uffd);
	if (error)
		failure_set(failure, EX_UNAVAILABLE, "userfaultfd of process %d: %s", (int)t->pid, strerror(-error));
	else if (watch_first(t, failure))
		for (size_t i = 0; i < t->now.n; i++)
			pagemap_find(t->pagemap, t->now.area[i].start, t->now.area[i].end, PAGE_HUGE, huge_add, t);
}

static void attach_soft_dirty(struct track *t, struct failure *failure)
{
	t->clear_refs = proc_open(t->pid, "clear_refs", O_WRONLY);
	if (t->clear_refs < 0)
		failure_set(failure, EX_NOPERM, "may not clear the soft-dirty bits of process %d: %s", (int)t->pid,
			    strerror(-t->clear_refs));
	else
		watch_first(t, failure);
}

struct track *track_open(const struct track_wish *wish, struct failure *failure)
{
	const char *mechanism = choose(wish, failure);
	struct track *t;

	if (!mechanism || process_reachable(wish->pid, failure) < 0)
		return NULL;
	t = or_die(calloc(1, sizeof(*t)));
	t->pid = wish->pid;
	t->uffd = t->clear_refs = -1;
	t->facts.mechanism = mechanism;
	t->facts.cost_ns = is_uffd(mechanism) ? selftest_uffd()->cost_ns : selftest_soft_dirty()->cost_ns;
	if (wish->range)
		track_ranges(t, wish->range, wish->ranges);
	t->pidfd = (int)syscall(SYS_pidfd_open, t->pid, 0);
	t->pagemap = proc_open(t->pid, "pagemap", O_RDONLY);
	if (t->pidfd < 0 || t->pagemap < 0)
		failure_set(failure, EX_NOINPUT, "no process %d", (int)t->pid);
	else if (is_uffd(mechanism))
		attach_uffd(t, wish, failure);
	else
		attach_soft_dirty(t, failure);
	if (failure->code) {
		track_close(t);
		return NULL;
	}
	look(t, forget); /* the first look reports everything */
	count_facts(t);
	return t;
}

void track_ranges(struct track *t, const struct track_range *range, size_t n)
{
	free(t->range);
	t->range = or_die(calloc(n ? n : 1, sizeof(*range)));
	memcpy(t->range, range, n * sizeof(*range));
	t->ranges = n;
	t->fixed = true;
}

bool track_collect(struct track *t, track_visit *visit, void *context, const char **why)
{
	*why = gone(t);
	if (*why)
		return false;
	t->visit = visit;
	t->context = context;
	follow_areas(t);
	look(t, report);
	report_found(t);
	count_facts(t);
	return true;
}

const struct track_facts *track_facts(const struct track *t)
{
	return &t->facts;
}

static int by_time(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

void track_close(struct track *t)
{
	size_t kept = t->scans < SCANS_KEPT ? t->scans : SCANS_KEPT;

	if (kept) {
		qsort(t->scan_ns, kept, sizeof(*t->scan_ns), by_time);
		note("process %d: %zu looks, %llu us each (median)", (int)t->pid, t->scans,
		     (unsigned long long)t->scan_ns[kept / 2] / NS_PER_US);
	}
	if (t->uffd >= 0)
		close(t->uffd); /* takes the protection away */
	if (t->huge_runs && !gone(t))
		restore_huge(t);
	if (t->clear_refs >= 0)
		close(t->clear_refs);
	if (t->pagemap >= 0)
		close(t->pagemap);
	if (t->pidfd >= 0)
		close(t->pidfd);
	mappings_release(&t->mappings);
	free(t->now.area);
	free(t->before.area);
	free(t->huge);
	free(t->found);
	free(t->range);
	free(t);
}

/* Memory of the process that would be watched, and the part of it that is mapped in huge pages. */
static void survey(const struct track_wish *wish, struct track_outlook *outlook)
{
	struct track t = { .pid = wish->pid, .uffd = -1 };
	uint64_t huge = 0;

	if (wish->range)
		track_ranges(&t, wish->range, wish->ranges);
	t.pagemap = proc_open(t.pid, "pagemap", O_RDONLY);
	list_areas(&t);
	for (size_t i = 0; i < t.now.n; i++) {
		struct area *area = &t.now.area[i];

		outlook->facts.watched_pages += area_pages(area);
		pagemap_find(t.pagemap, area->start, area->end, PAGE_HUGE, add_bytes, &huge);
	}
	outlook->huge_pages = huge / HUGE_BYTES;
	if (t.pagemap >= 0)
		close(t.pagemap);
	mappings_release(&t.mappings);
	free(t.now.area);
	free(t.range);
}

void track_probe(const struct track_wish *wish, struct track_outlook *outlook)
{
	const char *mechanism = choose(wish, &outlook->failure);

	outlook->facts.mechanism = mechanism ? mechanism : "";
	if (wish->pid && !outlook->failure.code)
		process_reachable(wish->pid, &outlook->failure);
	if (outlook->failure.code)
		return;
	outlook->facts.cost_ns = is_uffd(mechanism) ? selftest_uffd()->cost_ns : selftest_soft_dirty()->cost_ns;
	outlook->facts.blind = blind_mask(wish->pid, wish->range, mechanism);
	if (!wish->pid)
		return;
	if (is_uffd(mechanism))
		inject_allowed(wish->pid, wish->trust_filter, &outlook->failure);
	survey(wish, outlook);
}

int track_release(pid_t pid, struct failure *failure)
{
	return inject_release(pid, false, failure);
}
