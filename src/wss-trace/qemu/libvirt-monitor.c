/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QEMU's monitor through libvirt, which holds it for its domains. */
#include "monitor.h"

#include "diag.h"
#include "../../libvirt/quiet.h"
#include "libvirt-link.h"

#include <libvirt/libvirt-qemu.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct libvirt_monitor {
	struct monitor monitor;
	struct lv *lv;
	char uuid[VIR_UUID_STRING_BUFLEN];
};

static char *ask(struct monitor *m, const char *command)
{
	struct libvirt_monitor *l = (struct libvirt_monitor *)m;
	virDomainPtr dom = lv_answers(l->lv) ? virDomainLookupByUUIDString(l->lv->conn, l->uuid) : NULL;
	char *answer = NULL;

	if (dom && virDomainQemuMonitorCommand(dom, command, &answer, 0) < 0)
		answer = NULL;
	if (dom)
		virDomainFree(dom);
	return answer;
}

static void libvirt_close(struct monitor *m)
{
	struct libvirt_monitor *l = (struct libvirt_monitor *)m;

	lv_close(l->lv);
	free(l);
}

static void find(struct libvirt_monitor *l, const char *name, struct failure *failure)
{
	virDomainPtr dom = virDomainLookupByName(l->lv->conn, name);

	if (!dom)
		dom = virDomainLookupByUUIDString(l->lv->conn, name);
	if (!dom) {
		failure_set(failure, EX_NOINPUT, "no such domain; 'virsh list' shows those that run");
		return;
	}
	virDomainGetUUIDString(dom, l->uuid);
	snprintf(l->monitor.name, sizeof(l->monitor.name), "%.63s", virDomainGetName(dom));
	if (strcmp(virConnectGetType(l->lv->conn), "QEMU") != 0)
		failure_set(failure, EX_UNAVAILABLE, "not a virtual machine of QEMU; there may be another source for it");
	else if (virDomainIsActive(dom) != 1)
		failure_set(failure, EX_NOINPUT, "it does not run; start it first");
	else
		l->monitor.pid = domain_pid(l->uuid, failure);
	virDomainFree(dom);
}

struct monitor *monitor_libvirt(const char *domain, const char *uri, struct failure *failure)
{
	struct libvirt_monitor *l = or_die(calloc(1, sizeof(*l)));

	failure->code = 0;
	l->monitor.ask = ask;
	l->monitor.close = libvirt_close;
	l->lv = lv_open(uri, failure);
	if (!l->lv) {
		free(l);
		return NULL;
	}
	find(l, domain, failure);
	if (!failure->code)
		return &l->monitor;
	libvirt_close(&l->monitor);
	return NULL;
}

bool monitor_wait(uint64_t t_ns)
{
	return lv_wait(t_ns);
}
