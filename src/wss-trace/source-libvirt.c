/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The source `libvirt`: the pages that a virtual machine of QEMU writes, by their guest frame numbers. libvirt says what the
 * domain is, QEMU where the guest's RAM lies in its process; that is watched as track.h does.
 */
#include "source.h"

#include "clock.h"
#include "diag.h"
#include "opt.h"
#include "../libvirt/quiet.h"
#include "qemu/libvirt-link.h"
#include "qemu/libvirt-parse.h"
#include "qemu/tables.h"
#include "refusals.h"

#include <libvirt/libvirt-qemu.h>
#include <linux/capability.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const char *const keys[] = { "uri", "mechanism", "tables", NULL };
static const char every[] = "all";

/* A domain that is being traced. It is known by its UUID: names may move to others. */
struct domain {
	struct lv *lv;
	struct target *target;      /* NULL until it has one */
	char uuid[VIR_UUID_STRING_BUFLEN];
	char name[TEXT_FIELD_MAX + 1];
	const char *unseen_writer;  /* parse_unseen_writer() */
	pid_t pid;
	int pidfd;
	struct track *track;        /* NULL when `over` says why it was released */
	struct track_range *range;  /* the guest's RAM */
	size_t ranges;
	struct qemu_tables *tables; /* NULL: not looked for */
	uint64_t tables_most;       /* to be read in a period */
	const char *over;
	bool paused;                /* when we last looked */
	bool ran;                   /* then or at the look before: a snapshot that begins pauses it for a moment */
	int callback;               /* for QEMU's migration events, of the connection number ... */
	unsigned connected;

	uint64_t max_kib, actual_kib;
	uint64_t blind;             /* as the stream says it */
	uint64_t written, lost;     /* pages of this period */
	struct follower *follower;  /* that found it; NULL = it was named */
	struct domain *next;
};

/* -s libvirt:all */
struct follower {
	struct lv *lv;
	struct domain *domains;
	struct refusals refused;
};

/* ---- a domain ---- */

static void count_lost(void *context, uint64_t gfn, uint64_t pages)
{
	struct domain *d = context;

	(void)gfn;
	d->lost += pages;
}

/* Lets go of the domain at once, in the middle of a period; what was written in it so far is counted as lost. */
static void release(struct domain *d, const char *over)
{
	const char *why;

	if (!d->track)
		return;
	track_collect(d->track, count_lost, d, &why);
	track_close(d->track);
	d->track = NULL;
	d->over = over;
}

static void on_migration(virConnectPtr conn, virDomainPtr dom, const char *event, long long s, unsigned us, const char *details,
			 void *context)
{
	struct domain *d = context;

	(void)conn;
	(void)dom;
	(void)event;
	(void)s;
	(void)us;
	if (!d->track || !details || (!strstr(details, "\"setup\"") && !strstr(details, "\"active\"")))
		return;
	release(d, "a migration or a snapshot has begun; tracing is over");
	if (d->target)
		d->target->due_ns = 0;
	lv_wake();
}

static void listen(struct domain *d, virDomainPtr dom)
{
	if (d->connected == d->lv->connected)
		return;
	d->connected = d->lv->connected;
	d->callback = virConnectDomainQemuMonitorEventRegister(d->lv->conn, dom, "MIGRATION", on_migration, d, NULL, 0);
	if (d->callback < 0)
		note("%s: no events from QEMU, so a migration is noticed once a period: %s", d->name, lv_error());
}

/* QEMU's background snapshot cannot start while we hold the memory, and we may have let go too late. */
static void mend(struct domain *d)
{
	virDomainPtr dom = lv_answers(d->lv) ? virDomainLookupByUUIDString(d->lv->conn, d->uuid) : NULL;

	if (dom && domain_resume_after_snapshot(dom))
		warn("%s: a background snapshot failed because its memory was traced; the guest, left paused, was resumed; try the snapshot again",
		     d->name);
	if (dom)
		virDomainFree(dom);
}

static void domain_free(struct domain *d)
{
	if (d->over && d->ran)
		mend(d);
	if (d->callback >= 0 && d->connected == d->lv->connected && d->lv->conn)
		virConnectDomainQemuMonitorEventDeregister(d->lv->conn, d->callback);
	if (d->track)
		track_close(d->track);
	if (d->tables)
		qemu_tables_free(d->tables);
	free(d->range);
	if (d->pidfd >= 0)
		close(d->pidfd);
	lv_close(d->lv);
	free(d);
}

