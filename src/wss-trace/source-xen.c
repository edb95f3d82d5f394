/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The source `xen`: the pages that a domain of the Xen host writes, by their guest frame numbers, from the hypervisor's
 * log-dirty mode (xen-log.h).
 */
#include "source.h"

#include "clock.h"
#include "diag.h"
#include "num.h"
#include "opt.h"
#include "refusals.h"
#include "xen/cr3.h"
#include "xen/guest.h"
#include "xen/log.h"
#include "xen/tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char every[] = "all";

/* Of the first write to a page in a period, where the processor does not log writes itself: an exit to the hypervisor. */
enum { FAULT_COST_NS = 3000 };

/* A domain that is being traced. */
struct domain {
	struct xen_guest guest;
	struct target *target;     /* NULL until it has one */
	struct xen_log *log;
	struct xen_tables *tables; /* NULL: not asked for */
	struct xen_cr3 *cr3;       /* NULL: not asked for */
	uint64_t tables_most;      /* to be read in a period */
	uint64_t told_ns;          /* end of the period before */
	uint64_t written;          /* pages of this period */
	struct follower *follower; /* that found it; NULL = it was named */
	struct domain *next;
};

/* -s xen:all */
struct follower {
	const struct xen *xen;
	struct domain *domains;
	struct refusals refused;
};

/* ---- a domain ---- */

static void domain_free(struct domain *d)
{
	if (d->cr3)
		xen_cr3_close(d->cr3);
	if (d->tables)
		xen_tables_close(d->tables);
	if (d->log)
		xen_log_close(d->log);
	free(d->guest.name);
	free(d);
}

/* What stands against tracing it. True: nothing. */
static bool is_traceable(const struct xen *xen, const xc_domaininfo_t *info, struct failure *failure)
{
	const char *ended = xen_how_it_ended(info);

	if (ended)
		failure_set(failure, EX_NOINPUT, "%s", ended);
	return !ended && xen_log_possible(xen, info, failure);
}

/* The number that an option gives. */
static uint64_t number_option(const struct target *target, const char *key, uint64_t usual)
{
	const char *text = target_option(target, key);
	uint64_t value = usual;

	if (text && num_u64(text, strlen(text), &value) != NUM_OK)
		opt_die("source xen: %s=%s: need a whole number", key, text);
	return value;
}

static bool open_tables(struct domain *d, const struct target *asked, struct failure *failure)
{
	d->tables_most = number_option(asked, "tables", XEN_TABLES_USUAL);
	return d->tables_most == 0 || (d->tables = xen_tables_open(d->guest.xen, &d->guest.info, failure));
}

static bool open_cr3(struct domain *d, const struct target *asked, struct failure *failure)
{
	return number_option(asked, "cr3", 0) == 0 || (d->cr3 = xen_cr3_open(d->guest.xen, &d->guest.info, failure));
}

/* `asked`: the target with the options. NULL: *failure says why. */
static struct domain *domain_open(const struct xen *xen, const xc_domaininfo_t *info, const struct target *asked,
				  struct failure *failure)
{
	struct domain *d = or_die(calloc(1, sizeof(*d)));

	d->guest = xen_guest_of(xen, info);
	if (is_traceable(xen, info, failure) && (d->log = xen_log_open(xen, info, failure)) &&
	    open_tables(d, asked, failure) && open_cr3(d, asked, failure))
		return d;
	domain_free(d);
	return NULL;
}

/* Where a device model emulates devices, it writes into the guest's memory without the hypervisor. */
static uint64_t blind_mask(const xc_domaininfo_t *info)
{
	bool emulated = info->arch_config.emulation_flags & ~(uint32_t)XEN_X86_EMU_LAPIC;

	return BLIND_READS | BLIND_ORDER | (emulated ? BLIND_DMA : 0);
}

/* First rows. */
static void begin(struct domain *d, struct target *target)
{
	xen_pfn_t cached = 0;
	uint64_t total = 0, unpopulated = 0;

	d->target = target;
	target->t_ns = d->told_ns = clock_now_ns();
	emit(target, event_begin, UNKNOWN, UNKNOWN, UNKNOWN);
	emit(target, event_blind, UNKNOWN, UNKNOWN, blind_mask(&d->guest.info));
	if (xc_domain_get_pod_target(d->guest.xen->xc, d->guest.info.domain, &total, &cached, &unpopulated) == 0 && unpopulated)
		warn("%s: %llu pages are still to be populated on demand: their first touch counts as a write, be it a read", target->name,
		     (unsigned long long)unpopulated);
}

/* ---- a period ---- */

static void put_write(void *context, uint64_t gfn, uint64_t pages)
{
	struct domain *d = context;

	d->written += pages;
	emit(d->target, event_write, gfn, pages, UNKNOWN);
}

