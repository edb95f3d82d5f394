/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tables.h"

#include "diag.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <xen/hvm/save.h>
#include <xenguest.h>

enum { FRAME_BYTES = 4096, XEN_SLOTS_FIRST = 256, XEN_SLOTS = 16 };

struct xen_tables {
	const struct xen *xen;
	uint32_t id;
	bool hvm;
	unsigned width;           /* of a PV guest: 8 or 4 bytes */
	struct pagewalk *walk;
	struct pagewalk_regs regs; /* of a processor that was on when we looked last */
	char *mapped;             /* what read_frames() gave out */
	size_t mapped_frames;
	/* PV: the guest's number of each frame of the host. */
	const xen_pfn_t *pfn_of;
	uint64_t host_frames;
	/* pagewalk_each() gives these frames of the host. */
	void (*run)(void *context, uint64_t gfn, uint64_t pages);
	void *run_context;
	void (*leaf)(void *context, uint64_t va, uint64_t gfn, uint64_t pages);
	void *leaf_context;
};

/* ---- memory ---- */

static void unmap(struct xen_tables *t)
{
	if (t->mapped)
		xenforeignmemory_unmap(t->xen->fm, t->mapped, t->mapped_frames);
	t->mapped = NULL;
}

static void read_frames(void *context, const uint64_t *gfn, size_t n, const void **content)
{
	struct xen_tables *t = context;
	xen_pfn_t frame[PAGEWALK_BATCH];
	int error[PAGEWALK_BATCH];

	unmap(t);
	for (size_t i = 0; i < n; i++)
		frame[i] = gfn[i];
	t->mapped = xenforeignmemory_map(t->xen->fm, t->id, PROT_READ, n, frame, error);
	t->mapped_frames = n;
	for (size_t i = 0; i < n; i++)
		content[i] = t->mapped && !error[i] ? t->mapped + i * FRAME_BYTES : NULL;
}

/* The guest's number of a frame; of PV guests, the host's stands in the tables. */
static uint64_t guest_frame(const struct xen_tables *t, uint64_t frame)
{
	return t->hvm || frame >= t->host_frames ? frame : t->pfn_of[frame];
}

static void put_leaf(void *context, uint64_t va, uint64_t frame, uint64_t pages)
{
	const struct xen_tables *t = context;
	uint64_t gfn = guest_frame(t, frame);

	t->leaf(t->leaf_context, va, gfn, pages);
}

static uint64_t frames_now(const struct xen_tables *t)
{
	xen_pfn_t n = 0;

	if (!t->hvm)
		return t->host_frames;
	return xc_domain_nr_gpfns(t->xen->xc, t->id, &n) < 0 ? 0 : n;
}

static struct pagewalk *new_walk(struct xen_tables *t)
{
	const struct pagewalk_memory memory = {
		.context = t,
		.read = read_frames,
		.frames = frames_now(t),
		.hidden_first = XEN_SLOTS_FIRST,
		.hidden = t->hvm ? 0 : XEN_SLOTS,
		.leaf = t->leaf ? put_leaf : NULL,
	};

	return pagewalk_new(&memory);
}

/* ---- registers ---- */

static bool hvm_regs(struct xen_tables *t, unsigned vcpu)
{
	HVM_SAVE_TYPE(CPU) cpu;

	if (xc_domain_hvm_getcontext_partial(t->xen->xc, t->id, HVM_SAVE_CODE(CPU), (uint16_t)vcpu, &cpu, sizeof(cpu)) < 0)
		return false;
	t->regs = (struct pagewalk_regs){ .cr0 = cpu.cr0, .cr3 = cpu.cr3, .cr4 = cpu.cr4, .efer = cpu.msr_efer };
	return true;
}

/* A PV guest has its paging from Xen: always on, of one kind. */
static struct pagewalk_regs pv_regs(const struct xen_tables *t, uint64_t root)
{
	return (struct pagewalk_regs){
		.cr0 = UINT64_C(1) << 31,
		.cr3 = root << 12,
		.cr4 = UINT64_C(1) << 5,
		.efer = t->width == 8 ? UINT64_C(0xd00) : UINT64_C(0x800),
	};
}

