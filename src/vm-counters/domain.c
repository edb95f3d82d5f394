/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "domain.h"

#include "diag.h"
#include "opt.h"
#include "../libvirt/quiet.h"

#include <stdlib.h>
#include <string.h>

const char *const domain_keys[] = { "uri", "guest", NULL };

/* Connections that are open; the domains of each hold it. */
struct connection {
	struct connection *next;
	virConnectPtr conn;
	const char *uri; /* NULL: libvirt's default */
	bool read_only;
	unsigned domains;
};
static struct connection *connections;

static struct connection *connect_to(const struct target *target, const char *uri, bool read_only)
{
	struct connection *c;

	for (c = connections; c; c = c->next)
		if (c->read_only == read_only && (c->uri && uri ? strcmp(c->uri, uri) == 0 : c->uri == uri))
			return c;
	lv_quiet();
	c = or_die(calloc(1, sizeof(*c)));
	c->conn = read_only ? virConnectOpenReadOnly(uri) : virConnectOpen(uri);
	if (!c->conn)
		die(EX_UNAVAILABLE, "%s:%s: libvirt%s%s does not answer: %s", target->reader->name, target->spec,
		    uri ? " at " : "", uri ? uri : "", lv_error());
	c->uri = uri;
	c->read_only = read_only;
	c->next = connections;
	connections = c;
	return c;
}

/* libosinfo's note of what was installed, which virt-install and virt-manager make. */
static enum guest guest_of(const struct target *target, virDomainPtr dom, const char *option)
{
	char *xml;
	bool windows;

	if (option && strcmp(option, "linux") != 0 && strcmp(option, "windows") != 0)
		opt_die("-s %s:%s: guest=%s is neither linux nor windows", target->reader->name, target->spec, option);
	if (option)
		return strcmp(option, "windows") == 0 ? GUEST_WINDOWS : GUEST_LINUX;
	xml = virDomainGetXMLDesc(dom, 0);
	windows = xml && strstr(xml, ":os id=\"http://microsoft.com/");
	free(xml);
	return windows ? GUEST_WINDOWS : GUEST_LINUX;
}

virDomainPtr domain_open(struct target *target, bool read_only)
{
	struct connection *c = connect_to(target, target_option(target, "uri"), read_only);
	virDomainPtr dom = virDomainLookupByName(c->conn, target->spec);

	if (!dom)
		dom = virDomainLookupByUUIDString(c->conn, target->spec);
	if (!dom)
		die(EX_NOINPUT, "%s:%s: no such domain; 'virsh list' shows those that run", target->reader->name,
		    target->spec);
	if (virDomainIsActive(dom) != 1)
		die(EX_NOINPUT, "%s:%s: it does not run; start it first", target->reader->name, target->spec);
	c->domains++;
	target->guest = guest_of(target, dom, target_option(target, "guest"));
	target_name(target, virDomainGetName(dom));
	return dom;
}

void domain_close(virDomainPtr dom)
{
	struct connection **at = &connections;

	while (*at && (*at)->conn != virDomainGetConnect(dom))
		at = &(*at)->next;
	virDomainFree(dom);
	if (*at && --(*at)->domains == 0) {
		struct connection *c = *at;

		*at = c->next;
		virConnectClose(c->conn);
		free(c);
	}
}

enum answer domain_failed(struct target *target, virDomainPtr dom)
{
	bool stopped = virGetLastErrorCode() == VIR_ERR_OPERATION_INVALID;
	char why[256];

	snprintf(why, sizeof(why), "%s", lv_error());
	if (virConnectIsAlive(virDomainGetConnect(dom)) != 1)
		return target_gone(target, "libvirt went away");
	if (stopped || virDomainIsActive(dom) != 1)
		return target_gone(target, "it does not run any more");
	return target_warn(target, why);
}
