/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xen-devices.h"

#include "num.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SECTOR = 512 };

/* A number in a file; 0 when there is none: a device may go at any time. */
static uint64_t number_in(const char *folder, const char *name)
{
	char path[PATH_MAX], text[NUM_MAX];
	uint64_t value = 0;
	ssize_t len;

	if ((size_t)snprintf(path, sizeof(path), "%s/statistics/%s", folder, name) >= sizeof(path))
		return 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	len = read(fd, text, sizeof(text));
	close(fd);
	if (len > 0 && text[len - 1] == '\n')
		len--;
	return len > 0 && num_u64(text, (size_t)len, &value) == NUM_OK ? value : 0;
}

static void add_disk(const char *folder, struct xen_disks *disks)
{
	disks->n++;
	disks->rd_reqs += number_in(folder, "rd_req");
	disks->rd_bytes += num_mul(number_in(folder, "rd_sect"), SECTOR);
	disks->wr_reqs += number_in(folder, "wr_req");
	disks->wr_bytes += num_mul(number_in(folder, "wr_sect"), SECTOR);
	disks->fl_reqs += number_in(folder, "f_req");
}

/* `folder` is of dom0's end of the wire: what it receives, the domain sent. */
static void add_nic(const char *folder, struct xen_nics *nics)
{
	nics->n++;
	nics->rx_bytes += number_in(folder, "tx_bytes");
	nics->rx_pkts += number_in(folder, "tx_packets");
	nics->rx_errs += number_in(folder, "tx_errors");
	nics->rx_drop += number_in(folder, "tx_dropped");
	nics->tx_bytes += number_in(folder, "rx_bytes");
	nics->tx_pkts += number_in(folder, "rx_packets");
	nics->tx_errs += number_in(folder, "rx_errors");
	nics->tx_drop += number_in(folder, "rx_dropped");
}

/* Calls back for each entry of a folder whose name begins with `prefix`. */
static void each_in(const char *folder, const char *prefix, void (*visit)(const char *path, void *), void *context)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	char path[PATH_MAX];

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && strncmp(entry->d_name, prefix, strlen(prefix)) == 0 &&
		    (size_t)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) < sizeof(path))
			visit(path, context);
	if (dir)
		closedir(dir);
}

static void visit_disk(const char *path, void *context)
{
	add_disk(path, context);
}

static void visit_interface(const char *path, void *context)
{
	add_nic(path, context);
}

static void visit_nic(const char *path, void *context)
{
	char folder[PATH_MAX];

	if ((size_t)snprintf(folder, sizeof(folder), "%s/net", path) < sizeof(folder))
		each_in(folder, "", visit_interface, context);
}

void xen_devices(const char *sysroot, uint32_t id, struct xen_disks *disks, struct xen_nics *nics)
{
	char folder[PATH_MAX], prefix[NUM_MAX];

	*disks = (struct xen_disks){ 0 };
	*nics = (struct xen_nics){ 0 };
	snprintf(folder, sizeof(folder), "%s/sys/bus/xen-backend/devices", sysroot);
	snprintf(prefix, sizeof(prefix), "vbd-%" PRIu32 "-", id);
	each_in(folder, prefix, visit_disk, disks);
	snprintf(prefix, sizeof(prefix), "vif-%" PRIu32 "-", id);
	each_in(folder, prefix, visit_nic, nics);
}
