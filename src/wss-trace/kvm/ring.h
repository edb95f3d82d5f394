/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring - the pages of Linux's trace ring buffers (per_cpu/cpuN/trace_pipe_raw), as the dirty pages that are logged in them: one
 * event each, merged over the processors by time. Two kinds of the kernel's events are known: one for a page that KVM marks
 * dirty, and, where KVM is patched (hv-patches/linux-6.1), one for up to 64 that the processor logged. Pure: bytes and texts
 * in, events out.
 */
#ifndef WSS_RING_H
#define WSS_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RING_PAGE_MAX = 1 << 20 };

#define RING_NO_VCPU UINT32_MAX

struct ring_field {
	unsigned offset, size; /* in bytes; size 1, 2, 4 or 8 */
};

/* How this kernel lays things out. It says so itself, in texts. */
struct ring_format {
	unsigned page;                            /* bytes of a page */
	unsigned data;                            /* where its events begin */
	unsigned id;                              /* of our event: others are skipped */
	struct ring_field type, thread, kvm, gfn; /* in an event */
	struct {
		unsigned id;                      /* 0: there is none */
		struct ring_field kvm, vcpu, first, event, gfns;
	} log;                                    /* of what the processor logged */
};

/* `page`: of events/header_page; `event`: of our event's file format, which has the fields kvm and gfn. */
bool ring_parse_format(const char *page, const char *event, struct ring_format *);
/* `event`: the format of kvm_pml_log. False: it is another one; format->log.id is 0 then. */
bool ring_parse_log_format(const char *event, struct ring_format *);

/* A page that was written first. */
struct ring_event {
	uint64_t t_ns;   /* of the trace's clock */
	uint64_t kvm;    /* which VM: the kernel's address of it */
	uint64_t gfn;
	uint32_t thread; /* that did it; a processor of the VM, or somebody else */
	uint32_t vcpu;   /* that logged it, or RING_NO_VCPU when KVM marked it; then what follows is 0 */
	uint64_t logged; /* pages that it has logged before this one, whether they are in the buffer or not, */
	uint64_t events; /* and the kernel's events that they made */
};

struct ring;

struct ring *ring_new(const struct ring_format *, size_t cpus);
void ring_free(struct ring *);

/* Adds a page that a processor's buffer gave, of `size` bytes as read. False: it is not what the format says. */
bool ring_add(struct ring *, size_t cpu, const void *page, size_t size);

/*
 * Visits the events before until_ns in the order of time and forgets them. Each processor's are in the order in which they were
 * logged, whatever their times.
 */
void ring_take(struct ring *, uint64_t until_ns, void (*visit)(void *context, const struct ring_event *), void *context);

/* The numbers that per_cpu/cpuN/stats gives for what did not fit, together. False: not understood. */
bool ring_parse_lost(const char *stats, uint64_t *lost);

#endif
