/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The readers of a vm-counters that was built without libvirt (tool.mk). */
#include "reader.h"

#include "diag.h"

static const char *const keys[] = { "uri", "guest", NULL };

static void missing_open(struct target *target)
{
	die(EX_UNAVAILABLE, "%s: not built: needs libvirt-dev", target->reader->name);
}

const struct reader reader_libvirt = {
	.name = "libvirt",
	.spec_help = "DOMAIN",
	.keys = keys,
	.help = "not built: needs libvirt-dev",
	.open = missing_open,
};

const struct reader reader_agent = {
	.name = "agent",
	.spec_help = "DOMAIN",
	.keys = keys,
	.help = "not built: needs libvirt-dev",
	.open = missing_open,
};
