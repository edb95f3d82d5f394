/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pml.h"

#include "pagetab.h"

#include <stdlib.h>

/* Of a page in `flags`. Dirty flags are of the period that is on: clearing them all is counting on. */
enum { ACCESSED, DIRTY_IN };

struct pml {
	struct pml_rules rules;
	pml_drain *drain;
	void *context;

	uint64_t *log;         /* as the processor fills it: from the end */
	size_t room;           /* free entries, log[0..room); the hardware's index is room - 1 */
	uint64_t *ordered;     /* for drain() */
	uint64_t handler_end_ns;

	struct pagetab *flags;
	uint64_t dirty_period;
	struct pml_counts counts;
};

struct pml *pml_new(const struct pml_rules *rules, pml_drain *drain, void *context)
{
	struct pml *pml = calloc(1, sizeof(*pml));

	if (!pml)
		return NULL;
	pml->rules = *rules;
	pml->drain = drain;
	pml->context = context;
	pml->room = rules->entries;
	pml->dirty_period = 1;
	pml->log = calloc(rules->entries, sizeof(*pml->log));
	pml->ordered = calloc(rules->entries, sizeof(*pml->ordered));
	pml->flags = pagetab_new();
	if (!pml->log || !pml->ordered || !pml->flags) {
		pml_free(pml);
		return NULL;
	}
	return pml;
}

void pml_free(struct pml *pml)
{
	if (!pml)
		return;
	pagetab_free(pml->flags);
	free(pml->ordered);
	free(pml->log);
	free(pml);
}

static void empty(struct pml *pml, uint64_t t_ns, bool full, bool stopped)
{
	size_t n = pml->rules.entries - pml->room;

	for (size_t i = 0; i < n; i++)
		pml->ordered[i] = pml->log[pml->rules.entries - 1 - i];
	pml->room = pml->rules.entries;
	pml->counts.full += full;
	pml->counts.exits += stopped;
	if (n)
		pml->drain(pml->context, t_ns, pml->ordered, n, full, stopped);
}

static void put(struct pml *pml, uint64_t gfn)
{
	pml->log[--pml->room] = gfn;
	pml->counts.logged++;
}

/* Empties a full log; stops the processor for it, unless there are two of which the other one is empty by now. */
static void make_room(struct pml *pml, uint64_t t_ns)
{
	bool stopped = pml->rules.full == PML_EXIT || t_ns < pml->handler_end_ns;

	empty(pml, t_ns, true, stopped);
	if (!stopped)
		pml->handler_end_ns = t_ns + pml->rules.handler_ns;
}

static void put_or_drop(struct pml *pml, uint64_t t_ns, uint64_t gfn)
{
	if (t_ns >= pml->handler_end_ns && pml->room > 1) {
		put(pml, gfn);
		return;
	}
	pml->counts.lost++;
	if (t_ns < pml->handler_end_ns)
		return;
	empty(pml, t_ns, true, false);
	pml->handler_end_ns = t_ns + pml->rules.handler_ns;
}

/* What the access does to the flags. False: no memory. */
static bool set_flags(struct pml *pml, uint64_t gfn, bool accessed, bool dirty)
{
	return (!accessed || pagetab_set(pml->flags, gfn, ACCESSED, 1)) &&
	       (!dirty || pagetab_set(pml->flags, gfn, DIRTY_IN, pml->dirty_period));
}

bool pml_access(struct pml *pml, uint64_t t_ns, uint64_t gfn, bool write)
{
	bool walks = pml->rules.log == PML_WALK; /* and does not look at the flags */
	bool accessed = !walks && !pagetab_get(pml->flags, gfn, ACCESSED);
	bool dirty = !walks && write && pagetab_get(pml->flags, gfn, DIRTY_IN) != pml->dirty_period;

	if (pml->rules.full != PML_INTERRUPT && pml->room == 0 && (walks || accessed || dirty))
		make_room(pml, t_ns);
	if (!set_flags(pml, gfn, accessed, dirty))
		return false;
	if (!walks && !dirty)
		return true;
	if (pml->rules.full == PML_INTERRUPT)
		put_or_drop(pml, t_ns, gfn);
	else
		put(pml, gfn);
	return true;
}

void pml_flush(struct pml *pml, uint64_t t_ns)
{
	empty(pml, t_ns, false, false);
}

void pml_clear_dirty(struct pml *pml)
{
	pml->dirty_period++;
}

struct pml_counts pml_counts(const struct pml *pml)
{
	return pml->counts;
}
