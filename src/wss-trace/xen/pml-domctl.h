/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pml-domctl - the raw log of Page Modification Logging: XEN_DOMCTL_pml_log, between hypervisor and tracing program.
 *
 * This file is twice in wss-tools and the same in both places: in the patch, and as src/wss-trace/xen/pml-domctl.h. It wants
 * Xen's xen.h before it, and is for the hypervisor and its tools (__XEN__, __XEN_TOOLS__).
 */
#ifndef __XEN_PUBLIC_PML_DOMCTL_H__
#define __XEN_PUBLIC_PML_DOMCTL_H__

#define XEN_DOMCTL_pml_log 1100

/*
 * One entry for each time the processor set a dirty bit in the domain's nested page tables. Those of one vCPU are in the
 * order in which they were logged. The processor keeps no time: time_ns (Xen's system time) is when its buffer was full,
 * or was emptied before.
 */
struct xen_pml_log_entry {
	uint64_aligned_t time_ns;
	uint64_aligned_t page;     /* XEN_PML_LOG_GFN, XEN_PML_LOG_VCPU */
};
typedef struct xen_pml_log_entry xen_pml_log_entry_t;
DEFINE_XEN_GUEST_HANDLE(xen_pml_log_entry_t);

#define XEN_PML_LOG_VCPU_SHIFT   48
#define XEN_PML_LOG_GFN(page)    ((page) & ((1ULL << XEN_PML_LOG_VCPU_SHIFT) - 1))
#define XEN_PML_LOG_VCPU(page)   ((page) >> XEN_PML_LOG_VCPU_SHIFT)

struct xen_domctl_pml_log {
/* Starts the log; `nr`: entries that the ring shall hold at least. EBUSY: it is on. EOPNOTSUPP: no PML, or not these flags. */
#define XEN_PML_LOG_ON     0
/* Ends it and forgets what was not read. The domain's log-dirty mode, if it is on, goes on. */
#define XEN_PML_LOG_OFF    1
/* Only tells the figures below, as all commands do. */
#define XEN_PML_LOG_STATUS 2
/* Takes what the processors have logged into the ring; with XEN_PML_LOG_RESET all pages will be logged anew from here. */
#define XEN_PML_LOG_FLUSH  3
/* Moves at most `nr` entries to `entries`, the oldest first, and sets `nr` to their number. */
#define XEN_PML_LOG_READ   4
/*
 * The `nr` frames in `gfns`, at most XEN_PML_LOG_MARK_MAX, are page tables; with XEN_PML_LOG_UNMARK those of before are no
 * more. Sets `nr` to how many of them are RAM. ENOSPC: 65,536 are marked.
 */
#define XEN_PML_LOG_MARK   5
	uint32_t cmd;
/* ON: a processor that has filled its buffer gets a second one and goes on. */
#define XEN_PML_LOG_TWO_BUFFERS (1u << 0)
/* ON: frames that are marked as page tables are left out. */
#define XEN_PML_LOG_NO_TABLES   (1u << 1)
/* FLUSH: the dirty bits are cleared. */
#define XEN_PML_LOG_RESET       (1u << 2)
/* MARK: */
#define XEN_PML_LOG_UNMARK      (1u << 3)
	uint32_t flags;
	uint32_t nr;
#define XEN_PML_LOG_MARK_MAX    1024
	uint32_t waiting;          /* entries in the ring that were not read */
	uint64_aligned_t now_ns;   /* Xen's system time */
	/* Since ON. Each entry of the processors is in one of the first three, and was drained in one of three ways. */
	uint64_aligned_t logged;   /* came into the ring */
	uint64_aligned_t lost;     /* did not, for it was full: the oldest are kept */
	uint64_aligned_t tables;   /* did not, for they were marked as page tables */
	uint64_aligned_t exits;    /* a buffer was full */
	uint64_aligned_t in_exit;  /* entries drained while the vCPU waited, after such an exit */
	uint64_aligned_t outside;  /* entries drained while it ran, from the second buffer; the rest: by FLUSH and its like */
	union {
		XEN_GUEST_HANDLE_64(xen_pml_log_entry_t) entries;
		XEN_GUEST_HANDLE_64(uint64) gfns;
	} u;
};

#endif
