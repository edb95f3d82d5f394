/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xen-log.h on a made-up hypervisor, as paging.c and dm.c of Xen 4.17 behave: a live migration, which takes the log for
 * itself, begins between any two of our calls, and must not lose a frame that is written from then on.
 */
#if !__has_include(<xenctrl.h>)
#include <stdio.h>
int main(void)
{
	puts("ok 1 - xen-log: # skip not built: needs libxen-dev\n1..1");
	return 0;
}
#else
#include "../../src/wss-trace/bitmap.c"
#include "../../src/wss-trace/xen/log.c"

#include "tap.h"

enum { FRAMES = 1 << 17, MARK = FRAMES - 10, NEVER = 1000 };

static struct {
	bool on, full, refuses_marks;
	uint64_t dirty[FRAMES / 64];
	unsigned calls, migration_begins; /* before which of our calls */
	bool migrates;
	bool just_begun;                  /* before this call */
	unsigned emptied;                 /* its log, by us, later than that */
	unsigned wrote;                   /* frames 1, 2, ... of the guest, one before each call */
	unsigned wrote_before_migration;
	const char *last;                 /* our call before the migration */
} xen;

static uint64_t seen[FRAMES / 64];

static void make_dirty(uint64_t frame)
{
	if (xen.on)
		xen.dirty[frame / 64] |= UINT64_C(1) << frame % 64;
}

static bool is_dirty(const uint64_t *dirty, uint64_t frame)
{
	return dirty[frame / 64] >> frame % 64 & 1;
}

static void turn(bool on)
{
	xen.on = on;
	xen.full = false;
	memset(xen.dirty, 0, sizeof(xen.dirty));
}

/* The guest has written a frame; a migration may have begun. */
static void between(const char *call)
{
	xen.just_begun = xen.calls++ == xen.migration_begins;
	if (xen.just_begun) {
		turn(true); /* after off, if it was on */
		xen.migrates = true;
		xen.wrote_before_migration = xen.wrote;
	}
	if (!xen.migrates)
		xen.last = call;
	make_dirty(++xen.wrote);
	if (xen.just_begun)
		for (uint64_t frame = FRAMES - 3; frame < FRAMES; frame++)
			make_dirty(frame);
}

/* ---- what is used for PV domains alone, which are tried on a real Xen (tests/beds/xen-pv.bats) ---- */

xencall_handle *xencall_open(xentoollog_logger *logger, unsigned flags)
{
	(void)logger;
	(void)flags;
	abort();
}

int xencall_close(xencall_handle *call)
{
	return call ? -1 : 0;
}

void *xencall_alloc_buffer_pages(xencall_handle *call, size_t pages)
{
	(void)call;
	(void)pages;
	abort();
}

void xencall_free_buffer_pages(xencall_handle *call, void *buffer, size_t pages)
{
	(void)call;
	(void)buffer;
	(void)pages;
	abort();
}

int xencall4(xencall_handle *call, unsigned number, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	(void)call;
	(void)number;
	(void)a;
	(void)b;
	(void)c;
	(void)d;
	abort();
}

/* ---- what of Xen's libraries is used ---- */

int xc_shadow_control(xc_interface *xch, uint32_t id, unsigned op, unsigned *mb, unsigned mode)
{
	(void)xch;
	(void)id;
	(void)mb;
	(void)mode;
	between(op == XEN_DOMCTL_SHADOW_OP_OFF ? "off" : "enable");
	if (op != XEN_DOMCTL_SHADOW_OP_OFF && xen.on) {
		errno = EINVAL;
		return -1;
	}
	turn(op != XEN_DOMCTL_SHADOW_OP_OFF);
	return 0;
}

