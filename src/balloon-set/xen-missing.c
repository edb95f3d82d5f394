/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The actuator `xen` of a balloon-set that was built without libxenctrl (tool.mk). */
#include "actuator.h"

#include "diag.h"

static void *missing_open(const char *uri, bool read_only)
{
	(void)uri;
	(void)read_only;
	die(EX_UNAVAILABLE, "xen: not built: needs libxen-dev");
}

const struct actuator actuator_xen = {
	.name = "xen",
	.help = "domains of this Xen host, without libvirt",
	.open = missing_open,
};
