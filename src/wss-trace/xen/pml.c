/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pml.h"

#include "diag.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xencall.h>

enum { PAGE = 4096, READ_PAGES = 16, READ_MAX = READ_PAGES * PAGE / sizeof(struct xen_pml_log_entry) };

struct xen_pml {
	xencall_handle *call;
	struct xen_domctl *domctl;
	uint32_t id;
	struct xen_domctl_pml_log facts;
	struct xen_pml_log_entry *entries; /* READ_MAX */
	uint64_t *gfns;                    /* XEN_PML_LOG_MARK_MAX */
	uint32_t marks;                    /* in gfns */
	bool unmark;                       /* the next marks are the first ones of a set */
	int failure;                       /* errno of the set that is being marked */
};

/* ---- the calls ---- */

static void pml_free(struct xen_pml *pml)
{
	if (pml->gfns)
		xencall_free_buffer_pages(pml->call, pml->gfns, XEN_PML_LOG_MARK_MAX * sizeof(*pml->gfns) / PAGE);
	if (pml->entries)
		xencall_free_buffer_pages(pml->call, pml->entries, READ_PAGES);
	if (pml->domctl)
		xencall_free_buffer(pml->call, pml->domctl);
	if (pml->call)
		xencall_close(pml->call);
	free(pml);
}

static struct xen_pml *pml_new(const xc_domaininfo_t *info)
{
	struct xen_pml *pml = or_die(calloc(1, sizeof(*pml)));

	pml->id = info->domain;
	pml->call = xencall_open(NULL, 0);
	if (!pml->call)
		die_errno(EX_OSERR, "/dev/xen/privcmd");
	pml->domctl = xencall_alloc_buffer(pml->call, sizeof(*pml->domctl));
	pml->entries = xencall_alloc_buffer_pages(pml->call, READ_PAGES);
	pml->gfns = xencall_alloc_buffer_pages(pml->call, XEN_PML_LOG_MARK_MAX * sizeof(*pml->gfns) / PAGE);
	if (!pml->domctl || !pml->entries || !pml->gfns)
		die_errno(EX_OSERR, "no memory for the log");
	return pml;
}

static struct xen_domctl_pml_log *answer(struct xen_pml *pml)
{
	/* It is no member of the union that libxen-dev knows. */
	return (void *)&pml->domctl->u;
}

static bool control(struct xen_pml *pml, uint32_t cmd, uint32_t flags, uint32_t nr, void *data)
{
	struct xen_domctl_pml_log log = { .cmd = cmd, .flags = flags, .nr = nr };

	if (cmd == XEN_PML_LOG_MARK)
		set_xen_guest_handle_raw(log.u.gfns, data);
	else
		set_xen_guest_handle_raw(log.u.entries, data);
	*pml->domctl = (struct xen_domctl){
		.cmd = XEN_DOMCTL_pml_log,
		.interface_version = XEN_DOMCTL_INTERFACE_VERSION,
		.domain = (domid_t)pml->id,
	};
	_Static_assert(sizeof(log) <= sizeof(pml->domctl->u), "it must fit into a domctl");
	*answer(pml) = log;
	return xencall1(pml->call, __HYPERVISOR_domctl, (uint64_t)(uintptr_t)pml->domctl) >= 0;
}

/* ---- open, close ---- */

static void explain(struct failure *failure)
{
	switch (errno) {
	case ENOSYS:
		failure_set(failure, EX_UNAVAILABLE,
			    "this hypervisor keeps no raw PML log; it needs the patches in hv-patches/xen-4.17 of wss-tools (its README "
			    "says how); 'xen' works without them");
		break;
	case EOPNOTSUPP:
		failure_set(failure, EX_UNAVAILABLE,
			    "this processor has no page-modification logging (PML), or Xen was started with ept=no-pml; 'xen' works without it");
		break;
	case EBUSY:
		failure_set(failure, EX_UNAVAILABLE,
			    "its raw PML log is on: another program traces it, or one was killed and 'wss-trace --release' has to follow");
		break;
	case EINVAL:
		failure_set(failure, EX_UNAVAILABLE, "only HVM and PVH guests with hardware-assisted paging are logged by the processor");
		break;
	case EXDEV:
		failure_set(failure, EX_UNAVAILABLE,
			    "a device is passed through to it: what that writes cannot be logged; detach it first");
		break;
	case EAGAIN:
		failure_set(failure, EX_UNAVAILABLE, "its device model has pages of it in use that cannot be logged");
		break;
	case ESRCH:
		failure_set(failure, EX_NOINPUT, "it has gone");
		break;
	default:
		failure_set(failure, EX_UNAVAILABLE, "its raw PML log: %s", strerror(errno));
	}
}