long long xc_logdirty_control(xc_interface *xch, uint32_t id, unsigned op, xc_hypercall_buffer_t *bitmap, unsigned long frames,
			      unsigned mode, xc_shadow_op_stats_t *stats)
{
	(void)xch;
	(void)id;
	(void)mode;
	(void)stats;
	between(op == XEN_DOMCTL_SHADOW_OP_CLEAN ? "clean" : "peek");
	if (xen.full) {
		errno = ENOMEM;
		return -1;
	}
	/* what the domain has not is not dirty */
	memset(bitmap->hbuf, 0, (frames + 7) / 8);
	memcpy(bitmap->hbuf, xen.dirty, ((frames < FRAMES ? frames : FRAMES) + 7) / 8);
	if (op == XEN_DOMCTL_SHADOW_OP_CLEAN) {
		xen.emptied += xen.migrates && !xen.just_begun;
		memset(xen.dirty, 0, sizeof(xen.dirty));
	}
	return (long long)frames;
}

int xendevicemodel_modified_memory(xendevicemodel_handle *dm, domid_t id, uint64_t first, uint32_t n)
{
	(void)dm;
	(void)id;
	between(first == MARK ? "mark" : "give back");
	if (xen.refuses_marks || first + n > FRAMES - 1) { /* it takes the last frame for one that is not there */
		errno = EINVAL;
		return -1;
	}
	for (uint64_t frame = first; frame < first + n; frame++)
		make_dirty(frame);
	return 0;
}

int xc_domain_nr_gpfns(xc_interface *xch, uint32_t id, xen_pfn_t *frames)
{
	(void)xch;
	(void)id;
	*frames = FRAMES;
	return 0;
}

int xc_hvm_param_get(xc_interface *xch, uint32_t id, uint32_t param, uint64_t *value)
{
	(void)xch;
	(void)id;
	*value = param == HVM_PARAM_IDENT_PT ? (uint64_t)MARK << PAGE_SHIFT : 0;
	return 0;
}

void *xc__hypercall_buffer_alloc_pages(xc_interface *xch, xc_hypercall_buffer_t *bitmap, int pages)
{
	(void)xch;
	return bitmap->hbuf = calloc((size_t)pages, PAGE);
}

void xc__hypercall_buffer_free_pages(xc_interface *xch, xc_hypercall_buffer_t *bitmap, int pages)
{
	(void)xch;
	(void)pages;
	free(bitmap->hbuf);
}

void *xenforeignmemory_map(xenforeignmemory_handle *fm, uint32_t id, int prot, size_t pages, const xen_pfn_t frame[], int error[])
{
	(void)fm;
	(void)id;
	(void)prot;
	(void)pages;
	*error = 0;
	return frame[0] == MARK ? &xen : NULL;
}

int xenforeignmemory_unmap(xenforeignmemory_handle *fm, void *page, size_t pages)
{
	(void)fm;
	(void)page;
	(void)pages;
	return 0;
}

int xc_physinfo(xc_interface *xch, xc_physinfo_t *info)
{
	(void)xch;
	(void)info;
	return -1;
}

bool xen_has(const struct xen *link, const char *path, ...)
{
	(void)link;
	(void)path;
	return false;
}

/* ---- the tests ---- */

static const struct xen link_of_test;
static const xc_domaininfo_t guest = { .domain = 7, .flags = XEN_DOMINF_hvm_guest };

static void see(void *context, uint64_t frame, uint64_t frames)
{
	(void)context;
	for (uint64_t f = frame; f < frame + frames; f++)
		seen[f / 64] |= UINT64_C(1) << f % 64;
}

static void begin(unsigned migration_begins)
{
	memset(&xen, 0, sizeof(xen));
	memset(seen, 0, sizeof(seen));
	xen.migration_begins = migration_begins;
	xen.last = "";
}

/* A trace of so many periods; how many of them went well, or -1: it did not begin. */
static int trace(int periods)
{
	struct failure failure;
	struct xen_log *log = xen_log_open(&link_of_test, &guest, &failure);
	const char *why;
	int n = 0;

	if (!log)
		return -1;
	for (;;) {
		between("nothing, for a period");
		if (n == periods || !xen_log_take(log, see, NULL, &why))
			break;
		n++;
	}
	xen_log_close(log);
	return n;
}

