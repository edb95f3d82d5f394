/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-ring - any bytes as pages of a trace ring buffer of two processors: they are refused, or give no more events than they
 * have words, each once; and any text as the kernel's description of its buffers.
 */
#include "../../src/common/clock.c"
#include "../../src/common/diag.c"
#include "../../src/common/num.c"
#include "../../src/common/progress.c"
#include "../../src/common/tool.c"
#include "../../src/wss-trace/kvm/ring.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count(void *context, const struct ring_event *event)
{
	size_t *n = context;

	(void)event;
	++*n;
}

static void parse_texts(const uint8_t *data, size_t size)
{
	char *text = or_die(strndup((const char *)data, size));
	struct ring_format format;
	uint64_t lost;

	if (ring_parse_format(text, text, &format) &&
	    (format.page > RING_PAGE_MAX || format.data >= format.page || format.gfn.size > 8 || format.kvm.size > 8))
		abort();
	if (ring_parse_log_format(text, &format) && format.log.gfns.size > 8)
		abort();
	ring_parse_lost(text, &lost);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct ring_format format = {
		.page = 4096, .data = 16, .id = 1447, .type = { 0, 2 }, .thread = { 4, 4 }, .kvm = { 16, 8 }, .gfn = { 24, 8 },
		.log = { .id = 1559, .kvm = { 8, 8 }, .vcpu = { 12, 4 }, .first = { 8, 8 }, .event = { 8, 8 }, .gfns = { 4, 4 } },
	};
	struct ring *ring = ring_new(&format, 2);
	size_t n = 0, half = size / 2;
	unsigned char *page = or_die(malloc(size ? size : 1)); /* so that a byte too far is seen */

	memcpy(page, data, size);
	ring_add(ring, 0, page, half);
	ring_add(ring, 1, page + half, size - half);
	ring_take(ring, UINT64_MAX / 2, count, &n);
	ring_take(ring, UINT64_MAX, count, &n);
	if (n > size / 4)
		abort();
	ring_free(ring);
	free(page);
	parse_texts(data, size);
	return 0;
}
