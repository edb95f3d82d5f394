/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libvirt - domains of whatever hypervisor libvirt drives. */
#include "actuator.h"

#include "diag.h"
#include "num.h"
#include "../libvirt/quiet.h"
#include "xen-rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct connection {
	virConnectPtr conn; /* NULL while libvirt does not answer */
	const char *uri;
	char *place;
	bool read_only;
	bool xen; /* libvirt's driver of Xen */
};

static bool try_connect(struct connection *c)
{
	c->conn = c->read_only ? virConnectOpenReadOnly(c->uri) : virConnectOpen(c->uri);
	return c->conn != NULL;
}

static void *lv_open(const char *uri, bool read_only)
{
	struct connection *c = or_die(calloc(1, sizeof(*c)));

	lv_quiet();
	c->uri = uri;
	c->read_only = read_only;
	if (!try_connect(c))
		die(EX_UNAVAILABLE, "cannot reach libvirt at '%s': %s", uri ? uri : "its default URI", lv_error());
	c->place = or_die(virConnectGetURI(c->conn));
	c->xen = strcmp(virConnectGetType(c->conn), "Xen") == 0;
	return c;
}

static const char *lv_place(void *state)
{
	return ((struct connection *)state)->place;
}

/* After a call failed: whether libvirt itself went away, which the next look() tries to mend. */
static enum result why_failed(struct connection *c, enum result otherwise, char why[WHY])
{
	snprintf(why, WHY, "%s", lv_error());
	if (virConnectIsAlive(c->conn) == 1)
		return otherwise;
	virConnectClose(c->conn);
	c->conn = NULL;
	return result_unreachable;
}

static enum result connect_again(struct connection *c, char why[WHY])
{
	if (c->conn && virConnectIsAlive(c->conn) == 1)
		return result_done;
	if (c->conn)
		virConnectClose(c->conn);
	if (try_connect(c))
		return result_done;
	snprintf(why, WHY, "cannot reach libvirt: %s", lv_error());
	return result_unreachable;
}

static uint64_t known_kib(unsigned long long kib)
{
	return kib >= UINT64_MAX / 1024 ? UNKNOWN : kib; /* 2^64-1 bytes: the guest has not reported yet */
}

static bool read_sizes(virDomainPtr dom, struct sizes *s)
{
	virDomainMemoryStatStruct stat[VIR_DOMAIN_MEMORY_STAT_NR];
	virDomainInfo info;
	int n = virDomainMemoryStats(dom, stat, VIR_DOMAIN_MEMORY_STAT_NR, 0);

	if (n < 0 || virDomainGetInfo(dom, &info) < 0)
		return false;
	s->actual_kib = info.memory;
	s->max_kib = info.maxMem;
	s->usable_kib = s->resident_kib = UNKNOWN;
	s->reported_s = 0;
	for (int i = 0; i < n; i++) {
		switch (stat[i].tag) {
		case VIR_DOMAIN_MEMORY_STAT_ACTUAL_BALLOON:
			s->actual_kib = stat[i].val;
			break;
		case VIR_DOMAIN_MEMORY_STAT_USABLE:
			s->usable_kib = known_kib(stat[i].val);
			break;
		case VIR_DOMAIN_MEMORY_STAT_LAST_UPDATE:
			s->reported_s = stat[i].val;
			break;
		case VIR_DOMAIN_MEMORY_STAT_RSS:
			s->resident_kib = known_kib(stat[i].val);
			break;
		}
	}
	return true;
}

/*
 * What the domain's XML says against changing it. libvirt writes the XML itself, always in this form, and escapes "<"
 * in texts; an XML library would bring nothing here.
 */
static enum result check_xml(const char *xml, struct vm_view *view)
{
	static const struct {
		const char *sign, *why;
		enum result result;
	} against[] = {
		{ "<memballoon model='none'", "it has no balloon device; add <memballoon model='virtio'>",
		  result_no_balloon },
		{ "<hostdev mode='subsystem' type='pci'", "a PCI device passed through (VFIO) pins its memory",
		  result_pinned },
		{ "<hostdev mode='subsystem' type='mdev'", "a mediated device (VFIO) pins its memory", result_pinned },
		{ "<interface type='hostdev'", "a network device passed through (VFIO) pins its memory",
		  result_pinned },
		{ "<interface type='vdpa'", "a vDPA network device pins its memory", result_pinned },
		{ "<locked/>", "its memory is locked", result_pinned },
		{ "<hugepages", "its memory is made of huge pages, which a balloon cannot give back", result_pinned },
	};

