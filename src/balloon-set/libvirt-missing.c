/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The actuator `libvirt` of a balloon-set that was built without libvirt (tool.mk). */
#include "actuator.h"

#include "diag.h"

static void *missing_open(const char *uri, bool read_only)
{
	(void)uri;
	(void)read_only;
	die(EX_UNAVAILABLE, "libvirt: not built: needs libvirt-dev");
}

const struct actuator actuator_libvirt = {
	.name = "libvirt",
	.help = "domains of the libvirt that --connect names",
	.open = missing_open,
};
