/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "xen-log.h"

#include "../common/diag.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xen/hvm/params.h>

static const char *lock_file = "/run/wss-trace.xen"; /* byte N is domain N's */

enum { PAGE_SHIFT = 12, PAGE = 1 << PAGE_SHIFT, BITS_PER_PAGE = PAGE * 8, GIVE_MAX = 1 << 20 };

struct xen_log {
	const struct xen *xen;
	uint32_t id;
	int lock;
	uint64_t mark;             /* the frame */
	xc_hypercall_buffer_t bitmap;
	uint64_t room;             /* of it, in frames */
};

/* ---- the calls ---- */

static uint64_t *words(const struct xen_log *log)
{
	return log->bitmap.hbuf;
}

static bool control(const struct xen_log *log, unsigned op)
{
	return xc_shadow_control(log->xen->xc, log->id, op, NULL, 0) >= 0;
}

/* The log of so many frames into the bitmap. */
static bool read_log(struct xen_log *log, unsigned op, uint64_t frames)
{
	xc_shadow_op_stats_t stats;

	return xc_logdirty_control(log->xen->xc, log->id, op, &log->bitmap, frames, 0, &stats) >= 0;
}

/* Room for all frames the domain has now. */
static bool make_room(struct xen_log *log)
{
	xen_pfn_t frames;
	size_t pages;

	if (xc_domain_nr_gpfns(log->xen->xc, log->id, &frames) < 0)
		return false;
	if (frames <= log->room)
		return true;
	if (log->room)
		xc__hypercall_buffer_free_pages(log->xen->xc, &log->bitmap, (int)(log->room / BITS_PER_PAGE));
	pages = (frames + BITS_PER_PAGE - 1) / BITS_PER_PAGE;
	if (!xc__hypercall_buffer_alloc_pages(log->xen->xc, &log->bitmap, (int)pages))
		die_errno(EX_OSERR, "no memory for the log of %llu frames", (unsigned long long)frames);
	log->room = pages * BITS_PER_PAGE;
	return true;
}

static bool take_mark(struct xen_log *log)
{
	uint64_t *word = &words(log)[log->mark / BITMAP_WORD], bit = UINT64_C(1) << log->mark % BITMAP_WORD;
	bool is_set = *word & bit;

	*word &= ~bit;
	return is_set;
}

static bool put_mark(const struct xen_log *log)
{
	return xendevicemodel_modified_memory(log->xen->dm, (domid_t)log->id, log->mark, 1) >= 0;
}

/*
 * OURS: it is on and carries the mark. FULL: Xen had no page for it once, and says nothing of it any more until it is off;
 * nobody's migration comes through with such a log.
 */
enum state { NOT_OURS, OURS, FULL };

static enum state look(struct xen_log *log)
{
	if (!read_log(log, XEN_DOMCTL_SHADOW_OP_PEEK, log->mark + 1))
		return errno == ENOMEM ? FULL : NOT_OURS;
	return take_mark(log) ? OURS : NOT_OURS;
}

/* Unless it is another's, or off. */
static bool turn_off(struct xen_log *log)
{
	return look(log) != NOT_OURS && control(log, XEN_DOMCTL_SHADOW_OP_OFF);
}

/* ---- open ---- */

static void free_log(struct xen_log *log)
{
	if (log->room)
		xc__hypercall_buffer_free_pages(log->xen->xc, &log->bitmap, (int)(log->room / BITS_PER_PAGE));
	if (log->lock >= 0)
		close(log->lock);
	free(log);
}