static bool is_renamed(const struct domain *d)
{
	char *name = xen_name(d->guest.xen, d->guest.info.domain);
	bool renamed = name && strcmp(name, d->guest.name) != 0;

	free(name);
	return renamed;
}

static void put_table(void *context, uint64_t gfn, uint64_t pages)
{
	const struct domain *d = context;

	emit(d->target, event_table, gfn, pages, UNKNOWN);
}

static void put_switch(struct domain *d, const struct xen_cr3_event *event)
{
	struct rec_event row = {
		.t_ns = event->t_ns > d->told_ns ? event->t_ns : d->told_ns, .vm = d->target->name, .vcpu = event->vcpu, .event = event->flush ? event_flush : event_cr3,
		.gfn = UNKNOWN, .pages = UNKNOWN, .arg = event->cr3, .lost = UNKNOWN,
	};

	emit_row(&row);
	if (d->tables && !event->flush)
		xen_tables_ran(d->tables, event->cr3);
}

/* Changes of address space, which have their own times. Returns how many were missed. */
static uint64_t put_switches(struct domain *d)
{
	struct xen_cr3_event event;

	while (xen_cr3_next(d->cr3, &event))
		put_switch(d, &event);
	return xen_cr3_lost(d->cr3);
}

static uint64_t domain_collect(struct target *target)
{
	struct domain *d = target->state;
	uint64_t lost = d->cr3 ? put_switches(d) : 0;
	const char *why, *ended;
	bool taken;

	target->t_ns = clock_now_ns();
	d->written = 0;
	taken = xen_log_take(d->log, put_write, d, &why);
	ended = xen_guest_look(&d->guest);
	if (d->tables && !ended)
		xen_tables_take(d->tables, d->tables_most, put_table, d);
	xen_guest_put_size(&d->guest, target);
	if (ended || !taken)
		target_gone(target, ended ? ended : why);
	else if (is_renamed(d))
		target_gone(target, "it was renamed; tracing under the old name is over");
	d->told_ns = target->t_ns;
	target->period_ns = period_within_overhead(target, d->written, target->period_ns, FAULT_COST_NS);
	/* What it wrote in this period is not known: it may be all it has. */
	return lost + (taken ? 0 : xen_guest_present_pages(&d->guest));
}

/* ---- all domains ---- */

static bool is_followed(const struct follower *f, const xc_domaininfo_t *info)
{
	for (const struct domain *d = f->domains; d; d = d->next)
		if (xen_guest_is(&d->guest, info))
			return true;
	return false;
}

/* Whether it is there to run the device model of another one, which it then names. */
static bool is_stub(const struct xen *xen, const xc_domaininfo_t *info)
{
	char *served = xen_read(xen, "/local/domain/%u/target", info->domain);
	bool is = served;

	free(served);
	return is;
}

static void follow_domain(struct follower *f, struct target *parent, const xc_domaininfo_t *info)
{
	struct failure failure = { 0 };
	struct domain *d = NULL;
	char uuid[XEN_UUID_MAX];
	char *name = xen_guest_name(f->xen, info);

	if (target_name_taken(name))
		failure_set(&failure, EX_UNAVAILABLE, "another target has that name");
	else if (is_stub(f->xen, info))
		failure_set(&failure, EX_UNAVAILABLE, "a stub domain: it works for another one; name it to trace it");
	else
		d = domain_open(f->xen, info, parent, &failure);
	if (!d && refusals_add(&f->refused, xen_uuid(info, uuid), failure.text))
		warn("xen:%s: %s", name, failure.text);
	free(name);
	if (!d)
		return;
	d->follower = f;
	d->next = f->domains;
	f->domains = d;
	begin(d, target_add(parent, d->guest.name, d));
}

/* Whether it runs, that is, has been built and has not ended. */
static bool has_begun(const xc_domaininfo_t *info)
{
	return info->domain != 0 && info->cpu_time > 0 && !xen_how_it_ended(info);
}

/* Domains that have come since the last look become targets. */
static void follow(struct target *target)
{
	struct follower *f = target->state;
	size_t n = 0;
	xc_domaininfo_t *list = xen_list(f->xen, &n);

	for (size_t i = 0; i < n; i++)
		if (has_begun(&list[i]) && !is_followed(f, &list[i]))
			follow_domain(f, target, &list[i]);
	free(list);
	refusals_turn(&f->refused);
}

/* ---- the interface ---- */

static void check_options(const struct target *target)
{
	static const char *const keys[] = { "tables", "cr3", NULL };

	target_check_options(target, keys);
}

static const struct xen *connect_for(const struct target *target)
{
	check_options(target);
	return xen_for(target);
}

