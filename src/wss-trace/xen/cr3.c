/* SPDX-License-Identifier: GPL-2.0-or-later */
#define asm __asm__ /* Xen's barriers are written in GNU C */
#include "cr3.h"

#include "clock.h"
#include "diag.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xen/vm_event.h>
#include <xenevtchn.h>

enum {
	EVENTS = 1 << 16, /* kept at most: 1.5 MiB */
	LOOK_MS = 1000,   /* how often the reader looks whether the domain is still there */
	NO_FLUSH_BIT = 63,
	CR4_PGE_BIT = 7,
	PATH_BYTES = 80,
};

/* Shared with the reader. */
struct shared {
	_Atomic uint64_t written, read; /* events, ever; the reader writes one, we the other */
	_Atomic uint64_t lost;
	struct failure failure;
	struct xen_cr3_event event[EVENTS];
};

struct xen_cr3 {
	const struct xen *xen;
	xc_domaininfo_t info;
	struct shared *shared;
	pid_t reader;
	int lifeline; /* the reader ends when this, which we alone have, is closed */
	uint64_t lost_told;
};

/*
 * Others watch domains as well, and nothing says whose the reports are. Ours have a file that tells so, locked by the reader:
 * a file without a lock was left by one that was killed.
 */
static void mark_path(char path[PATH_BYTES], const xc_domaininfo_t *info)
{
	char uuid[XEN_UUID_MAX];

	snprintf(path, PATH_BYTES, "/run/wss-trace.cr3-%u-%s", info->domain, xen_uuid(info, uuid));
}

/*
 * Writes of CR3, and of CR4 where they turn global pages on or off: so a kernel flushes all translations. Flushes by setting
 * the CR3 that is there Xen 4.17 keeps to itself; the processor without a word of Xen's those of single pages.
 */
static bool report(xc_interface *xc, uint32_t id, bool on)
{
	return xc_monitor_write_ctrlreg(xc, id, VM_EVENT_X86_CR3, on, false, 0, false) == 0 &&
	       xc_monitor_write_ctrlreg(xc, id, VM_EVENT_X86_CR4, on, false, ~(UINT64_C(1) << CR4_PGE_BIT), true) == 0;
}

/* ---- the reader ---- */

struct reader {
	xc_interface *xc;
	xenevtchn_handle *channels;
	xenevtchn_port_or_error_t port;
	void *page;
	vm_event_back_ring_t ring;
	uint32_t id;
	struct shared *shared;
	char mark[PATH_BYTES];
};

static bool fail(struct reader *r, int code, const char *what)
{
	failure_set(&r->shared->failure, code, "%s: %s", what, strerror(errno));
	return false;
}

