/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xen-devices - what the drivers of dom0 count of a domain's disks and network interfaces; it reads files of the kernel only. */
#ifndef WSS_XEN_DEVICES_H
#define WSS_XEN_DEVICES_H

#include <stdint.h>

/* All disks of a domain that the driver of dom0's kernel serves; those that QEMU serves are not among them. */
struct xen_disks {
	unsigned n;
	uint64_t rd_reqs, rd_bytes, wr_reqs, wr_bytes, fl_reqs;
};

/* All its network interfaces; the domain receives rx and sends tx. */
struct xen_nics {
	unsigned n;
	uint64_t rx_bytes, rx_pkts, rx_errs, rx_drop;
	uint64_t tx_bytes, tx_pkts, tx_errs, tx_drop;
};

/* Now. `sysroot` is where /sys is, "" for the real one. */
void xen_devices(const char *sysroot, uint32_t id, struct xen_disks *, struct xen_nics *);

#endif
