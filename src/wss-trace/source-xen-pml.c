/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The source `xen-pml`: the pages that a domain of the Xen host writes, in the order in which the processor logged them,
 * from a hypervisor with the patches of hv-patches/xen-4.17 (xen-pml.h).
 */
#include "source.h"

#include "clock.h"
#include "diag.h"
#include "opt.h"
#include "xen/guest.h"
#include "xen/pml.h"
#include "xen/tables.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An exit and its work, divided by the entries of a buffer, and clearing the dirty bit. */
enum { ENTRY_COST_NS = 1000 };

/* Entries: 16 GiB of memory can be written in a period. 16 bytes each, of Xen's memory. */
enum { RING_USUAL = 1 << 20, RING_MAX = 1 << 22 };

struct domain {
	struct xen_guest guest;
	struct target *target;
	struct xen_pml *pml;
	struct xen_tables *tables; /* NULL: not asked for */
	uint64_t tables_most;      /* to be read in a period */
	bool filter;               /* the hypervisor leaves them out */
	uint64_t logged;           /* in this period */
	uint64_t last_ns;          /* of the last entry: they go on from there */
	struct rec_event run;      /* entries that follow each other in time and place; no pages: none */
};

/* ---- options ---- */

static uint64_t number_option(const struct target *target, const char *key, const char *label, uint64_t usual, uint64_t least,
			      uint64_t most)
{
	const char *text = target_option(target, key);

	return text ? opt_number(label, text, OPT_U64, least, most) : usual;
}

static bool filter_option(const struct target *target)
{
	const char *text = target_option(target, "filter");
	bool on = text && strcmp(text, "on") == 0;

	if (text && !on && strcmp(text, "off") != 0)
		opt_die("-s xen-pml: bad filter '%s'; one of on, off", text);
	return on;
}

/* Sets what is asked for of tables, too. */
static struct xen_pml_config config_of(const struct target *target, struct domain *d)
{
	static const char *const keys[] = { "buffers", "entries", "filter", "tables", NULL };

	target_check_options(target, keys);
	d->filter = filter_option(target);
	d->tables_most = number_option(target, "tables", "-s xen-pml: tables", XEN_TABLES_USUAL, d->filter, PAGEWALK_TABLES_MAX);
	return (struct xen_pml_config){
		.two_buffers = number_option(target, "buffers", "-s xen-pml: buffers", 2, 1, 2) == 2,
		.no_tables = d->filter,
		.entries = (uint32_t)number_option(target, "entries", "-s xen-pml: entries", RING_USUAL, 1, RING_MAX),
	};
}

/* ---- the domain ---- */

/* Processors are logged each for itself: between them there is only the order in which their buffers were full. */
static uint64_t blind_mask(const xc_domaininfo_t *info)
{
	return BLIND_READS | BLIND_DMA | (info->max_vcpu_id > 0 ? BLIND_ORDER : 0);
}

/* ---- a period ---- */

static void put_run(struct domain *d)
{
	if (d->run.pages)
		emit_row(&d->run);
	d->run.pages = 0;
}

static void put_entry(struct domain *d, const struct xen_pml_log_entry *entry)
{
	uint64_t gfn = XEN_PML_LOG_GFN(entry->page), vcpu = XEN_PML_LOG_VCPU(entry->page);
	uint64_t t_ns = d->target->t_ns - (xen_pml_facts(d->pml)->now_ns - entry->time_ns);

	/* A buffer that was full may come after one that another processor had not yet filled. */
	if (t_ns < d->last_ns)
		t_ns = d->last_ns;
	d->last_ns = t_ns;
	d->logged++;
	if (d->run.pages && d->run.t_ns == t_ns && d->run.vcpu == vcpu && d->run.gfn + d->run.pages == gfn) {
		d->run.pages++;
		return;
	}
	put_run(d);
	d->run = (struct rec_event){
		.t_ns = t_ns,
		.vm = d->target->name,
		.vcpu = vcpu,
		.event = event_write,
		.gfn = gfn,
		.pages = 1,
		.arg = UNKNOWN,
		.lost = UNKNOWN,
	};
}

static void put_entries(void *context, const struct xen_pml_log_entry *entries, size_t n)
{
	struct domain *d = context;

	for (size_t i = 0; i < n; i++)
		put_entry(d, &entries[i]);
}

/* The entries of the period; sets how many were lost. */
static bool take(struct domain *d, uint64_t *lost)
{
	const struct xen_domctl_pml_log *facts = xen_pml_facts(d->pml);
	uint64_t lost_before = facts->lost;

	if (!xen_pml_flush(d->pml))
		return false;
	d->target->t_ns = clock_now_ns();
	*lost = facts->lost - lost_before;
	return xen_pml_read(d->pml, put_entries, d);
}

static void put_table(void *context, uint64_t gfn, uint64_t pages)
{
	struct domain *d = context;

	emit(d->target, event_table, gfn, pages, UNKNOWN);
	for (uint64_t i = 0; d->filter && i < pages; i++)
		xen_pml_table(d->pml, gfn + i);
}

