/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pml - the rules of Intel's page-modification logging, and of the logs that were proposed beyond it; pure, no I/O.
 *
 * The hardware (Intel 64 SDM, volume 3C, "Page-Modification Logging"): 512 entries, filled from the last to the first. An
 * access that has to set the accessed or dirty flag of its page in the EPT while the log is full stops the processor before
 * anything is set, and is tried again when the log has been emptied. Else, when the dirty flag goes from 0 to 1, the page is
 * logged. So n first writes that find the log empty stop the processor ceil(n / 512) - 1 times.
 */
#ifndef WSS_PML_H
#define WSS_PML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PML_ENTRIES = 512, PML_ENTRIES_MAX = 65536 };

enum pml_log {
	PML_DIRTY, /* a page is logged when its dirty flag is set, as by the hardware */
	PML_WALK,  /* at every walk of the EPT, reads too, whatever the flags say (PRL: EuroDW'19, VEE'21) */
};

enum pml_full {
	PML_EXIT,      /* the processor stops until the log is empty, as in the hardware */
	/*
	 * The processor is not stopped, an interrupt starts a handler elsewhere, and what comes while it runs is dropped. The
	 * page for which there is no room starts it, and is not logged: a log of 512 holds 511 (EuroDW'19, section 4).
	 */
	PML_INTERRUPT,
	PML_SWITCH,    /* a second log takes its place while a handler empties it; when that one is full too: as PML_EXIT */
};

struct pml_rules {
	enum pml_log log;
	enum pml_full full;
	size_t entries;
	uint64_t handler_ns; /* how long a handler runs; with PML_EXIT the time in which the processor stands is not modelled */
};

struct pml_counts {
	uint64_t logged;
	uint64_t full;  /* how often a log was full */
	uint64_t exits; /* of these, how often the processor stopped */
	uint64_t lost;  /* pages that should have been logged */
};

struct pml;

/*
 * The log was emptied: gfn[0..n), in the order in which they were logged. full: it was full, and `stopped` for it the
 * processor; else somebody asked.
 */
typedef void pml_drain(void *context, uint64_t t_ns, const uint64_t *gfn, size_t n, bool full, bool stopped);

/* NULL when there is no memory. */
struct pml *pml_new(const struct pml_rules *, pml_drain *, void *context);
void pml_free(struct pml *);

/* A walk of the EPT to the page, to read or to write it. Times do not fall. False: no memory. */
bool pml_access(struct pml *, uint64_t t_ns, uint64_t gfn, bool write);

/* Empties the log. */
void pml_flush(struct pml *, uint64_t t_ns);
/* Clears all dirty flags: each page is logged anew. Translations that processors keep must be flushed, too. */
void pml_clear_dirty(struct pml *);

struct pml_counts pml_counts(const struct pml *);

#endif
