/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reader-libvirt - what libvirt and the hypervisor know of a domain, and what its balloon driver reports. */
#include "domain.h"

#include "../libvirt/quiet.h"

#include <stdlib.h>
#include <string.h>

static void libvirt_open(struct target *target)
{
	target->state = domain_open(target, true);
}

static void add_stats(struct sample *sample, virTypedParameterPtr params, int n)
{
	for (int i = 0; i < n; i++) {
		switch (params[i].type) {
		case VIR_TYPED_PARAM_ULLONG:
			sample_add_domstat(sample, params[i].field, params[i].value.ul);
			break;
		case VIR_TYPED_PARAM_UINT:
			sample_add_domstat(sample, params[i].field, params[i].value.ui);
			break;
		case VIR_TYPED_PARAM_LLONG:
			if (params[i].value.l >= 0)
				sample_add_domstat(sample, params[i].field, (uint64_t)params[i].value.l);
			break;
		}
	}
}

/* For drivers of libvirt that do not have all figures in one call. */
static bool add_single(struct sample *sample, virDomainPtr dom)
{
	static const char *const name[VIR_DOMAIN_MEMORY_STAT_NR] = {
		[VIR_DOMAIN_MEMORY_STAT_SWAP_IN] = "balloon.swap_in",
		[VIR_DOMAIN_MEMORY_STAT_SWAP_OUT] = "balloon.swap_out",
		[VIR_DOMAIN_MEMORY_STAT_MAJOR_FAULT] = "balloon.major_fault",
		[VIR_DOMAIN_MEMORY_STAT_MINOR_FAULT] = "balloon.minor_fault",
		[VIR_DOMAIN_MEMORY_STAT_UNUSED] = "balloon.unused",
		[VIR_DOMAIN_MEMORY_STAT_AVAILABLE] = "balloon.available",
		[VIR_DOMAIN_MEMORY_STAT_ACTUAL_BALLOON] = "balloon.current",
		[VIR_DOMAIN_MEMORY_STAT_RSS] = "balloon.rss",
		[VIR_DOMAIN_MEMORY_STAT_USABLE] = "balloon.usable",
		[VIR_DOMAIN_MEMORY_STAT_LAST_UPDATE] = "balloon.last-update",
		[VIR_DOMAIN_MEMORY_STAT_DISK_CACHES] = "balloon.disk_caches",
		[VIR_DOMAIN_MEMORY_STAT_HUGETLB_PGALLOC] = "balloon.hugetlb_pgalloc",
		[VIR_DOMAIN_MEMORY_STAT_HUGETLB_PGFAIL] = "balloon.hugetlb_pgfail",
	};
	virDomainMemoryStatStruct stat[VIR_DOMAIN_MEMORY_STAT_NR];
	virDomainInfo info;
	int n = virDomainMemoryStats(dom, stat, VIR_DOMAIN_MEMORY_STAT_NR, 0);

	if (virDomainGetInfo(dom, &info) < 0)
		return false;
	sample_add_domstat(sample, "cpu.time", info.cpuTime);
	sample_add_domstat(sample, "balloon.maximum", info.maxMem);
	for (int i = 0; i < n; i++)
		if (stat[i].tag >= 0 && stat[i].tag < VIR_DOMAIN_MEMORY_STAT_NR && name[stat[i].tag])
			sample_add_domstat(sample, name[stat[i].tag], stat[i].val);
	return true;
}

/* The driver of Xen does not have the call for all figures. */
static enum answer read_singly(struct target *target, struct sample *sample)
{
	virDomainPtr dom = target->state;

	return virDomainIsActive(dom) == 1 && add_single(sample, dom) ? ANSWER_DONE : domain_failed(target, dom);
}

static enum answer libvirt_read(struct target *target, struct sample *sample)
{
	virDomainPtr dom = target->state, list[] = { dom, NULL };
	virDomainStatsRecordPtr *records;
	int state = VIR_DOMAIN_NOSTATE, balloon;
	unsigned long long current;
	bool whole = true;

	/* NOWAIT: what would wait for another job of the domain is left out. */
	if (virDomainListGetStats(list,
				  VIR_DOMAIN_STATS_STATE | VIR_DOMAIN_STATS_BALLOON | VIR_DOMAIN_STATS_CPU_TOTAL |
					  VIR_DOMAIN_STATS_VCPU | VIR_DOMAIN_STATS_VM | VIR_DOMAIN_STATS_BLOCK |
					  VIR_DOMAIN_STATS_INTERFACE | VIR_DOMAIN_STATS_DIRTYRATE,
				  &records, VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT) != 1)
		return virGetLastErrorCode() == VIR_ERR_NO_SUPPORT ? read_singly(target, sample) : domain_failed(target, dom);
	virTypedParamsGetInt(records[0]->params, records[0]->nparams, "state.state", &state);
	balloon = virTypedParamsGetULLong(records[0]->params, records[0]->nparams, "balloon.current", &current);
	add_stats(sample, records[0]->params, records[0]->nparams);
	virDomainStatsRecordListFree(records);
	if (state == VIR_DOMAIN_SHUTOFF || state == VIR_DOMAIN_CRASHED)
		return target_gone(target, "it does not run any more");
	if (balloon != 1)
		whole = add_single(sample, dom);
	return whole ? ANSWER_DONE : domain_failed(target, dom);
}

static void libvirt_close(struct target *target)
{
	domain_close(target->state);
}

const struct reader reader_libvirt = {
	.name = "libvirt",
	.spec_help = "DOMAIN",
	.keys = domain_keys,
	.help = "memory, processor and disks of a domain, as virsh domstats; ?uri=URI, ?guest=windows",
	.open = libvirt_open,
	.read = libvirt_read,
	.close = libvirt_close,
};
