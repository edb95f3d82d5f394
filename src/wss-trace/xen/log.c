/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "log.h"

#include "diag.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xencall.h>
#include <xen/hvm/params.h>

static const char *lock_file = "/run/wss-trace.xen"; /* byte N is domain N's */

enum {
	PAGE_SHIFT = 12,
	PAGE = 1 << PAGE_SHIFT,
	BITS_PER_PAGE = PAGE * 8,
	GIVE_MAX = 1 << 20,
	FRAMES_MOST = 1 << 30, /* 4 TiB; a PV guest says itself how many it has */
	UPDATES_MAX = PAGE / sizeof(mmu_update_t),
};

#define NO_PFN (~UINT64_C(0)) /* of Xen's own frames */

struct xen_log {
	const struct xen *xen;
	uint32_t id;
	int lock;
	uint64_t shared;           /* PV: frame of the host with what the guest shares with Xen; 0: not PV */
	xencall_handle *call;      /* PV */
	mmu_update_t *updates;
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

/* Room for all frames the domain has now, and for one at the end that it does not have. */
static bool make_room(struct xen_log *log)
{
	xen_pfn_t frames;
	size_t pages;

	if (xc_domain_nr_gpfns(log->xen->xc, log->id, &frames) < 0)
		return false;
	if (frames < log->room)
		return true;
	if (frames > FRAMES_MOST) {
		errno = ERANGE;
		return false;
	}
	if (log->room)
		xc__hypercall_buffer_free_pages(log->xen->xc, &log->bitmap, (int)(log->room / BITS_PER_PAGE));
	pages = frames / BITS_PER_PAGE + 1;
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

/*
 * A PV guest's frames become dirty when their numbers are given to a frame of the host. We give them to one that is Xen's,
 * and has none; so it is afterwards.
 */
static bool dirty_pv(const struct xen_log *log, uint64_t first, uint64_t n)
{
	uint64_t entry = log->shared << PAGE_SHIFT | MMU_MACHPHYS_UPDATE;
	bool done = true;

	do {
		unsigned count = 0;

		for (; n > 0 && count < UPDATES_MAX - 1; n--)
			log->updates[count++] = (mmu_update_t){ .ptr = entry, .val = first++ };
		log->updates[count++] = (mmu_update_t){ .ptr = entry, .val = NO_PFN };
		if (xencall4(log->call, __HYPERVISOR_mmu_update, (uint64_t)(uintptr_t)log->updates, count, 0, log->id) < 0)
			done = false;
	} while (n > 0);
	return done;
}

static bool dirty(const struct xen_log *log, uint64_t first, uint32_t n)
{
	return log->shared ? dirty_pv(log, first, n) :
			     xendevicemodel_modified_memory(log->xen->dm, (domid_t)log->id, first, n) >= 0;
}

/* Behind the frames of a PV guest, however many it has got. */
static bool put_mark(struct xen_log *log)
{
	if (log->shared)
		log->mark = log->room - 1;
	return dirty(log, log->mark, 1);
}

/*
 * OURS: it is on and carries the mark. FULL: Xen had no page for it once, and says nothing of it any more until it is off;
 * nobody's migration comes through with such a log. NO_ROOM: we have no room for it.
 */
enum state { NOT_OURS, OURS, FULL, NO_ROOM };

static const char *const reasons[] = {
	[NOT_OURS] = "a migration or another tracer has taken its log; tracing is over",
	[FULL] = "its log has no room left; give it more with shadow_memory in its configuration",
	[NO_ROOM] = "it says that it has more memory than can be logged",
};

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
	if (log->updates)
		xencall_free_buffer_pages(log->call, log->updates, 1);
	xencall_close(log->call);
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

	if (log->shared)
		return dirty_pv(log, 0, 0) ? log->room - 1 : 0; /* none: to see whether we may */
	if (xc_hvm_param_get(log->xen->xc, log->id, HVM_PARAM_IDENT_PT, &address) < 0)
		return 0;
	frame = address >> PAGE_SHIFT;
	page = frame < log->room ? xenforeignmemory_map(log->xen->fm, log->id, PROT_READ, 1, &frame, &error) : NULL;
	if (!page)
		return 0;
	xenforeignmemory_unmap(log->xen->fm, page, 1);
	return error ? 0 : frame;
}

/* What dirty_pv() needs. */
static void open_pv(struct xen_log *log, const xc_domaininfo_t *info)
{
	log->shared = info->shared_info_frame;
	log->call = xencall_open(NULL, 0);
	if (!log->call)
		die_errno(EX_OSERR, "/dev/xen/privcmd");
	log->updates = or_die(xencall_alloc_buffer_pages(log->call, 1));
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
	if (!(info->flags & XEN_DOMINF_hvm_guest))
		open_pv(log, info);
	if (!make_room(log))
		failure_set(failure, EX_NOINPUT, "Xen does not tell its memory: %s", strerror(errno));
	else if (!(log->mark = find_mark(log)))
		failure_set(failure, EX_UNAVAILABLE, "it has no frame of Xen's, by which its log could be marked");
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
	if (!put_mark(log)) {
		failure_set(failure, EX_UNAVAILABLE, "Xen refuses to mark its log: %s", strerror(errno));
		control(log, XEN_DOMCTL_SHADOW_OP_OFF);
		return false;
	}
	if (look(log) == OURS)
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

/*
 * Another's frames, taken out of its log between two calls of ours, are made dirty again. Xen refuses, as a whole, a range
 * that ends with the domain's last frame; that one frame, of an HVM guest, it does not let us give back.
 */
static void give_back(void *context, uint64_t gfn, uint64_t pages)
{
	const struct xen_log *log = context;

	while (pages > 0) {
		uint32_t n = pages < GIVE_MAX ? (uint32_t)pages : GIVE_MAX;

		if (!dirty(log, gfn, n) && n > 1)
			dirty(log, gfn, n - 1);
		gfn += n;
		pages -= n;
	}
}

bool xen_log_take(struct xen_log *log, bitmap_visit *visit, void *context, const char **why)
{
	struct bitmap_runs runs = { .visit = visit, .context = context };
	enum state state = make_room(log) ? look(log) : NO_ROOM;
	bool ours;

	if (state == OURS && !read_log(log, XEN_DOMCTL_SHADOW_OP_CLEAN, log->room))
		state = errno == ENOMEM ? FULL : NOT_OURS;
	*why = reasons[state == OURS ? NOT_OURS : state]; /* it may become another's yet */
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