static bool lock(struct xen_log *log, struct failure *failure)
{
	struct flock range = { .l_type = F_WRLCK, .l_start = log->id, .l_len = 1 };

	log->lock = open(lock_file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (log->lock < 0)
		failure_set(failure, EX_OSERR, "%s: %s", lock_file, strerror(errno));
	else if (fcntl(log->lock, F_OFD_SETLK, &range) < 0)
		failure_set(failure, EX_UNAVAILABLE, "a wss-trace traces it already");
	else
		return true;
	return false;
}

static bool shadow_paging(const struct xen *xen)
{
	xc_physinfo_t machine = { 0 };

	return xc_physinfo(xen->xc, &machine) == 0 && machine.capabilities & XEN_SYSCTL_PHYSCAP_shadow;
}

bool xen_log_possible(const struct xen *xen, const xc_domaininfo_t *info, struct failure *failure)
{
	failure->code = 0;
	if (info->domain == 0)
		failure_set(failure, EX_UNAVAILABLE, "dom0 cannot trace itself");
	else if (info->max_vcpu_id == XEN_INVALID_MAX_VCPU_ID)
		failure_set(failure, EX_UNAVAILABLE, "it is still being built; try again");
	else if (!(info->flags & XEN_DOMINF_hvm_guest) && !shadow_paging(xen))
		failure_set(failure, EX_UNAVAILABLE,
			    "a PV guest: its writes are logged by shadow page tables alone, which this hypervisor was built without "
			    "(as Debian's); run the guest as PVH or HVM");
	else if (!(info->flags & XEN_DOMINF_hvm_guest))
		failure_set(failure, EX_UNAVAILABLE,
			    "a PV guest: a migration that begins while it is traced could not be noticed; run the guest as PVH or HVM");
	else if (xen_has(xen, "/local/domain/0/backend/pci/%u", info->domain))
		failure_set(failure, EX_UNAVAILABLE,
			    "a device is passed through to it: what that writes cannot be logged, so Xen refuses; detach it first");
	return !failure->code;
}

/* The frame to mark; 0: there is none that could be marked. */
static uint64_t find_mark(const struct xen_log *log)
{
	uint64_t address;
	xen_pfn_t frame;
	int error;
	void *page;

	if (xc_hvm_param_get(log->xen->xc, log->id, HVM_PARAM_IDENT_PT, &address) < 0)
		return 0;
	frame = address >> PAGE_SHIFT;
	page = frame < log->room ? xenforeignmemory_map(log->xen->fm, log->id, PROT_READ, 1, &frame, &error) : NULL;
	if (!page)
		return 0;
	xenforeignmemory_unmap(log->xen->fm, page, 1);
	return error ? 0 : frame;
}

/* What is needed to look at the log, on or off. NULL: *failure. */
static struct xen_log *prepare(const struct xen *xen, const xc_domaininfo_t *info, struct failure *failure)
{
	struct xen_log *log = or_die(calloc(1, sizeof(*log)));

	*log = (struct xen_log){ .xen = xen, .id = info->domain, .lock = -1 };
	if (!xen_log_possible(xen, info, failure) || !lock(log, failure)) {
		free_log(log);
		return NULL;
	}
	if (!make_room(log))
		failure_set(failure, EX_NOINPUT, "Xen does not tell its memory: %s", strerror(errno));
	else if (!(log->mark = find_mark(log)))
		failure_set(failure, EX_UNAVAILABLE, "it has no identity page table, by which its log could be marked");
	if (!failure->code)
		return log;
	free_log(log);
	return NULL;
}

static void fail_enable(struct failure *failure)
{
	if (errno == EINVAL)
		failure_set(failure, EX_UNAVAILABLE,
			    "its log-dirty mode is on: it is being migrated, or another tracer is at work; try again when that is over");
	else if (errno == EBUSY)
		failure_set(failure, EX_UNAVAILABLE, "its device model watches parts of its memory; end that first");
	else if (errno == EPERM)
		failure_set(failure, EX_NOPERM, "Xen refuses to log its writes: %s", strerror(errno));
	else
		failure_set(failure, EX_UNAVAILABLE, "Xen refuses to log its writes: %s", strerror(errno));
}

static bool enable(struct xen_log *log, struct failure *failure)
{
	if (turn_off(log))
		note("domain %u: log-dirty mode was left on by another wss-trace; it begins anew", log->id);
	if (!control(log, XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY)) {
		fail_enable(failure);
		return false;
	}
	if (put_mark(log) && look(log) == OURS)
		return true;
	failure_set(failure, EX_UNAVAILABLE, "a migration or another tracer has taken its log");
	return false;
}

struct xen_log *xen_log_open(const struct xen *xen, const xc_domaininfo_t *info, struct failure *failure)
{
	struct xen_log *log = prepare(xen, info, failure);

	if (log && enable(log, failure))
		return log;
	if (log)
		free_log(log);
	return NULL;
}

/* ---- look ---- */

/* Another's frames, taken out of its log between two calls of ours, are made dirty again. */
static void give_back(void *context, uint64_t gfn, uint64_t pages)
{
	const struct xen_log *log = context;

	while (pages > 0) {
		uint32_t n = pages < GIVE_MAX ? (uint32_t)pages : GIVE_MAX;

		xendevicemodel_modified_memory(log->xen->dm, (domid_t)log->id, gfn, n);
		gfn += n;
		pages -= n;
	}
}

bool xen_log_take(struct xen_log *log, bitmap_visit *visit, void *context, const char **why)
{
	struct bitmap_runs runs = { .visit = visit, .context = context };
	enum state state = make_room(log) ? look(log) : NOT_OURS;
	bool ours;

	if (state == OURS && !read_log(log, XEN_DOMCTL_SHADOW_OP_CLEAN, log->room))
		state = errno == ENOMEM ? FULL : NOT_OURS;
	*why = state == FULL ? "its log has no room left; give it more with shadow_memory in its configuration" :
			       "a migration or another tracer has taken its log; tracing is over";
	if (state != OURS)
		return false;
	ours = take_mark(log);
	if (ours)
		put_mark(log);
	else
		runs = (struct bitmap_runs){ .visit = give_back, .context = log };
	bitmap_take(&runs, 0, words(log), log->room / BITMAP_WORD);
	bitmap_finish(&runs);
	return ours;
}

/* ---- close ---- */

void xen_log_close(struct xen_log *log)
{
	turn_off(log);
	free_log(log);
}

void xen_log_leave(struct xen_log *log)
{
	free_log(log);
}

int xen_log_release(const struct xen *xen, const xc_domaininfo_t *info, struct failure *failure)
{
	struct xen_log *log = prepare(xen, info, failure);
	int released;

	if (!log)
		return -1;
	released = turn_off(log);
	free_log(log);
	return released;
}