	for (size_t i = 0; i < sizeof(against) / sizeof(against[0]); i++) {
		if (strstr(xml, against[i].sign)) {
			snprintf(view->why, WHY, "%s", against[i].why);
			return against[i].result;
		}
	}
	return result_done;
}

/* The number behind `sign`, which stands behind `element`. */
static uint64_t number_in(const char *xml, const char *element, const char *sign, uint64_t otherwise)
{
	const char *at = strstr(xml, element);
	uint64_t value;

	at = at ? strstr(at, sign) : NULL;
	if (!at)
		return otherwise;
	at += strlen(sign);
	return num_u64(at, strspn(at, "0123456789"), &value) == NUM_OK ? value : otherwise;
}

static void read_xml(const struct connection *c, const char *xml, struct sizes *s)
{
	s->period_s = number_in(xml, "<memballoon", "<stats period='", 0);
	if (c->xen)
		s->actual_kib = xen_present_kib(s->actual_kib, number_in(xml, "<currentMemory", ">", UNKNOWN), s->max_kib);
}

static enum result look_at(struct connection *c, virDomainPtr dom, struct vm_view *view)
{
	char *xml;
	enum result result;

	if (virDomainGetUUIDString(dom, view->uuid) < 0)
		return why_failed(c, result_error, view->why);
	if (virDomainIsActive(dom) != 1) {
		snprintf(view->why, WHY, "it does not run");
		return result_no_vm;
	}
	xml = virDomainGetXMLDesc(dom, 0);
	if (!xml || !read_sizes(dom, &view->sizes)) {
		result = why_failed(c, result_error, view->why);
	} else {
		read_xml(c, xml, &view->sizes);
		result = check_xml(xml, view);
	}
	free(xml);
	return result;
}

/* The domain, or NULL and why. */
static virDomainPtr lookup(struct connection *c, const char *vm, enum result *result, char why[WHY])
{
	virDomainPtr dom;

	*result = connect_again(c, why);
	if (*result != result_done)
		return NULL;
	dom = virDomainLookupByName(c->conn, vm);
	if (!dom)
		*result = why_failed(c, virGetLastErrorCode() == VIR_ERR_NO_DOMAIN ? result_no_vm : result_error, why);
	return dom;
}

static enum result lv_look(void *state, const char *vm, struct vm_view *view)
{
	enum result result;

	*view = (struct vm_view){ .sizes = { .actual_kib = UNKNOWN } };
	virDomainPtr dom = lookup(state, vm, &result, view->why);

	if (!dom)
		return result;
	result = look_at(state, dom, view);
	virDomainFree(dom);
	return result;
}

static enum result lv_set(void *state, const char *vm, struct vm_view *view, uint64_t kib)
{
	char uuid[UUID_TEXT] = "";
	enum result result;
	virDomainPtr dom = lookup(state, vm, &result, view->why);

	if (!dom)
		return result;
	if (virDomainGetUUIDString(dom, uuid) < 0 || strcmp(uuid, view->uuid) != 0)
		result = result_other_vm;
	else if (virDomainSetMemoryFlags(dom, (unsigned long)kib, VIR_DOMAIN_AFFECT_LIVE) < 0)
		result = why_failed(state, result_error, view->why);
	virDomainFree(dom);
	return result;
}

static enum result lv_find(void *state, const char *uuid, char name[VM_NAME])
{
	struct connection *c = state;
	char why[WHY];
	enum result result = connect_again(c, why);

	if (result != result_done)
		return result;
	virDomainPtr dom = virDomainLookupByUUIDString(c->conn, uuid);

	if (!dom)
		return why_failed(c, result_no_vm, why);
	snprintf(name, VM_NAME, "%s", virDomainGetName(dom));
	result = virDomainIsActive(dom) == 1 ? result_done : result_no_vm;
	virDomainFree(dom);
	return result;
}

static void say_unasked(void *state, const char *vm, char why[WHY])
{
	if (((struct connection *)state)->xen)
		snprintf(why, WHY, "libvirt does not know what a guest of Xen can give; -a xen may");
	else
		snprintf(why, WHY, "its guest is not asked what it can give; "
			 "'virsh dommemstat %.64s --period 1 --live' makes it say so", vm);
}

static void lv_close(void *state)
{
	struct connection *c = state;

	if (c->conn)
		virConnectClose(c->conn);
	free(c->place);
	free(c);
}

const struct actuator actuator_libvirt = {
	.name = "libvirt",
	.help = "domains of the libvirt that --connect names",
	.open = lv_open,
	.place = lv_place,
	.look = lv_look,
	.set = lv_set,
	.find = lv_find,
	.say_unasked = say_unasked,
	.close = lv_close,
};