/* No other of us watches the domain; says that we do. */
static bool set_mark(struct reader *r)
{
	int fd = open(r->mark, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return fail(r, EX_OSERR, r->mark);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		failure_set(&r->shared->failure, EX_UNAVAILABLE, "another wss-trace watches its address spaces");
		return false;
	}
	return true; /* the lock is held until the reader ends */
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion" /* in Xen's macros for rings */

static bool turn_on(struct reader *r)
{
	uint32_t port = 0;

	r->page = xc_monitor_enable(r->xc, r->id, &port);
	if (!r->page && errno == EBUSY) {
		failure_set(&r->shared->failure, EX_UNAVAILABLE, "another program watches it (vm_event)");
		return false;
	}
	if (!r->page)
		return fail(r, EX_UNAVAILABLE, "Xen does not report its changes of address space");
	SHARED_RING_INIT((vm_event_sring_t *)r->page);
	BACK_RING_INIT(&r->ring, (vm_event_sring_t *)r->page, XC_PAGE_SIZE);
	r->port = xenevtchn_bind_interdomain(r->channels, r->id, port);
	if (r->port < 0)
		return fail(r, EX_OSERR, "event channel");
	if (!report(r->xc, r->id, true))
		return fail(r, EX_UNAVAILABLE, "Xen does not report its changes of address space");
	return true;
}

/* This lets go every processor that waits for room in the ring. */
static void turn_off(struct reader *r)
{
	if (r->page) {
		report(r->xc, r->id, false);
		munmap(r->page, XC_PAGE_SIZE);
		xc_monitor_disable(r->xc, r->id);
	}
	unlink(r->mark);
}

/* False: nothing to tell. */
static bool understand(const vm_event_request_t *request, struct xen_cr3_event *event)
{
	const struct vm_event_write_ctrlreg *write = &request->u.write_ctrlreg;

	*event = (struct xen_cr3_event){ .t_ns = clock_now_ns(), .vcpu = request->vcpu_id };
	if (request->reason != VM_EVENT_REASON_WRITE_CTRLREG)
		return false;
	if (write->index == VM_EVENT_X86_CR3) {
		event->cr3 = write->new_value & ~(UINT64_C(1) << NO_FLUSH_BIT);
		event->flush = event->cr3 == write->old_value;
		return true;
	}
	event->cr3 = request->data.regs.x86.cr3;
	event->flush = true;
	return write->old_value >> CR4_PGE_BIT & 1; /* and on again is no second one */
}

static void keep(struct shared *shared, const struct xen_cr3_event *event)
{
	uint64_t n = atomic_load_explicit(&shared->written, memory_order_relaxed);

	if (n - atomic_load_explicit(&shared->read, memory_order_acquire) == EVENTS) {
		atomic_fetch_add(&shared->lost, 1);
		return;
	}
	shared->event[n % EVENTS] = *event;
	atomic_store_explicit(&shared->written, n + 1, memory_order_release);
}

static void empty_ring(struct reader *r)
{
	bool any = false;

	/* Each is answered at once, so that there are never more than the ring has; Xen's macro that looks at this is in GNU C. */
	while (r->ring.sring->req_prod != r->ring.req_cons) {
		vm_event_request_t request;
		vm_event_response_t response = { .version = VM_EVENT_INTERFACE_VERSION };
		struct xen_cr3_event event;

		xen_rmb();
		memcpy(&request, RING_GET_REQUEST(&r->ring, r->ring.req_cons), sizeof(request));
		r->ring.req_cons++;
		r->ring.sring->req_event = r->ring.req_cons + 1;
		if (understand(&request, &event))
			keep(r->shared, &event);
		response.vcpu_id = request.vcpu_id;
		response.flags = request.flags & VM_EVENT_FLAG_VCPU_PAUSED;
		response.reason = request.reason;
		memcpy(RING_GET_RESPONSE(&r->ring, r->ring.rsp_prod_pvt), &response, sizeof(response));
		r->ring.rsp_prod_pvt++;
		RING_PUSH_RESPONSES(&r->ring);
		any = true;
	}
	if (any)
		xenevtchn_notify(r->channels, (evtchn_port_t)r->port);
}

#pragma GCC diagnostic pop

static bool domain_is_there(const struct reader *r)
{
	xc_domaininfo_t info;

	return xc_domain_getinfolist(r->xc, r->id, 1, &info) == 1 && info.domain == r->id &&
	       !(info.flags & XEN_DOMINF_dying);
}

static void read_events(struct reader *r, int lifeline)
{
	struct pollfd wait[] = { { .fd = xenevtchn_fd(r->channels), .events = POLLIN }, { .fd = lifeline, .events = POLLIN } };
	xenevtchn_port_or_error_t port;

	while (domain_is_there(r)) {
		int ready;

		do {
			ready = poll(wait, 2, LOOK_MS);
			if (wait[1].revents)
				return;
			if (ready > 0 && (port = xenevtchn_pending(r->channels)) >= 0)
				xenevtchn_unmask(r->channels, (evtchn_port_t)port);
			empty_ring(r);
		} while (ready > 0);
	}
}

/* Has nothing of ours open: neither the stream, whose reader would wait for us, nor Xen's interfaces. */
static void leave_parent(int *lifeline, int *ready)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT, SIGTSTP };
	enum { LIFELINE = 3, READY, FIRST_OTHER };

	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	setsid();
	prctl(PR_SET_NAME, "wss-trace-cr3");
	/* Above the numbers they are going to have. */
	*lifeline = fcntl(*lifeline, F_DUPFD, FIRST_OTHER);
	*ready = fcntl(*ready, F_DUPFD, FIRST_OTHER);
	*lifeline = dup2(*lifeline, LIFELINE);
	*ready = dup2(*ready, READY);
	for (int fd = 0; fd < LIFELINE; fd++)
		close(fd);
	close_range(FIRST_OTHER, ~0u, 0);
	for (int fd = 0; fd < LIFELINE; fd++)
		open("/dev/null", O_RDWR);
}

static _Noreturn void be_reader(const struct xen_cr3 *cr3, int lifeline, int ready)
{
	struct reader r = { .id = cr3->info.domain, .shared = cr3->shared, .port = -1 };

	leave_parent(&lifeline, &ready);
	mark_path(r.mark, &cr3->info);
	r.xc = xc_interface_open(NULL, NULL, 0);
	r.channels = xenevtchn_open(NULL, 0);
	if (!r.xc || !r.channels)
		fail(&r, EX_OSERR, "/dev/xen");
	else if (set_mark(&r)) {
		if (turn_on(&r)) {
			r.shared->failure.code = 0;
			close(ready);
			read_events(&r, lifeline);
		}
		turn_off(&r);
	}
	_exit(0);
}

/* ---- the side of wss-trace ---- */

