/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ring.h"

#include "diag.h"
#include "num.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A page begins with the time of its first event and the length of what is committed, with flags in the bits from 30 on. */
enum { PAGE_TIME = 0, PAGE_COMMIT = 8, COMMIT_MASK = (1 << 30) - 1 };

/* An event begins with 32 bits: its type, or its length in words, and the time since the one before. */
enum { TYPE_BITS = 5, TYPE_MASK = (1 << TYPE_BITS) - 1, DELTA_BITS = 32 - TYPE_BITS, WORD = 4 };
enum { TYPE_LENGTH_FOLLOWS = 0, TYPE_PADDING = 29, TYPE_TIME_EXTEND = 30, TYPE_TIME_STAMP = 31 };
enum { TIME_STAMP_BITS = 59 };

/* Of one processor: taken are event[0..first). */
struct queue {
	struct ring_event *event;
	size_t first, n, size;
};

struct ring {
	struct ring_format format;
	struct queue *queue;
	size_t queues;
};

/* ---- what the kernel says of itself ---- */

/* The number behind `key` at or after `text`. */
static bool number_behind(const char *text, const char *key, uint64_t *value)
{
	const char *at = strstr(text, key);

	if (!at)
		return false;
	at += strlen(key);
	at += strspn(at, " \t");
	return num_u64(at, strspn(at, "0123456789"), value) == NUM_OK;
}

/* "	field:unsigned long kvm;	offset:16;	size:8;	signed:0;" */
static bool parse_field(const char *text, const char *name, struct ring_field *field)
{
	char declared[40];
	uint64_t offset, size;
	const char *at;

	snprintf(declared, sizeof(declared), " %s;", name);
	at = strstr(text, declared);
	if (!at || !number_behind(at, "offset:", &offset) || !number_behind(at, "size:", &size) || offset > UINT16_MAX)
		return false;
	field->offset = (unsigned)offset;
	field->size = (unsigned)size;
	return size == 1 || size == 2 || size == 4 || size == 8;
}

bool ring_parse_log_format(const char *event, struct ring_format *format)
{
	uint64_t id;

	format->log.id = 0;
	if (!number_behind(event, "\nID:", &id) || id > UINT16_MAX || !parse_field(event, "kvm", &format->log.kvm) ||
	    !parse_field(event, "vcpu_id", &format->log.vcpu) || !parse_field(event, "first", &format->log.first) ||
	    !parse_field(event, "event", &format->log.event) || !parse_field(event, "gfns", &format->log.gfns))
		return false;
	format->log.id = (unsigned)id;
	return true;
}

bool ring_parse_format(const char *page, const char *event, struct ring_format *format)
{
	const char *data = strstr(page, " data;");
	uint64_t offset, size, id;

	if (!data || !number_behind(data, "offset:", &offset) || offset < PAGE_COMMIT + WORD || offset > UINT16_MAX ||
	    !number_behind(data, "size:", &size) || size < WORD || size > RING_PAGE_MAX - offset ||
	    !number_behind(event, "\nID:", &id) || id > UINT16_MAX)
		return false;
	format->data = (unsigned)offset;
	format->page = (unsigned)(offset + size);
	format->id = (unsigned)id;
	format->log.id = 0;
	return parse_field(event, "common_type", &format->type) && parse_field(event, "common_pid", &format->thread) &&
	       parse_field(event, "kvm", &format->kvm) && parse_field(event, "gfn", &format->gfn);
}

bool ring_parse_lost(const char *stats, uint64_t *lost)
{
	/* Overwritten; overwritten while one was being written; refused because it was full. */
	static const char *const keys[] = { "\noverrun: ", "\ncommit overrun: ", "\ndropped events: " };
	uint64_t n;

	*lost = 0;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (!number_behind(stats, keys[i], &n))
			return false;
		*lost += n;
	}
	return true;
}

/* ---- pages ---- */

static uint64_t load(const unsigned char *at, unsigned size)
{
	uint64_t value = 0;

	memcpy(&value, at, size); /* of this machine, which is little-endian, as is all that KVM and PML are on */
	return value;
}

/* The field of an event of `size` bytes, 0 when it has no such. */
static uint64_t load_field(const unsigned char *event, size_t size, struct ring_field field)
{
	return field.offset + field.size <= size ? load(event + field.offset, field.size) : 0;
}

static void append(struct queue *q, const struct ring_event *event)
{
	if (q->first && q->first == q->n)
		q->first = q->n = 0;
	if (q->n == q->size) {
		q->size = q->size ? 2 * q->size : 1024;
		q->event = or_die(reallocarray(q->event, q->size, sizeof(*q->event)));
	}
	q->event[q->n++] = *event;
}

