/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xen - domains of the Xen host we run on, through the hypervisor and xenstore, as xl does it: the balloon driver of a
 * guest follows memory/target. Sizes are what xl calls the domain's memory: the guest's, its screen's included.
 */
#include "actuator.h"

#include "diag.h"
#include "num.h"
#include "opt.h"
#include "../xen/xen-link.h"
#include "xen-rules.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libxenctrl is for one thread at a time, and --restore asks while the worker works. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *xen_actuator_open(const char *uri, bool read_only)
{
	struct failure failure;
	const struct xen *xen;

	(void)read_only;
	if (uri)
		opt_die("--connect: actuator xen drives the Xen host that it runs on; through libvirt: -a libvirt");
	xen = xen_open(&failure);
	if (!xen)
		die(failure.code, "%s", failure.text);
	return (void *)(uintptr_t)xen;
}

static const char *xen_place(void *state)
{
	(void)state;
	return "xen";
}

/* ---- what xenstore says ---- */

static uint64_t number_at(const struct xen *xen, uint32_t id, const char *key, uint64_t otherwise)
{
	char *text = xen_read(xen, "/local/domain/%" PRIu32 "/%s", id, key);
	uint64_t value;

	if (!text || num_u64(text, strlen(text), &value) != NUM_OK)
		value = otherwise;
	free(text);
	return value;
}

/* The part of a domain's memory that is not the balloon's. */
static uint64_t screen_kib(const struct xen *xen, uint32_t id)
{
	return number_at(xen, id, "memory/videoram", 0);
}

static void read_usable(const struct xen *xen, uint32_t id, struct sizes *sizes)
{
	char *text = xen_read(xen, "/local/domain/%" PRIu32 "/data/usable_kib", id);

	if (!text || !xen_parse_usable(text, sizes)) {
		sizes->usable_kib = UNKNOWN;
		sizes->reported_s = sizes->period_s = 0;
	}
	free(text);
}

/* ---- what an actuator does ---- */

static enum result look_at(const struct xen *xen, const xc_domaininfo_t *info, struct vm_view *view)
{
	const char *ended = xen_how_it_ended(info);
	uint64_t target_kib, screen;

	xen_uuid(info, view->uuid);
	if (ended) {
		snprintf(view->why, WHY, "%s", ended);
		return result_no_vm;
	}
	screen = screen_kib(xen, info->domain);
	target_kib = number_at(xen, info->domain, "memory/target", UNKNOWN);
	view->sizes.resident_kib = UNKNOWN; /* what the guest has is what Xen holds for it */
	view->sizes.max_kib = number_at(xen, info->domain, "memory/static-max", num_mul(info->max_pages, KIB_PER_PAGE));
	view->sizes.actual_kib = xen_present_kib(num_mul(info->tot_pages, KIB_PER_PAGE), num_add(target_kib, screen),
						 view->sizes.max_kib);
	read_usable(xen, info->domain, &view->sizes);
	if (info->domain == 0)
		snprintf(view->why, WHY, "it is the control domain");
	else if (target_kib == UNKNOWN)
		snprintf(view->why, WHY, "xenstore has no memory/target of it");
	return view->why[0] ? result_no_balloon : result_done;
}

/* The domain. Any other result than done: why not. */
static enum result find_domain(const struct xen *xen, const char *vm, xc_domaininfo_t *info, char why[WHY])
{
	struct failure failure;

	if (xen_find(xen, vm, info, &failure))
		return result_done;
	if (xen_has(xen, "/local/domain"))
		return result_no_vm;
	snprintf(why, WHY, "xenstored does not answer");
	return result_unreachable;
}

static enum result xen_look(void *state, const char *vm, struct vm_view *view)
{
	enum result result;
	xc_domaininfo_t info;

	*view = (struct vm_view){ .sizes = { .actual_kib = UNKNOWN } };
	pthread_mutex_lock(&lock);
	result = find_domain(state, vm, &info, view->why);
	if (result == result_done)
		result = look_at(state, &info, view);
	pthread_mutex_unlock(&lock);
	return result;
}

/*
 * `xl mem-set` makes the limit of a domain follow its target; a guest that is to grow must be allowed to. Pages that are
 * populated on demand are told the target, too.
 */
static bool set_target(const struct xen *xen, const xc_domaininfo_t *info, uint64_t kib)
{
	uint64_t limit_kib = num_add(kib, XEN_EXTRA_KIB);
	uint64_t screen = screen_kib(xen, info->domain);
	char path[64], text[NUM_MAX];

	if (num_mul(info->max_pages, KIB_PER_PAGE) < limit_kib && xc_domain_setmaxmem(xen->xc, info->domain, limit_kib) != 0)
		return false;
	if (info->flags & XEN_DOMINF_hvm_guest &&
	    xc_domain_set_pod_target(xen->xc, info->domain, limit_kib / KIB_PER_PAGE, NULL, NULL, NULL) != 0)
		return false;
	snprintf(path, sizeof(path), "/local/domain/%u/memory/target", info->domain);
	*num_put_u64(text, kib > screen ? kib - screen : 0) = '\0';
	return xs_write(xen->xs, XBT_NULL, path, text, (unsigned)strlen(text));
}

static enum result xen_set(void *state, const char *vm, struct vm_view *view, uint64_t kib)
{
	char uuid[XEN_UUID_MAX];
	enum result result;
	xc_domaininfo_t info;

	pthread_mutex_lock(&lock);
	result = find_domain(state, vm, &info, view->why);
	if (result == result_done && strcmp(xen_uuid(&info, uuid), view->uuid) != 0) {
		result = result_other_vm;
	} else if (result == result_done && !set_target(state, &info, kib)) {
		snprintf(view->why, WHY, "%s", strerror(errno));
		result = result_error;
	}
	pthread_mutex_unlock(&lock);
	return result;
}

/* A domain that runs may not be taken for one that does not: its original size would be forgotten. */
static enum result find_uuid(const struct xen *xen, const char *uuid, char name[VM_NAME])
{
	size_t n;
	xc_domaininfo_t *list = xen_list(xen, &n);
	enum result result = list ? result_no_vm : result_unreachable;

	for (size_t i = 0; i < n && list; i++) {
		char its[XEN_UUID_MAX];

		if (strcmp(xen_uuid(&list[i], its), uuid) != 0 || xen_how_it_ended(&list[i]))
			continue;
		char *text = xen_name(xen, list[i].domain);

		snprintf(name, VM_NAME, "%s", text ? text : "");
		result = text ? result_done : result_unreachable;
		free(text);
	}
	free(list);
	return result;
}

static enum result xen_find_uuid(void *state, const char *uuid, char name[VM_NAME])
{
	enum result result;

	pthread_mutex_lock(&lock);
	result = find_uuid(state, uuid, name);
	pthread_mutex_unlock(&lock);
	return result;
}

static void say_unasked(void *state, const char *vm, char why[WHY])
{
	(void)state;
	(void)vm;
	snprintf(why, WHY, "its guest does not write into xenstore what it can give; balloon-set(1), XEN, says how");
}

/* Domains share their connection until the program ends. */
static void xen_actuator_close(void *state)
{
	(void)state;
}

const struct actuator actuator_xen = {
	.name = "xen",
	.help = "domains of this Xen host, without libvirt",
	.open = xen_actuator_open,
	.place = xen_place,
	.look = xen_look,
	.set = xen_set,
	.find = xen_find_uuid,
	.say_unasked = say_unasked,
	.close = xen_actuator_close,
};
