/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reader `xen` of a vm-counters that was built without libxenctrl (tool.mk). */
#include "reader.h"

#include "diag.h"

static void missing_open(struct target *target)
{
	die(EX_UNAVAILABLE, "%s:%s: not built: needs libxen-dev", target->reader->name, target->spec);
}

const struct reader reader_xen = {
	.name = "xen",
	.spec_help = "DOMAIN",
	.help = "not built: needs libxen-dev",
	.open = missing_open,
};