/* The pages stand behind the fields: where, and how long, is in a field of 32 bits. */
static void add_log(const struct ring_format *f, struct queue *q, uint64_t t_ns, const unsigned char *event, size_t size)
{
	uint64_t place = load_field(event, size, f->log.gfns);
	size_t offset = place & 0xffff, n = (place >> 16) / sizeof(uint64_t);
	uint64_t first = load_field(event, size, f->log.first);

	for (size_t i = 0; i < n && offset + (i + 1) * sizeof(uint64_t) <= size; i++)
		append(q, &(struct ring_event){
				  .t_ns = t_ns,
				  .kvm = load_field(event, size, f->log.kvm),
				  .gfn = load(event + offset + i * sizeof(uint64_t), sizeof(uint64_t)),
				  .thread = (uint32_t)load_field(event, size, f->thread),
				  .vcpu = (uint32_t)load_field(event, size, f->log.vcpu),
				  .logged = first + i,
				  .events = load_field(event, size, f->log.event),
			  });
}

static void add_event(struct ring *ring, struct queue *q, uint64_t t_ns, const unsigned char *event, size_t size)
{
	const struct ring_format *f = &ring->format;
	uint64_t type = load_field(event, size, f->type);

	if (f->log.id && type == f->log.id)
		add_log(f, q, t_ns, event, size);
	if (type != f->id)
		return;
	append(q, &(struct ring_event){
			  .t_ns = t_ns,
			  .kvm = load_field(event, size, f->kvm),
			  .gfn = load_field(event, size, f->gfn),
			  .thread = (uint32_t)load_field(event, size, f->thread),
			  .vcpu = RING_NO_VCPU,
		  });
}

bool ring_add(struct ring *ring, size_t cpu, const void *page, size_t size)
{
	const unsigned char *at = page, *end;
	uint64_t t_ns;
	size_t committed;

	if (size < ring->format.data)
		return false;
	t_ns = load(at + PAGE_TIME, 8);
	committed = load(at + PAGE_COMMIT, 4) & COMMIT_MASK;
	at += ring->format.data;
	if (committed > size - ring->format.data)
		return false;
	for (end = at + committed; at < end;) {
		uint32_t head, word = 0;
		size_t length; /* behind the head */

		if (end - at < WORD)
			return false;
		head = (uint32_t)load(at, WORD);
		at += WORD;
		if (end - at >= WORD)
			word = (uint32_t)load(at, WORD);
		uint64_t delta = head >> TYPE_BITS;

		switch (head & TYPE_MASK) {
		case TYPE_PADDING:
			if (delta == 0) /* nothing more on this page */
				return true;
			length = word;
			break;
		case TYPE_TIME_EXTEND:
			delta |= (uint64_t)word << DELTA_BITS;
			length = WORD;
			break;
		case TYPE_TIME_STAMP: /* the time itself, but for the upper bits */
			delta = (delta | (uint64_t)word << DELTA_BITS) + (t_ns >> TIME_STAMP_BITS << TIME_STAMP_BITS) - t_ns;
			length = WORD;
			break;
		case TYPE_LENGTH_FOLLOWS:
			length = word;
			break;
		default:
			length = (head & TYPE_MASK) * WORD;
		}
		if (length < WORD || length > (size_t)(end - at))
			return false;
		t_ns += delta;
		if ((head & TYPE_MASK) == TYPE_LENGTH_FOLLOWS)
			add_event(ring, &ring->queue[cpu], t_ns, at + WORD, length - WORD);
		else if ((head & TYPE_MASK) < TYPE_PADDING)
			add_event(ring, &ring->queue[cpu], t_ns, at, length);
		at += (length + WORD - 1) / WORD * WORD;
	}
	return true;
}

/* ---- merging ---- */

struct ring *ring_new(const struct ring_format *format, size_t cpus)
{
	struct ring *ring = or_die(calloc(1, sizeof(*ring)));

	ring->format = *format;
	ring->queue = or_die(calloc(cpus, sizeof(*ring->queue)));
	ring->queues = cpus;
	return ring;
}

void ring_free(struct ring *ring)
{
	for (size_t i = 0; i < ring->queues; i++)
		free(ring->queue[i].event);
	free(ring->queue);
	free(ring);
}

/* The queue with the earliest event before *until_ns, which becomes the time up to which it may go without the others. */
static struct queue *earliest(const struct ring *ring, uint64_t *until_ns)
{
	struct queue *found = NULL;
	uint64_t next_ns = *until_ns;

	for (size_t i = 0; i < ring->queues; i++) {
		struct queue *q = &ring->queue[i];

		if (q->first == q->n)
			continue;
		uint64_t t_ns = q->event[q->first].t_ns;

		if (t_ns >= *until_ns)
			continue;
		if (!found || t_ns < found->event[found->first].t_ns) {
			next_ns = found ? found->event[found->first].t_ns : next_ns;
			found = q;
		} else if (t_ns < next_ns) {
			next_ns = t_ns;
		}
	}
	*until_ns = next_ns;
	return found;
}

void ring_take(struct ring *ring, uint64_t until_ns, void (*visit)(void *context, const struct ring_event *), void *context)
{
	struct queue *q;

	for (;;) {
		uint64_t next_ns = until_ns;

		q = earliest(ring, &next_ns);
		if (!q)
			break;
		do
			visit(context, &q->event[q->first++]);
		while (q->first < q->n && q->event[q->first].t_ns < next_ns);
	}
}