/* What stands against tracing it, and where its process is. False: *failure. */
static bool look_at(struct domain *d, virDomainPtr dom, struct failure *failure)
{
	virDomainInfo info;
	const char *job;
	char *xml;

	snprintf(d->name, sizeof(d->name), "%s", virDomainGetName(dom));
	virDomainGetUUIDString(dom, d->uuid);
	if (strcmp(virConnectGetType(d->lv->conn), "QEMU") != 0)
		failure_set(failure, EX_UNAVAILABLE, "not a virtual machine of QEMU; there may be another source for it");
	else if (virDomainIsActive(dom) != 1)
		failure_set(failure, EX_NOINPUT, "it does not run; start it first");
	else if ((job = domain_job(dom)))
		failure_set(failure, EX_UNAVAILABLE, "%s is in progress; try again when that is over", job);
	else if (domain_migrates(dom))
		failure_set(failure, EX_UNAVAILABLE, "a migration or a snapshot is in progress; try again when that is over");
	else if (virDomainGetInfo(dom, &info) < 0 || !(xml = virDomainGetXMLDesc(dom, 0)))
		failure_set(failure, EX_UNAVAILABLE, "%s", lv_error());
	else {
		d->max_kib = info.maxMem;
		d->actual_kib = info.memory;
		d->paused = info.state != VIR_DOMAIN_RUNNING;
		d->ran = !d->paused;
		d->unseen_writer = parse_unseen_writer(xml);
		free(xml);
		d->pid = domain_pid(d->uuid, failure);
	}
	return !failure->code;
}

static bool watch(struct domain *d, virDomainPtr dom, const char *mechanism, struct failure *failure)
{
	struct pollfd exited = { .events = POLLIN };
	struct track_wish wish = { .pid = d->pid, .mechanism = mechanism };

	d->range = domain_ranges(dom, &d->ranges, failure);
	if (!d->range)
		return false;
	d->pidfd = (int)syscall(SYS_pidfd_open, d->pid, 0);
	wish.range = d->range;
	wish.ranges = d->ranges;
	/* QEMU's own filter lets it have a userfaultfd: it needs one for snapshots. */
	wish.trust_filter = true;
	d->track = track_open(&wish, failure);
	if (!d->track)
		return false;
	/* If it is the process of that UUID still, it was all the time. */
	exited.fd = d->pidfd;
	if (d->pidfd < 0 || poll(&exited, 1, 0) > 0 || domain_pid(d->uuid, failure) != d->pid)
		failure_set(failure, EX_NOINPUT, "it went away");
	return !failure->code;
}

/* NULL: *failure says why. */
static struct domain *domain_open(struct lv *lv, virDomainPtr dom, const char *mechanism, struct failure *failure)
{
	struct domain *d = or_die(calloc(1, sizeof(*d)));

	failure->code = 0;
	d->lv = lv_share(lv);
	d->callback = d->pidfd = -1;
	listen(d, dom); /* before the question whether there is a job */
	if (look_at(d, dom, failure) && watch(d, dom, mechanism, failure))
		return d;
	domain_free(d);
	return NULL;
}

static uint64_t tables_of(const struct target *target)
{
	const char *tables = target_option(target, "tables");

	return tables ? opt_number("-s libvirt: tables", tables, OPT_U64, 0, UINT32_MAX) : 0;
}

/* First rows. */
static void begin(struct domain *d, struct target *target)
{
	const struct track_facts *facts = track_facts(d->track);

	d->target = target;
	d->tables_most = tables_of(target);
	if (d->tables_most)
		d->tables = qemu_tables_new(d->pid);
	target->t_ns = clock_now_ns();
	emit(target, event_begin, UNKNOWN, UNKNOWN, UNKNOWN);
	note("%s: process %d, %llu pages watched by %s; a first write costs %llu ns", target->name, (int)d->pid,
	     (unsigned long long)facts->watched_pages, facts->mechanism, (unsigned long long)facts->cost_ns);
	if (d->unseen_writer)
		warn("%s has %s: what that writes is not seen", target->name, d->unseen_writer);
	d->blind = UNKNOWN;
}

/* Devices of QEMU itself and of the kernel's vhost write through the watched mapping; only others go unseen. */
static uint64_t blind_mask(uint64_t blind, const char *unseen_writer)
{
	return (blind & ~(uint64_t)(BLIND_DMA | BLIND_GFN)) | (unseen_writer ? BLIND_DMA : 0);
}