static unsigned missing(const uint64_t *dirty, unsigned first, unsigned last)
{
	unsigned n = 0;

	for (unsigned frame = first; frame <= last; frame++)
		n += !is_dirty(dirty, frame);
	return n;
}

/* All of the guest's frames are seen, the mark is not, and the log is off in the end. */
static void check_alone(void)
{
	unsigned first, last;
	struct failure failure;
	const char *why;

	begin(NEVER);
	struct xen_log *log = xen_log_open(&link_of_test, &guest, &failure);

	CHECK(log && xen.on);
	first = xen.wrote + 1;
	for (int i = 0; i < 5; i++)
		CHECK(xen_log_take(log, see, NULL, &why));
	last = xen.wrote - 1; /* the one before the mark is for the next look */
	CHECK_U64(missing(seen, first, last), 0);
	CHECK(!is_dirty(seen, MARK));
	xen_log_close(log);
	CHECK(!xen.on);
	xen.migration_begins = xen.calls; /* a log that is on and not ours is refused, and left alone */
	CHECK(trace(1) == -1 && xen.on);
	CHECK(xen_log_release(&link_of_test, &guest, &failure) == 0 && xen.on);
}

/* Wherever it begins. What is left are two calls in one gap, which take longer than the gap (xen-log.h). */
static void check_migration(void)
{
	unsigned gaps = 0;

	for (unsigned when = 0; when < 40; when++) {
		begin(when);
		int n = trace(3);

		if (!xen.migrates)
			break;
		if ((strcmp(xen.last, "enable") == 0 || strcmp(xen.last, "clean") == 0) || (strcmp(xen.last, "peek") == 0 && n == 3)) {
			gaps++;
			continue;
		}
		CHECK(xen.on);
		CHECK_U64(xen.emptied, 0);
		CHECK_U64(missing(xen.dirty, xen.wrote_before_migration + 1, xen.wrote), 0);
		CHECK_U64(missing(xen.dirty, FRAMES - 3, FRAMES - 2), 0);
	}
	CHECK_U64(gaps, 5); /* before the mark of the opening and of three looks; before turning off */
}

static void check_left_on(void)
{
	struct failure failure;
	struct xen_log *log;
	const char *why;

	begin(NEVER);
	log = xen_log_open(&link_of_test, &guest, &failure);
	CHECK(log && xen_log_take(log, see, NULL, &why));
	/* while it lives, nobody else may have it */
	CHECK(trace(1) == -1);
	CHECK(xen_log_release(&link_of_test, &guest, &failure) == -1);
	xen_log_leave(log);
	CHECK(xen.on);
	CHECK(xen_log_release(&link_of_test, &guest, &failure) == 1 && !xen.on);
	CHECK(xen_log_release(&link_of_test, &guest, &failure) == 0);
	xen_log_leave(xen_log_open(&link_of_test, &guest, &failure));
	CHECK(trace(2) == 2 && !xen.on);
}

/* A log that cannot be marked is not left on. */
static void check_refused_mark(void)
{
	begin(NEVER);
	xen.refuses_marks = true;
	CHECK(trace(1) == -1);
	CHECK(!xen.on);
}

/* Without room for the log Xen says no more: tracing ends, and the log is turned off. */
static void check_full(void)
{
	struct failure failure;
	const char *why = "";

	begin(NEVER);
	struct xen_log *log = xen_log_open(&link_of_test, &guest, &failure);

	CHECK(log != NULL);
	xen.full = true;
	CHECK(!xen_log_take(log, see, NULL, &why) && strstr(why, "shadow_memory"));
	xen_log_close(log);
	CHECK(!xen.on);
}

int main(void)
{
	lock_file = "xen-log.lock";
	check_alone();
	check_migration();
	check_left_on();
	check_refused_mark();
	check_full();
	unlink(lock_file);
	return tap_end("xen-log");
}
#endif