/* The tables as they are now: what the log of this period may have of them, and what that of the next one is to leave out. */
static void look_for_tables(struct domain *d)
{
	if (d->filter)
		xen_pml_tables_begin(d->pml);
	xen_tables_take(d->tables, d->tables_most, put_table, d);
	if (d->filter && !xen_pml_tables_end(d->pml))
		warn("%s: not all page tables are left out: %s", d->target->name, strerror(errno));
}

static uint64_t xen_pml_collect(struct target *target)
{
	struct domain *d = target->state;
	uint64_t lost = 0;
	const char *failed = NULL, *ended;

	d->logged = 0;
	if (!take(d, &lost))
		failed = strerror(errno);
	put_run(d);
	ended = xen_guest_look(&d->guest);
	if (d->tables && !ended && !failed)
		look_for_tables(d);
	xen_guest_put_size(&d->guest, target);
	if (ended || failed)
		target_gone(target, ended ? ended : failed);
	target->period_ns = period_within_overhead(target, d->logged, target->period_ns, ENTRY_COST_NS);
	/* What was not read may be all it has. */
	return failed ? xen_guest_present_pages(&d->guest) : lost;
}

/* ---- the interface ---- */

static void xen_pml_source_open(struct target *target)
{
	struct domain *d = or_die(calloc(1, sizeof(*d)));
	const struct xen_pml_config config = config_of(target, d);
	const struct xen *xen = xen_for(target);
	const xc_domaininfo_t info = xen_named(xen, target);
	struct failure failure;

	d->guest = xen_guest_of(xen, &info);
	d->pml = xen_pml_open(&d->guest.info, &config, &failure);
	if (!d->pml)
		die(failure.code, "xen-pml:%s: %s", target->spec, failure.text);
	target->state = d; /* is closed from here on, whatever comes */
	d->target = target;
	if (d->tables_most && !(d->tables = xen_tables_open(d->guest.xen, &d->guest.info, &failure)))
		die(failure.code, "xen-pml:%s: %s", target->spec, failure.text);
	target_name(target, d->guest.name);
	target->t_ns = clock_now_ns();
	emit(target, event_begin, UNKNOWN, UNKNOWN, UNKNOWN);
	emit(target, event_blind, UNKNOWN, UNKNOWN, blind_mask(&d->guest.info));
	if (d->filter)
		look_for_tables(d);
}

/* With -v, what the exits of the guest came to. */
static void tell_facts(const struct domain *d)
{
	const struct xen_domctl_pml_log *facts = xen_pml_facts(d->pml);

	note("%s: %llu entries were logged, %llu lost, %llu left out; %llu exits for a full buffer; %llu entries were drained while the guest "
	     "waited, %llu while it ran", d->target->name, (unsigned long long)facts->logged, (unsigned long long)facts->lost,
	     (unsigned long long)facts->tables, (unsigned long long)facts->exits, (unsigned long long)facts->in_exit,
	     (unsigned long long)facts->outside);
}

static void xen_pml_source_close(struct target *target)
{
	struct domain *d = target->state;

	if (target->name)
		tell_facts(d);
	xen_pml_close(d->pml);
	if (d->tables)
		xen_tables_close(d->tables);
	free(d->guest.name);
	free(d);
}

static unsigned xen_pml_source_release(struct target *target)
{
	struct failure failure;
	xc_domaininfo_t info = xen_named(xen_for(target), target);
	int released = xen_pml_release(&info, &failure);

	if (released < 0)
		die(failure.code, "xen-pml:%s: %s", target->spec, failure.text);
	return (unsigned)released;
}

/* ---- probe ---- */

static void xen_pml_source_probe(const struct target *target, struct probe *probe)
{
	struct failure failure;
	const struct xen *xen = xen_open(&failure);
	xc_domaininfo_t info;

	if (target->spec)
		config_of(target, &(struct domain){ 0 });
	snprintf(probe->how, sizeof(probe->how), "the processor's page-modification log (PML), raw, from a patched hypervisor");
	snprintf(probe->intrusive, sizeof(probe->intrusive),
		 "an exit for each 512 pages written, a pause at the end of each period; splits its large pages");
	probe->blind = BLIND_READS | BLIND_DMA;
	probe->cost_ns = ENTRY_COST_NS;
	if (xen && !target->spec) {
		xen_pml_here(&failure);
	} else if (xen && xen_find(xen, target->spec, &info, &failure)) {
		char *name = xen_guest_name(xen, &info);

		snprintf(probe->name, sizeof(probe->name), "%.63s", name);
		free(name);
		probe->memory_pages = info.tot_pages;
		probe->blind = blind_mask(&info);
		xen_pml_possible(&info, &failure);
	}
	if (failure.code) {
		snprintf(probe->cannot, sizeof(probe->cannot), "%s", failure.text);
		probe->cannot_code = failure.code;
	}
}

const struct source source_xen_pml = {
	.name = "xen-pml",
	.spec_help = "DOMAIN",
	.help = "the pages that a domain of this Xen host writes, in order; needs a patched hypervisor",
	.probe = xen_pml_source_probe,
	.open = xen_pml_source_open,
	.collect = xen_pml_collect,
	.close = xen_pml_source_close,
	.release = xen_pml_source_release,
};