static void say_blind(struct domain *d)
{
	uint64_t blind = blind_mask(track_facts(d->track)->blind, d->unseen_writer);

	if (blind != d->blind)
		emit(d->target, event_blind, UNKNOWN, UNKNOWN, blind);
	d->blind = blind;
}

/* ---- a period ---- */

static void put_write(void *context, uint64_t gfn, uint64_t pages)
{
	struct domain *d = context;

	d->written += pages;
	emit(d->target, event_write, gfn, pages, UNKNOWN);
}

/* The domain's state; where libvirt does not know yet that its process has ended, a little later. False: there is none. */
static bool final_state(virDomainPtr dom, int *state, int *reason)
{
	const struct timespec pause = { .tv_nsec = 10 * NS_PER_MS };

	for (int patience = 20; virDomainGetState(dom, state, reason, 0) == 0; patience--) {
		if (*state == VIR_DOMAIN_SHUTOFF || !patience)
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

/* In words, of a domain whose process has gone. */
static const char *how_it_ended(struct domain *d)
{
	static const char *const reasons[] = {
		[VIR_DOMAIN_SHUTOFF_SHUTDOWN] = "it was shut down",
		[VIR_DOMAIN_SHUTOFF_DESTROYED] = "it was destroyed",
		[VIR_DOMAIN_SHUTOFF_CRASHED] = "it crashed",
		[VIR_DOMAIN_SHUTOFF_MIGRATED] = "it was migrated away",
		[VIR_DOMAIN_SHUTOFF_SAVED] = "it was saved",
		[VIR_DOMAIN_SHUTOFF_FAILED] = "it failed to start",
		[VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT] = "it went back to a snapshot",
	};
	virDomainPtr dom = lv_answers(d->lv) ? virDomainLookupByUUIDString(d->lv->conn, d->uuid) : NULL;
	struct failure failure;
	const char *how = "its QEMU has ended";
	int state, reason;

	if (dom && final_state(dom, &state, &reason)) {
		if (state == VIR_DOMAIN_SHUTOFF && reason > 0 && reason < (int)(sizeof(reasons) / sizeof(*reasons)) && reasons[reason])
			how = reasons[reason];
		else if (state != VIR_DOMAIN_SHUTOFF && domain_pid(d->uuid, &failure))
			how = "it was started again";
	}
	if (dom)
		virDomainFree(dom);
	return how;
}

/* Memory was plugged in or taken out. */
static void follow_memory(struct domain *d, virDomainPtr dom, uint64_t max_kib)
{
	struct failure failure;
	struct track_range *range;
	size_t n;

	if (max_kib == d->max_kib)
		return;
	range = domain_ranges(dom, &n, &failure);
	if (range) {
		track_ranges(d->track, range, n);
		d->max_kib = max_kib;
		free(d->range);
		d->range = range;
		d->ranges = n;
	} else {
		warn("%s: its memory has changed, but %s", d->target->name, failure.text);
	}
}

static void put_table(void *context, uint64_t gfn, uint64_t pages)
{
	const struct domain *d = context;

	emit(d->target, event_table, gfn, pages, UNKNOWN);
}

/* What libvirt says of it at the end of a period. */
static void ask_libvirt(struct domain *d)
{
	virDomainPtr dom = lv_answers(d->lv) ? virDomainLookupByUUIDString(d->lv->conn, d->uuid) : NULL;
	virDomainInfo info;

	d->actual_kib = UNKNOWN;
	if (!dom)
		return;
	listen(d, dom);
	if (strcmp(virDomainGetName(dom), d->name) != 0) {
		release(d, "it was renamed; tracing under the old name is over");
	} else if (domain_job(dom)) {
		release(d, "a migration or a snapshot has begun; tracing is over");
	} else if (virDomainGetInfo(dom, &info) == 0) {
		d->actual_kib = info.memory;
		d->ran = info.state == VIR_DOMAIN_RUNNING || !d->paused;
		d->paused = info.state != VIR_DOMAIN_RUNNING;
		follow_memory(d, dom, info.maxMem);
		if (d->tables)
			qemu_tables_take(d->tables, d->range, d->ranges, domain_ask, dom, d->tables_most, put_table, d);
	}
	virDomainFree(dom);
}

static uint64_t kib_to_pages(uint64_t kib)
{
	return kib == UNKNOWN ? UNKNOWN : kib / KIB_PER_PAGE;
}

static uint64_t domain_collect(struct target *target)
{
	struct domain *d = target->state;
	const char *why;

	target->t_ns = clock_now_ns();
	d->written = 0;
	if (d->track && !track_collect(d->track, put_write, d, &why)) {
		target_gone(target, how_it_ended(d));
		return 0;
	}
	if (d->track)
		ask_libvirt(d);
	emit(target, event_size, UNKNOWN, kib_to_pages(d->max_kib), kib_to_pages(d->actual_kib));
	if (d->over) {
		target_gone(target, d->over);
		return d->lost;
	}
	say_blind(d);
	target->period_ns = period_within_overhead(target, d->written, target->period_ns, track_facts(d->track)->cost_ns);
	return 0;
}

/* ---- all domains ---- */

static bool is_followed(const struct follower *f, const char *uuid)
{
	for (const struct domain *d = f->domains; d; d = d->next)
		if (strcmp(d->uuid, uuid) == 0)
			return true;
	return false;
}

static void refuse(struct follower *f, const char *uuid, const char *name, const char *text)
{
	if (refusals_add(&f->refused, uuid, text))
		warn("libvirt:%s: %s", name, text);
}

static void follow_domain(struct follower *f, struct target *parent, virDomainPtr dom)
{
	const char *name = virDomainGetName(dom);
	char uuid[VIR_UUID_STRING_BUFLEN] = "";
	struct failure failure;
	struct domain *d;

	virDomainGetUUIDString(dom, uuid);
	if (is_followed(f, uuid))
		return;
	if (target_name_taken(name)) {
		refuse(f, uuid, name, "another target has that name");
		return;
	}
	d = domain_open(f->lv, dom, target_option(parent, "mechanism"), &failure);
	if (!d) {
		refuse(f, uuid, name, failure.text);
		return;
	}
	d->follower = f;
	d->next = f->domains;
	f->domains = d;
	begin(d, target_add(parent, name, d));
	say_blind(d);
}

/* Whether it is just being started: its QEMU would keep us waiting. */
static bool starts(virDomainPtr dom)
{
	int state, reason;

	return virDomainGetState(dom, &state, &reason, 0) < 0 || (state == VIR_DOMAIN_PAUSED && reason == VIR_DOMAIN_PAUSED_STARTING_UP);
}

/* Domains that have come since the last look become targets. */
static void follow(struct target *target)
{
	struct follower *f = target->state;
	virDomainPtr *dom = NULL;
	int n = lv_answers(f->lv) ? virConnectListAllDomains(f->lv->conn, &dom, VIR_CONNECT_LIST_DOMAINS_ACTIVE) : 0;

	for (int i = 0; i < n; i++) {
		if (!starts(dom[i]))
			follow_domain(f, target, dom[i]);
		virDomainFree(dom[i]);
	}
	free(dom);
	refusals_turn(&f->refused);
}

/* ---- the interface ---- */

/* Dies when there is none. */
static virDomainPtr find(struct lv *lv, const struct target *target)
{
	virDomainPtr dom = virDomainLookupByName(lv->conn, target->spec);

	if (!dom)
		dom = virDomainLookupByUUIDString(lv->conn, target->spec);
	if (!dom)
		die(EX_NOINPUT, "libvirt:%s: no such domain; 'virsh list' shows those that run", target->spec);
	return dom;
}

static struct lv *connect_for(const struct target *target)
{
	struct failure failure;
	struct lv *lv;

	target_check_options(target, keys);
	tables_of(target);
	lv = lv_open(target_option(target, "uri"), &failure);
	if (!lv)
		die(failure.code, "libvirt:%s: %s", target->spec, failure.text);
	return lv;
}

static void libvirt_open(struct target *target)
{
	struct lv *lv = connect_for(target);
	struct failure failure;
	virDomainPtr dom;
	struct domain *d;

	if (strcmp(target->spec, every) == 0) {
		struct follower *f = or_die(calloc(1, sizeof(*f)));

		f->lv = lv;
		target->state = f;
		target->follows = true;
		target->due_ns = 0; /* the first look is now */
		return;
	}
	dom = find(lv, target);
	d = domain_open(lv, dom, target_option(target, "mechanism"), &failure);
	virDomainFree(dom);
	lv_close(lv); /* the domain has its share */
	if (!d)
		die(failure.code, "libvirt:%s: %s", target->spec, failure.text);
	target->state = d;
	target_name(target, d->name);
	begin(d, target);
	say_blind(d);
}

static uint64_t libvirt_collect(struct target *target)
{
	if (!target->follows)
		return domain_collect(target);
	follow(target);
	return 0;
}

static void unlink_domain(struct domain *d)
{
	struct domain **at = &d->follower->domains;

	while (*at != d)
		at = &(*at)->next;
	*at = d->next;
}

static void libvirt_close(struct target *target)
{
	struct follower *f = target->state;
	struct domain *d = target->state;

	if (!target->follows) {
		if (d->follower)
			unlink_domain(d);
		domain_free(d);
		return;
	}
	for (d = f->domains; d; d = d->next)
		d->follower = NULL;
	lv_close(f->lv);
	refusals_release(&f->refused);
	free(f);
}

static unsigned libvirt_release(struct target *target)
{
	struct lv *lv = connect_for(target);
	virDomainPtr dom = find(lv, target);
	char uuid[VIR_UUID_STRING_BUFLEN] = "";
	struct failure failure = { 0 };
	int closed = -1;
	pid_t pid;

	virDomainGetUUIDString(dom, uuid);
	pid = domain_pid(uuid, &failure);
	if (pid)
		closed = track_release(pid, &failure);
	if (closed < 0)
		die(failure.code, "libvirt:%s: %s", target->spec, failure.text);
	virDomainFree(dom);
	lv_close(lv);
	return (unsigned)closed;
}

/* ---- probe ---- */

static void cannot(struct probe *probe, const struct failure *failure)
{
	snprintf(probe->cannot, sizeof(probe->cannot), "%s", failure->text);
	probe->cannot_code = failure->code;
}

/* Fills in what is known of the domain, and of its memory in `wish`; false: *failure. */
static bool probe_domain(const struct target *target, struct probe *probe, struct track_wish *wish, struct failure *failure)
{
	struct lv *lv = connect_for(target);
	virDomainPtr dom = find(lv, target);
	struct domain d = { .lv = lv };
	bool fine = look_at(&d, dom, failure) && (wish->range = domain_ranges(dom, &wish->ranges, failure));

	wish->pid = d.pid;
	snprintf(probe->name, sizeof(probe->name), "%.63s", d.name);
	probe->blind = d.unseen_writer ? BLIND_DMA : 0;
	probe->memory_pages = kib_to_pages(d.max_kib);
	virDomainFree(dom);
	lv_close(lv);
	return fine;
}

static bool libvirt_is_here(struct failure *failure)
{
	struct lv *lv;

	setenv("LIBVIRT_AUTOSTART", "0", 1); /* no daemon shall start because somebody asks what works here */
	lv = lv_open(NULL, failure);
	if (lv)
		lv_close(lv);
	return lv;
}

static void libvirt_probe(const struct target *target, struct probe *probe)
{
	struct track_wish wish = { .mechanism = target_option(target, "mechanism"), .trust_filter = true };
	struct track_outlook outlook = { 0 };
	struct failure failure = { 0 };
	bool known;

	if (target->spec && strcmp(target->spec, every) != 0)
		known = probe_domain(target, probe, &wish, &failure);
	else
		known = libvirt_is_here(&failure);
	if (!known) {
		cannot(probe, &failure);
		return;
	}
	track_probe(&wish, &outlook);
	free((void *)(uintptr_t)wish.range);
	if (outlook.failure.code) {
		cannot(probe, &outlook.failure);
		return;
	}
	snprintf(probe->how, sizeof(probe->how), "guest RAM as QEMU tells where it is, watched by %s as a process's is",
		 outlook.facts.mechanism);
	if (strcmp(outlook.facts.mechanism, "uffd") != 0)
		snprintf(probe->intrusive, sizeof(probe->intrusive), "write-protects QEMU's memory each period");
	else
		snprintf(probe->intrusive, sizeof(probe->intrusive),
			 "stops QEMU for about 0.1 ms, write-protects guest RAM each period, "
			 "splits up to %llu huge pages until the end",
			 (unsigned long long)outlook.huge_pages);
	probe->blind = blind_mask(outlook.facts.blind, NULL) | probe->blind;
	probe->cost_ns = outlook.facts.cost_ns;
}

const struct source source_libvirt = {
	.name = "libvirt",
	.spec_help = "DOMAIN",
	.help = "the pages that a virtual machine of QEMU writes; libvirt:all for all that run",
	.probe = libvirt_probe,
	.open = libvirt_open,
	.collect = libvirt_collect,
	.close = libvirt_close,
	.release = libvirt_release,
	.wait = lv_wait,
	/* To look into QEMU, to put huge pages together, and to reach the libvirt of another user when it comes back. */
	.capabilities = UINT64_C(1) << CAP_SYS_PTRACE | UINT64_C(1) << CAP_SYS_NICE | UINT64_C(1) << CAP_DAC_OVERRIDE,
};
