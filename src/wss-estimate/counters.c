/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "counters.h"

#include "diag.h"
#include "vms.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 1 << 24 }; /* that are kept, of all VMs */

/* The rows of a VM that its windows have not reached: row[first..n). */
struct queue {
	struct rec_counter *row;
	size_t first, n, size;
	uint64_t last_ns;
};

struct counters {
	struct rec_in *in;
	struct vms queues;
	struct wanted {
		const char *name;
		bool seen;
	} *want;
	size_t wants, rows;
};

struct counters *counters_open(const char *file)
{
	struct counters *c = or_die(calloc(1, sizeof(*c)));

	c->in = rec_open_aside(file, ACCEPT(counter));
	c->queues.state_size = sizeof(struct queue);
	return c;
}

void counters_want(struct counters *c, const char *name)
{
	c->want = or_die(reallocarray(c->want, c->wants + 1, sizeof(*c->want)));
	c->want[c->wants++] = (struct wanted){ name, false };
}

/* NULL: a name that nobody wants. */
static struct wanted *find_wanted(const struct counters *c, const char *name)
{
	for (size_t i = 0; i < c->wants; i++)
		if (strcmp(c->want[i].name, name) == 0)
			return &c->want[i];
	return NULL;
}

static void append(struct queue *queue, const struct rec_counter *row)
{
	if (queue->first == queue->n)
		queue->first = queue->n = 0;
	if (queue->n == queue->size) {
		queue->size = queue->size ? 2 * queue->size : 64;
		queue->row = or_die(reallocarray(queue->row, queue->size, sizeof(*queue->row)));
	}
	queue->row[queue->n++] = *row;
}

/* Reads rows until one is of this queue. False when no more has arrived. */
static bool fill(struct counters *c, const struct queue *asked)
{
	struct rec_counter row;

	while (rec_next(c->in, &row)) {
		struct queue *queue = vms_get(&c->queues, row.vm, NULL);

		vms_check_time(c->in, row.vm, &queue->last_ns, row.t_ns);
		struct wanted *wanted = find_wanted(c, row.counter);

		if (!wanted)
			continue;
		wanted->seen = true;
		if (c->rows++ == ROWS_MAX)
			rec_die(c->in, "more than %d rows ahead of the windows", ROWS_MAX);
		append(queue, &row);
		if (queue == asked)
			return true;
	}
	return false;
}

bool counters_next(struct counters *c, const char *vm, uint64_t until_ns, struct rec_counter *row)
{
	struct queue *queue = vms_get(&c->queues, vm, NULL);

	if (queue->first == queue->n && !fill(c, queue))
		return false;
	if (queue->row[queue->first].t_ns > until_ns)
		return false;
	*row = queue->row[queue->first++];
	c->rows--;
	return true;
}

bool counters_seen(struct counters *c, const char *name)
{
	struct wanted *wanted = find_wanted(c, name), *other;
	struct rec_counter row;

	while (!wanted->seen && rec_next(c->in, &row))
		if ((other = find_wanted(c, row.counter)))
			other->seen = true;
	return wanted->seen;
}

void counters_close(struct counters *c)
{
	for (size_t i = 0; i < c->queues.n; i++)
		free(((struct queue *)c->queues.state[i])->row);
	vms_release(&c->queues);
	rec_in_close(c->in);
	free(c->want);
	free(c);
}
