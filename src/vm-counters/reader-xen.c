/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reader-xen - what the hypervisor knows of a domain of this Xen host, and what dom0's drivers count of its devices. */
#include "reader.h"

#include "diag.h"
#include "../xen/xen-devices.h"
#include "../xen/xen-link.h"

#include <stdlib.h>
#include <string.h>

struct domain {
	const struct xen *xen;
	uint32_t id;
	char uuid[XEN_UUID_MAX];
};

static void xen_reader_open(struct target *target)
{
	struct domain *d = or_die(calloc(1, sizeof(*d)));
	struct failure failure;
	xc_domaininfo_t info;

	if (!(d->xen = xen_open(&failure)) || !xen_find(d->xen, target->spec, &info, &failure))
		die(failure.code, "xen:%s: %s", target->spec, failure.text);
	char *name = xen_name(d->xen, info.domain);

	d->id = info.domain;
	xen_uuid(&info, d->uuid);
	target->state = d;
	target_name(target, name ? name : target->spec);
	free(name);
}

static void put(struct sample *sample, const char *name, uint64_t value)
{
	sample_set(sample, name, strlen(name), value);
}

/* What it may have: the hypervisor's own limit is a little above, or what the balloon was told last. */
static uint64_t maximum_kib(const struct domain *d, const xc_domaininfo_t *info)
{
	char *text = xen_read(d->xen, "/local/domain/%u/memory/static-max", d->id);
	uint64_t kib;

	if (!text || num_u64(text, strlen(text), &kib) != NUM_OK)
		kib = num_mul(info->max_pages, KIB_PER_PAGE);
	free(text);
	return kib;
}

static uint64_t processors_ns(const struct domain *d, const xc_domaininfo_t *info)
{
	uint64_t sum_ns = 0;

	for (uint32_t i = 0; i <= info->max_vcpu_id; i++) {
		xc_vcpuinfo_t vcpu;

		if (xc_vcpu_getinfo(d->xen->xc, d->id, i, &vcpu) == 0)
			sum_ns += vcpu.cpu_time;
	}
	return sum_ns;
}

static void put_devices(const struct domain *d, struct sample *sample)
{
	struct xen_disks disks;
	struct xen_nics nics;

	xen_devices(sysroot, d->id, &disks, &nics);
	if (disks.n) {
		put(sample, "block.rd.reqs", disks.rd_reqs);
		put(sample, "block.rd.bytes", disks.rd_bytes);
		put(sample, "block.wr.reqs", disks.wr_reqs);
		put(sample, "block.wr.bytes", disks.wr_bytes);
		put(sample, "block.fl.reqs", disks.fl_reqs);
	}
	if (nics.n) {
		put(sample, "net.rx.bytes", nics.rx_bytes);
		put(sample, "net.rx.pkts", nics.rx_pkts);
		put(sample, "net.rx.errs", nics.rx_errs);
		put(sample, "net.rx.drop", nics.rx_drop);
		put(sample, "net.tx.bytes", nics.tx_bytes);
		put(sample, "net.tx.pkts", nics.tx_pkts);
		put(sample, "net.tx.errs", nics.tx_errs);
		put(sample, "net.tx.drop", nics.tx_drop);
	}
}

static enum answer xen_reader_read(struct target *target, struct sample *sample)
{
	const struct domain *d = target->state;
	char uuid[XEN_UUID_MAX];
	xc_domaininfo_t info;

	if (!xen_info(d->xen, d->id, &info) || strcmp(xen_uuid(&info, uuid), d->uuid) != 0)
		return target_gone(target, "it was destroyed");
	const char *ended = xen_how_it_ended(&info);

	if (ended)
		return target_gone(target, ended);
	put(sample, "balloon.current", num_mul(info.tot_pages, KIB_PER_PAGE));
	put(sample, "balloon.maximum", maximum_kib(d, &info));
	put(sample, "cpu.time", info.cpu_time);
	put(sample, "vcpu.current", info.nr_online_vcpus);
	put(sample, "vcpu.maximum", info.max_vcpu_id + 1U);
	put(sample, "vcpu.time", processors_ns(d, &info));
	put_devices(d, sample);
	return ANSWER_DONE;
}

static void xen_reader_close(struct target *target)
{
	free(target->state);
}

const struct reader reader_xen = {
	.name = "xen",
	.spec_help = "DOMAIN",
	.help = "memory, processors, disks and network of a domain of this Xen host",
	.open = xen_reader_open,
	.read = xen_reader_read,
	.close = xen_reader_close,
};
