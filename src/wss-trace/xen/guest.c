/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest.h"

#include "diag.h"
#include "num.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct xen *xen_for(const struct target *target)
{
	struct failure failure;
	const struct xen *xen = xen_open(&failure);

	if (!xen)
		die(failure.code, "%s:%s: %s", target->source->name, target->spec, failure.text);
	return xen;
}

xc_domaininfo_t xen_named(const struct xen *xen, const struct target *target)
{
	struct failure failure;
	xc_domaininfo_t info;

	if (!xen_find(xen, target->spec, &info, &failure))
		die(failure.code, "%s:%s: %s", target->source->name, target->spec, failure.text);
	return info;
}

char *xen_guest_name(const struct xen *xen, const xc_domaininfo_t *info)
{
	char *name = xen_name(xen, info->domain);

	if (!name && asprintf(&name, "domain%u", info->domain) < 0)
		or_die(NULL);
	return name;
}

struct xen_guest xen_guest_of(const struct xen *xen, const xc_domaininfo_t *info)
{
	return (struct xen_guest){ .xen = xen, .info = *info, .name = xen_guest_name(xen, info), .most_pages = info->max_pages };
}

bool xen_guest_is(const struct xen_guest *guest, const xc_domaininfo_t *info)
{
	return guest->info.domain == info->domain && memcmp(guest->info.handle, info->handle, sizeof(info->handle)) == 0;
}

const char *xen_guest_look(struct xen_guest *guest)
{
	xc_domaininfo_t info;

	if (!xen_info(guest->xen, guest->info.domain, &info) || !xen_guest_is(guest, &info))
		return "it was destroyed";
	guest->info = info;
	return xen_how_it_ended(&info);
}

uint64_t xen_guest_present_pages(const struct xen_guest *guest)
{
	return guest->info.tot_pages < guest->most_pages ? guest->info.tot_pages : guest->most_pages;
}

void xen_guest_put_size(struct xen_guest *guest, struct target *target)
{
	char *text = xen_read(guest->xen, "/local/domain/%u/memory/static-max", guest->info.domain);
	uint64_t kib;

	if (text && num_u64(text, strlen(text), &kib) == NUM_OK)
		guest->most_pages = kib / KIB_PER_PAGE;
	free(text);
	emit(target, event_size, UNKNOWN, guest->most_pages, xen_guest_present_pages(guest));
}
