/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What needs libvirt, in a wss-trace that was built without (tool.mk). */
#include "qemu/monitor.h"
#include "source.h"

#include "clock.h"
#include "diag.h"

#include <stdio.h>

static const char why[] = "not built: needs libvirt-dev";

static void missing_probe(const struct target *target, struct probe *probe)
{
	(void)target;
	snprintf(probe->cannot, sizeof(probe->cannot), "%s", why);
	probe->cannot_code = EX_UNAVAILABLE;
}

static void missing_open(struct target *target)
{
	die(EX_UNAVAILABLE, "libvirt:%s: %s", target->spec, why);
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

const struct source source_libvirt = {
	.name = "libvirt",
	.spec_help = "DOMAIN",
	.help = "the pages that a virtual machine of QEMU writes",
	.probe = missing_probe,
	.open = missing_open,
	.collect = missing_collect,
	.close = missing_close,
};

struct monitor *monitor_libvirt(const char *domain, const char *uri, struct failure *failure)
{
	(void)domain;
	(void)uri;
	failure_set(failure, EX_UNAVAILABLE, "domains are %s; a QMP socket or a PID can be given", why);
	return NULL;
}

bool monitor_wait(uint64_t t_ns)
{
	return clock_sleep_until(t_ns);
}