static bool pv_roots(struct xen_tables *t, unsigned vcpu)
{
	static vcpu_guest_context_any_t context; /* 5 KiB */
	struct pagewalk_regs user;

	if (xc_vcpu_getcontext(t->xen->xc, t->id, vcpu, &context) < 0)
		return false;
	if (t->width == 4) {
		t->regs = pv_regs(t, xen_cr3_to_pfn_x86_32(context.x32.ctrlreg[3]));
		return true;
	}
	t->regs = pv_regs(t, xen_cr3_to_pfn_x86_64(context.x64.ctrlreg[3]));
	/* A 64-bit guest has a second root, for when its user runs. */
	if (context.x64.ctrlreg[1] && t->walk) {
		user = pv_regs(t, xen_cr3_to_pfn_x86_64(context.x64.ctrlreg[1]));
		pagewalk_root(t->walk, &user);
	}
	return true;
}

/* Of each processor that is on. False: there is none. */
static bool read_regs(struct xen_tables *t)
{
	xc_domaininfo_t info;
	bool any = false;

	if (!xen_info(t->xen, t->id, &info))
		return false;
	for (unsigned vcpu = 0; vcpu <= info.max_vcpu_id; vcpu++) {
		if (!(t->hvm ? hvm_regs(t, vcpu) : pv_roots(t, vcpu)))
			continue;
		any = true;
		if (t->walk)
			pagewalk_root(t->walk, &t->regs);
	}
	return any;
}

/* ---- the interface ---- */

static bool map_host_frames(struct xen_tables *t, struct failure *failure)
{
	unsigned long n = 0;

	if (xc_domain_get_guest_width(t->xen->xc, t->id, &t->width) == 0 &&
	    xc_maximum_ram_page(t->xen->xc, &n) == 0)
		t->pfn_of = xc_map_m2p(t->xen->xc, n, PROT_READ, NULL);
	t->host_frames = n;
	if (!t->pfn_of)
		failure_set(failure, EX_OSERR, "cannot map the host's table of frame numbers: %s", strerror(errno));
	return t->pfn_of;
}

struct xen_tables *xen_tables_open(const struct xen *xen, const xc_domaininfo_t *info, struct failure *failure)
{
	struct xen_tables *t = or_die(calloc(1, sizeof(*t)));

	*t = (struct xen_tables){ .xen = xen, .id = info->domain, .hvm = info->flags & XEN_DOMINF_hvm_guest };
	if (!t->hvm && !map_host_frames(t, failure)) {
		xen_tables_close(t);
		return NULL;
	}
	if (!read_regs(t)) {
		failure_set(failure, EX_OSERR, "cannot read the registers of its processors: %s", strerror(errno));
		xen_tables_close(t);
		return NULL;
	}
	return t;
}

void xen_tables_close(struct xen_tables *t)
{
	unmap(t);
	pagewalk_free(t->walk);
	if (t->pfn_of)
		munmap((void *)t->pfn_of, t->host_frames * sizeof(*t->pfn_of));
	free(t);
}

void xen_tables_leaves(struct xen_tables *t, void (*leaf)(void *context, uint64_t va, uint64_t gfn, uint64_t pages),
		       void *context)
{
	t->leaf = leaf;
	t->leaf_context = context;
}

void xen_tables_ran(struct xen_tables *t, uint64_t cr3)
{
	struct pagewalk_regs regs = t->regs;

	regs.cr3 = cr3;
	if (!t->walk)
		t->walk = new_walk(t);
	pagewalk_ran(t->walk, &regs);
}

/* Neighbours on the host need not be neighbours in the guest. */
static void put_host_run(void *context, uint64_t mfn, uint64_t pages)
{
	const struct xen_tables *t = context;

	for (uint64_t i = 0; i < pages; i++)
		t->run(t->run_context, guest_frame(t, mfn + i), 1);
}

void xen_tables_take(struct xen_tables *t, uint64_t tables, void (*run)(void *context, uint64_t gfn, uint64_t pages),
		     void *context)
{
	if (!t->walk)
		t->walk = new_walk(t);
	pagewalk_resize(t->walk, frames_now(t));
	read_regs(t);
	pagewalk_step(t->walk, tables);
	unmap(t);
	t->run = run;
	t->run_context = context;
	if (t->hvm)
		pagewalk_each(t->walk, run, context);
	else
		pagewalk_each(t->walk, put_host_run, t);
}

struct pagewalk_facts xen_tables_facts(const struct xen_tables *t)
{
	return t->walk ? pagewalk_facts(t->walk) : (struct pagewalk_facts){ 0 };
}
