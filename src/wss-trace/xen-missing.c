/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sources `xen` and `xen-pml` of a wss-trace that was built without libxenctrl (tool.mk). */
#include "source.h"

#include "diag.h"

#include <stdio.h>

static const char why[] = "not built: needs libxen-dev";

static void missing_probe(const struct target *target, struct probe *probe)
{
	(void)target;
	snprintf(probe->cannot, sizeof(probe->cannot), "%s", why);
	probe->cannot_code = EX_UNAVAILABLE;
}

static void missing_open(struct target *target)
{
	die(EX_UNAVAILABLE, "%s:%s: %s", target->source->name, target->spec, why);
}

/* Never called: there is nothing that is open. */
static uint64_t missing_collect(struct target *target)
{
	(void)target;
	return 0;
}

static void missing_close(struct target *target)
{
	(void)target;
}

const struct source source_xen = {
	.name = "xen",
	.spec_help = "DOMAIN",
	.help = "the pages that a domain of this Xen host writes; xen:all for all but dom0",
	.probe = missing_probe,
	.open = missing_open,
	.collect = missing_collect,
	.close = missing_close,
};

const struct source source_xen_pml = {
	.name = "xen-pml",
	.spec_help = "DOMAIN",
	.help = "the pages that a domain of this Xen host writes, in order; needs a patched hypervisor",
	.probe = missing_probe,
	.open = missing_open,
	.collect = missing_collect,
	.close = missing_close,
};
