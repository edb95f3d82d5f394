/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prl - the rule of PRL: count the events of each page from the start on; a page is hot when it has more than tau. Look
 * each mu; when the number of hot pages has not changed for omega, that is the working set, for good.
 *
 * The rule would also take for stable that no page is hot; here 0 is never stable: nothing was seen often enough yet.
 */
#include "method.h"
#include "steps.h"

enum { TAU, MU, OMEGA };

static const struct method_parameter parameters[] = {
	[TAU] = { "tau", "events a hot page has more than", OPT_U64, 50, 0, STEPS_VALUE_MAX - 1 },
	[MU] = { "mu", "time between two looks", OPT_NS, UINT64_C(30000000000), 1, 0 },
	[OMEGA] = { "omega", "time without change that makes it stable", OPT_NS, UINT64_C(120000000000), 1, 0 },
	{ 0 },
};

struct prl {
	struct steps counts;   /* up to tau + 1 */
	bool begun, looked, stable;
	uint64_t next_ns;      /* of the next look */
	uint64_t since_ns;     /* when the number of hot pages was first what it is */
	uint64_t hot, lost;
};

static void add_pages(void *state, const uint64_t *value, const struct rec_count *row)
{
	struct prl *p = state;

	(void)value;
	if (!p->stable)
		steps_touch(&p->counts, row->gfn, row->pages, method_events(row));
}

static unsigned add_up(const void *context, unsigned number, unsigned touched)
{
	const uint64_t *value = context;
	uint64_t sum = (uint64_t)number + touched;

	return (unsigned)(sum <= value[TAU] ? sum : value[TAU] + 1);
}

static void look(struct prl *p, const uint64_t *value, uint64_t t_ns)
{
	uint64_t hot = steps_pages(&p->counts, value[TAU] + 1);

	if (hot != p->hot)
		p->since_ns = t_ns;
	p->hot = hot;
	p->looked = true;
	p->next_ns = num_add(t_ns, value[MU]);
	p->stable = hot > 0 && t_ns - p->since_ns >= value[OMEGA];
	if (p->stable)
		steps_release(&p->counts);
}

static void close_window(void *state, const uint64_t *value, const struct rec_count *closing, struct method_result *result)
{
	struct prl *p = state;

	if (!p->begun) {
		p->begun = true;
		p->since_ns = closing->t_ns - (closing->window_ns < closing->t_ns ? closing->window_ns : closing->t_ns);
		p->next_ns = num_add(p->since_ns, value[MU]);
	}
	if (!p->stable) {
		p->lost = num_add(p->lost, closing->lost);
		steps_fold(&p->counts, add_up, value);
		if (closing->t_ns >= p->next_ns)
			look(p, value, closing->t_ns);
	}
	if (p->looked) {
		result->wss = result->low = p->hot;
		/* A lost event makes at most one page hot. */
		result->high = num_add(p->hot, p->lost);
	}
	if (p->lost)
		result->note = note_lost;
	else if (!p->stable)
		result->note = note_warming;
	else
		result->note = TOKEN_NONE;
}

static void release(void *state)
{
	steps_release(&((struct prl *)state)->counts);
}

const struct method method_prl = {
	.name = "prl",
	.help = "pages with more than tau events since the start, once their number is stable",
	.source = "S. Bitchebe et al.: Extending Intel PML for hardware-assisted working set size estimation, VEE 2021",
	.parameters = parameters,
	.state_size = sizeof(struct prl),
	.pages = add_pages,
	.window = close_window,
	.release = release,
};