/* 1: it is on; 0: it is off; -1: *failure. */
static int is_on(struct xen_pml *pml, struct failure *failure)
{
	if (control(pml, XEN_PML_LOG_STATUS, 0, 0, NULL))
		return 1;
	if (errno == ENODATA)
		return 0;
	explain(failure);
	return -1;
}

bool xen_pml_here(struct failure *failure)
{
	/* dom0 cannot be logged, but that is said only where others can. */
	struct xen_pml *pml = pml_new(&(xc_domaininfo_t){ .domain = 0 });
	bool possible = control(pml, XEN_PML_LOG_STATUS, 0, 0, NULL) || errno == EINVAL;

	if (!possible)
		explain(failure);
	pml_free(pml);
	return possible;
}

bool xen_pml_possible(const xc_domaininfo_t *info, struct failure *failure)
{
	struct xen_pml *pml = pml_new(info);
	int on = is_on(pml, failure);

	pml_free(pml);
	if (on <= 0)
		return on == 0;
	errno = EBUSY;
	explain(failure);
	return false;
}

struct xen_pml *xen_pml_open(const xc_domaininfo_t *info, const struct xen_pml_config *config, struct failure *failure)
{
	struct xen_pml *pml = pml_new(info);
	uint32_t flags = (config->two_buffers ? XEN_PML_LOG_TWO_BUFFERS : 0) | (config->no_tables ? XEN_PML_LOG_NO_TABLES : 0);

	if (control(pml, XEN_PML_LOG_ON, flags, config->entries, NULL))
		return pml;
	explain(failure);
	pml_free(pml);
	return NULL;
}

void xen_pml_close(struct xen_pml *pml)
{
	control(pml, XEN_PML_LOG_OFF, 0, 0, NULL);
	pml_free(pml);
}

int xen_pml_release(const xc_domaininfo_t *info, struct failure *failure)
{
	struct xen_pml *pml = pml_new(info);
	int on = is_on(pml, failure);

	if (on > 0)
		control(pml, XEN_PML_LOG_OFF, 0, 0, NULL);
	pml_free(pml);
	return on;
}

/* ---- a period ---- */

bool xen_pml_flush(struct xen_pml *pml)
{
	if (!control(pml, XEN_PML_LOG_FLUSH, XEN_PML_LOG_RESET, 0, NULL))
		return false;
	pml->facts = *answer(pml);
	return true;
}

const struct xen_domctl_pml_log *xen_pml_facts(const struct xen_pml *pml)
{
	return &pml->facts;
}

bool xen_pml_read(struct xen_pml *pml, void (*entries)(void *context, const struct xen_pml_log_entry *, size_t n), void *context)
{
	/* The guest goes on: what comes while we read is of the next period. */
	for (uint32_t left = pml->facts.waiting, n; left; left -= n) {
		if (!control(pml, XEN_PML_LOG_READ, 0, left < READ_MAX ? left : READ_MAX, pml->entries))
			return false;
		n = answer(pml)->nr;
		if (!n || n > left)
			bug("the hypervisor has other entries than it said");
		entries(context, pml->entries, n);
	}
	return true;
}

/* ---- page tables ---- */

static void send_marks(struct xen_pml *pml)
{
	if (!pml->failure && !control(pml, XEN_PML_LOG_MARK, pml->unmark ? XEN_PML_LOG_UNMARK : 0, pml->marks, pml->gfns))
		pml->failure = errno;
	pml->unmark = false;
	pml->marks = 0;
}

void xen_pml_tables_begin(struct xen_pml *pml)
{
	pml->unmark = true;
	pml->failure = 0;
}

void xen_pml_table(struct xen_pml *pml, uint64_t gfn)
{
	pml->gfns[pml->marks++] = gfn;
	if (pml->marks == XEN_PML_LOG_MARK_MAX)
		send_marks(pml);
}

bool xen_pml_tables_end(struct xen_pml *pml)
{
	if (pml->marks || pml->unmark)
		send_marks(pml);
	errno = pml->failure;
	return !pml->failure;
}
