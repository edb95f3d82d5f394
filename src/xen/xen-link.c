/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xen-link.h"

#include "diag.h"
#include "num.h"
#include "tool.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xentoollog.h>

enum { PATH_MAX_XENSTORE = 256, LIST_STEP = 64 };

/* ---- the interfaces ---- */

/* The libraries would print what we say better, or expected. */
static void no_message(struct xentoollog_logger *logger, xentoollog_level level, int error, const char *context,
		       const char *format, va_list args)
{
	(void)logger;
	(void)level;
	(void)error;
	(void)context;
	(void)format;
	(void)args;
}

static void no_destroy(struct xentoollog_logger *logger)
{
	(void)logger;
}

static struct xentoollog_logger quiet = { .vmessage = no_message, .destroy = no_destroy };

static void fail_privcmd(struct failure *failure)
{
	if (errno == EACCES || errno == EPERM)
		failure_set(failure, EX_NOPERM, "/dev/xen/privcmd: %s; needs root", strerror(errno));
	else if (access("/proc/xen", F_OK) < 0 && access("/sys/hypervisor/type", F_OK) < 0)
		failure_set(failure, EX_UNAVAILABLE, "no Xen here; needs the control domain (dom0) of a Xen host");
	else
		failure_set(failure, EX_UNAVAILABLE, "/dev/xen/privcmd: %s; needs dom0, and its module xen-privcmd", strerror(errno));
}

/* Whether the hypervisor lets us, and speaks our language. */
static bool may_control(const struct xen *xen, struct failure *failure)
{
	xc_domaininfo_t info;

	if (xc_domain_getinfolist(xen->xc, 0, 1, &info) >= 0)
		return true;
	if (errno == EACCES)
		failure_set(failure, EX_UNAVAILABLE,
			    "this Xen and the libxenctrl that %s was built with are of different versions", tool.name);
	else
		failure_set(failure, EX_NOPERM, "Xen refuses: %s; needs the control domain (dom0)", strerror(errno));
	return false;
}

static void close_all(struct xen *xen)
{
	xs_close(xen->xs);
	if (xen->fm)
		xenforeignmemory_close(xen->fm);
	if (xen->dm)
		xendevicemodel_close(xen->dm);
	if (xen->xc)
		xc_interface_close(xen->xc);
	*xen = (struct xen){ 0 };
}

const struct xen *xen_open(struct failure *failure)
{
	static struct xen xen;

	failure->code = 0;
	if (xen.xs)
		return &xen;
	if (!(xen.xc = xc_interface_open(&quiet, &quiet, XC_OPENFLAG_NON_REENTRANT)) ||
	    !(xen.fm = xenforeignmemory_open(&quiet, 0)) || !(xen.dm = xendevicemodel_open(&quiet, 0)))
		fail_privcmd(failure);
	else if (may_control(&xen, failure) && !(xen.xs = xs_open(0)))
		failure_set(failure, EX_UNAVAILABLE, "xenstored does not answer: %s; it must run", strerror(errno));
	if (xen.xs)
		return &xen;
	close_all(&xen);
	return NULL;
}

/* ---- xenstore ---- */

static char *read_path(const struct xen *xen, const char *path)
{
	unsigned len;

	return xs_read(xen->xs, XBT_NULL, path, &len);
}

char *xen_read(const struct xen *xen, const char *path, ...)
{
	char text[PATH_MAX_XENSTORE];
	va_list args;

	va_start(args, path);
	vsnprintf(text, sizeof(text), path, args);
	va_end(args);
	return read_path(xen, text);
}

bool xen_has(const struct xen *xen, const char *path, ...)
{
	char text[PATH_MAX_XENSTORE];
	unsigned n = 0;
	va_list args;

	va_start(args, path);
	vsnprintf(text, sizeof(text), path, args);
	va_end(args);
	free(xs_directory(xen->xs, XBT_NULL, text, &n));
	return n > 0;
}

char *xen_name(const struct xen *xen, uint32_t id)
{
	return xen_read(xen, "/local/domain/%u/name", id);
}

/* ---- domains ---- */

bool xen_info(const struct xen *xen, uint32_t id, xc_domaininfo_t *info)
{
	return xc_domain_getinfolist(xen->xc, id, 1, info) == 1 && info->domain == id;
}

xc_domaininfo_t *xen_list(const struct xen *xen, size_t *n)
{
	xc_domaininfo_t *list = NULL;
	int got;

	*n = 0;
	do {
		list = or_die(reallocarray(list, *n + LIST_STEP, sizeof(*list)));
		got = xc_domain_getinfolist(xen->xc, *n ? list[*n - 1].domain + 1U : 0, LIST_STEP, list + *n);
		*n += got > 0 ? (size_t)got : 0;
	} while (got == LIST_STEP);
	if (got >= 0)
		return list;
	free(list);
	return NULL;
}

const char *xen_uuid(const xc_domaininfo_t *info, char text[XEN_UUID_MAX])
{
	const uint8_t *h = info->handle;

	snprintf(text, XEN_UUID_MAX, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", h[0], h[1], h[2], h[3], h[4],
		 h[5], h[6], h[7], h[8], h[9], h[10], h[11], h[12], h[13], h[14], h[15]);
	return text;
}

static bool is_called(const struct xen *xen, const xc_domaininfo_t *info, const char *spec)
{
	char uuid[XEN_UUID_MAX];
	char *name = xen_name(xen, info->domain);
	bool same = (name && strcmp(name, spec) == 0) || strcasecmp(xen_uuid(info, uuid), spec) == 0;

	free(name);
	return same;
}

bool xen_find(const struct xen *xen, const char *spec, xc_domaininfo_t *info, struct failure *failure)
{
	size_t n = 0;
	xc_domaininfo_t *list = xen_list(xen, &n);
	uint64_t id;

	for (size_t i = 0; i < n; i++)
		if (is_called(xen, &list[i], spec)) {
			*info = list[i];
			free(list);
			return true;
		}
	free(list);
	if (num_u64(spec, strlen(spec), &id) == NUM_OK && id < DOMID_FIRST_RESERVED && xen_info(xen, (uint32_t)id, info))
		return true;
	failure_set(failure, EX_NOINPUT, "no such domain; 'xl list' shows those that run");
	return false;
}

const char *xen_how_it_ended(const xc_domaininfo_t *info)
{
	static const char *const reasons[] = {
		[SHUTDOWN_poweroff] = "it was shut down",
		[SHUTDOWN_reboot] = "it reboots",
		[SHUTDOWN_suspend] = "it was suspended, to be saved or migrated",
		[SHUTDOWN_crash] = "it crashed",
		[SHUTDOWN_watchdog] = "its watchdog ended it",
		[SHUTDOWN_soft_reset] = "it is being reset",
	};
	unsigned reason = info->flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask;

	if (info->flags & XEN_DOMINF_dying)
		return "it was destroyed";
	if (!(info->flags & XEN_DOMINF_shutdown))
		return NULL;
	return reason < sizeof(reasons) / sizeof(*reasons) && reasons[reason] ? reasons[reason] : "it has ended";
}