/* False: *failure says why. */
static bool start_reader(struct xen_cr3 *cr3, struct failure *failure)
{
	int lifeline[2], ready[2];
	char byte;

	/* Stands unless the reader comes to say otherwise. */
	failure_set(&cr3->shared->failure, EX_OSERR, "the reader of its changes of address space ended at once");
	if (pipe2(lifeline, O_CLOEXEC) < 0 || pipe2(ready, O_CLOEXEC) < 0)
		die_errno(EX_OSERR, "cannot make a pipe");
	cr3->reader = fork();
	if (cr3->reader < 0)
		die_errno(EX_OSERR, "cannot start the reader of changes of address space");
	if (cr3->reader == 0)
		be_reader(cr3, lifeline[0], ready[1]);
	close(lifeline[0]);
	close(ready[1]);
	cr3->lifeline = lifeline[1];
	while (read(ready[0], &byte, 1) < 0 && errno == EINTR)
		;
	close(ready[0]);
	*failure = cr3->shared->failure;
	return failure->code == 0;
}

static void stop_reader(struct xen_cr3 *cr3)
{
	close(cr3->lifeline);
	while (waitpid(cr3->reader, NULL, 0) < 0 && errno == EINTR)
		;
}

bool xen_cr3_possible(const struct xen *xen, const xc_domaininfo_t *info, struct failure *failure)
{
	uint32_t can = 0;

	if ((info->flags & XEN_DOMINF_hvm_guest) && xc_monitor_get_capabilities(xen->xc, info->domain, &can) == 0 &&
	    can >> XEN_DOMCTL_MONITOR_EVENT_WRITE_CTRLREG & 1)
		return true;
	failure_set(failure, EX_UNAVAILABLE,
		    "Xen does not report its changes of address space; it does for PVH and HVM guests under hardware-assisted paging");
	return false;
}

struct xen_cr3 *xen_cr3_open(const struct xen *xen, const xc_domaininfo_t *info, struct failure *failure)
{
	struct xen_cr3 *cr3;

	if (!xen_cr3_possible(xen, info, failure) || xen_cr3_release(xen, info, failure) < 0)
		return NULL;
	cr3 = or_die(calloc(1, sizeof(*cr3)));
	*cr3 = (struct xen_cr3){ .xen = xen, .info = *info };
	cr3->shared = mmap(NULL, sizeof(*cr3->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (cr3->shared == MAP_FAILED)
		or_die(NULL);
	if (start_reader(cr3, failure))
		return cr3;
	xen_cr3_close(cr3);
	return NULL;
}

void xen_cr3_close(struct xen_cr3 *cr3)
{
	stop_reader(cr3);
	munmap(cr3->shared, sizeof(*cr3->shared));
	free(cr3);
}

bool xen_cr3_next(struct xen_cr3 *cr3, struct xen_cr3_event *event)
{
	uint64_t n = atomic_load_explicit(&cr3->shared->read, memory_order_relaxed);

	if (n == atomic_load_explicit(&cr3->shared->written, memory_order_acquire))
		return false;
	*event = cr3->shared->event[n % EVENTS];
	atomic_store_explicit(&cr3->shared->read, n + 1, memory_order_release);
	return true;
}

/* At least one event is missed between two readers. */
static void replace_reader(struct xen_cr3 *cr3)
{
	struct failure failure = { 0 };

	close(cr3->lifeline);
	atomic_fetch_add(&cr3->shared->lost, 1);
	if (xen_cr3_release(cr3->xen, &cr3->info, &failure) >= 0 && start_reader(cr3, &failure))
		warn("domain %u: the reader of its changes of address space was killed; another one goes on", cr3->info.domain);
	else
		warn("domain %u: the reader of its changes of address space was killed: %s", cr3->info.domain, failure.text);
}

uint64_t xen_cr3_lost(struct xen_cr3 *cr3)
{
	xc_domaininfo_t info;
	uint64_t lost;

	if (waitpid(cr3->reader, NULL, WNOHANG) == cr3->reader && xen_info(cr3->xen, cr3->info.domain, &info) &&
	    !xen_how_it_ended(&info))
		replace_reader(cr3);
	lost = atomic_load(&cr3->shared->lost);
	uint64_t since = lost - cr3->lost_told;

	cr3->lost_told = lost;
	return since;
}

int xen_cr3_release(const struct xen *xen, const xc_domaininfo_t *info, struct failure *failure)
{
	char path[PATH_BYTES];
	int fd, released = 0;

	mark_path(path, info);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		failure_set(failure, EX_UNAVAILABLE, "another wss-trace watches its address spaces");
		released = -1;
	} else {
		report(xen->xc, info->domain, false);
		released = xc_monitor_disable(xen->xc, info->domain) == 0;
		unlink(path);
	}
	close(fd);
	return released;
}