static struct domain *open_named(const struct target *target)
{
	const struct xen *xen = connect_for(target);
	xc_domaininfo_t info = xen_named(xen, target);
	struct failure failure;
	struct domain *d = domain_open(xen, &info, target, &failure);

	if (!d)
		die(failure.code, "xen:%s: %s", target->spec, failure.text);
	return d;
}

static void xen_source_open(struct target *target)
{
	struct domain *d;

	if (strcmp(target->spec, every) == 0) {
		struct follower *f = or_die(calloc(1, sizeof(*f)));

		f->xen = connect_for(target);
		target->state = f;
		target->follows = true;
		target->due_ns = 0; /* the first look is now */
		return;
	}
	d = open_named(target);
	target->state = d;
	target_name(target, d->guest.name);
	begin(d, target);
}

static uint64_t xen_source_collect(struct target *target)
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

static void xen_source_close(struct target *target)
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
	refusals_release(&f->refused);
	free(f);
}

typedef int domain_deed(const struct xen *, const xc_domaininfo_t *, struct failure *);

/* Does it to all domains; those that it cannot be done to are told. Returns how often it was done. */
static unsigned do_to_all(const struct xen *xen, domain_deed *deed)
{
	size_t n = 0;
	xc_domaininfo_t *list = xen_list(xen, &n);
	unsigned done = 0;

	for (size_t i = 0; i < n; i++) {
		struct failure failure = { 0 };
		int result = has_begun(&list[i]) ? deed(xen, &list[i], &failure) : 0;
		char *name = xen_guest_name(xen, &list[i]);

		if (result < 0)
			warn("xen:%s: %s", name, failure.text);
		else
			done += (unsigned)result;
		free(name);
	}
	free(list);
	return done;
}

static unsigned do_to(const struct target *target, domain_deed *deed)
{
	const struct xen *xen = connect_for(target);
	struct failure failure;
	xc_domaininfo_t info;
	int done;

	if (strcmp(target->spec, every) == 0)
		return do_to_all(xen, deed);
	info = xen_named(xen, target);
	done = deed(xen, &info, &failure);
	if (done < 0)
		die(failure.code, "xen:%s: %s", target->spec, failure.text);
	return (unsigned)done;
}

static int release(const struct xen *xen, const xc_domaininfo_t *info, struct failure *failure)
{
	int cr3 = xen_cr3_release(xen, info, failure), log = xen_log_release(xen, info, failure);

	return cr3 < 0 || log < 0 ? -1 : cr3 + log;
}

static unsigned xen_source_release(struct target *target)
{
	return do_to(target, release);
}

static int leave_on(const struct xen *xen, const xc_domaininfo_t *info, struct failure *failure)
{
	struct xen_log *log = is_traceable(xen, info, failure) ? xen_log_open(xen, info, failure) : NULL;

	if (!log)
		return -1;
	xen_log_leave(log);
	return 1;
}

static unsigned xen_source_enable(struct target *target)
{
	return do_to(target, leave_on);
}

/* ---- probe ---- */

static void xen_source_probe(const struct target *target, struct probe *probe)
{
	struct failure failure;
	const struct xen *xen = xen_open(&failure);
	bool named = target->spec && strcmp(target->spec, every) != 0;
	xc_domaininfo_t info = { 0 };
	char *name;

	if (target->spec)
		check_options(target);
	snprintf(probe->how, sizeof(probe->how), "the hypervisor's log-dirty mode: by write faults, or by the processor (PML)");
	snprintf(probe->intrusive, sizeof(probe->intrusive),
		 "write-protects the domain's memory and pauses it for a moment each period; splits its large pages");
	probe->blind = BLIND_READS | BLIND_ORDER;
	probe->cost_ns = FAULT_COST_NS;
	if (xen && named && xen_find(xen, target->spec, &info, &failure)) {
		name = xen_guest_name(xen, &info);
		snprintf(probe->name, sizeof(probe->name), "%.63s", name);
		free(name);
		probe->memory_pages = info.tot_pages;
		probe->blind = blind_mask(&info);
		is_traceable(xen, &info, &failure);
	}
	if (failure.code) {
		snprintf(probe->cannot, sizeof(probe->cannot), "%s", failure.text);
		probe->cannot_code = failure.code;
	}
}

const struct source source_xen = {
	.name = "xen",
	.spec_help = "DOMAIN",
	.help = "the pages that a domain of this Xen host writes; xen:all for all but dom0",
	.probe = xen_source_probe,
	.open = xen_source_open,
	.collect = xen_source_collect,
	.close = xen_source_close,
	.release = xen_source_release,
	.enable = xen_source_enable,
};
