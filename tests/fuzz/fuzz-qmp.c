/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz-qmp - any text as an answer of QEMU: what is found in it lies in it, and a whole value is one all the way through. */
#include "../../src/common/num.c"
#include "../../src/wss-trace/qemu/qmp-parse.c"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const char *text, const char *end, const char *value)
{
	char plain[64];
	uint64_t number;

	if (!value)
		return;
	if (value < text || value > end)
		abort();
	json_u64(value, &number);
	json_is(value, "true");
	if (json_text(value, plain, sizeof(plain)) && strlen(plain) >= sizeof(plain))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pagewalk_regs regs[4];
	char *text = malloc(size + 1), *end = text + size;
	const char *value;
	int elements = 0;

	memcpy(text, data, size);
	*end = '\0';
	look(text, end, json_member(text, "return"));
	look(text, end, json_member(json_member(text, "return"), "a"));
	for (value = json_first(text); value; value = json_next(value)) {
		look(text, end, value);
		look(text, end, json_member(value, "cpu-index"));
		if (++elements > 100000)
			abort();
	}
	json_is_whole(text);
	if (parse_registers(text, regs, 4) > 4)
		abort();
	free(text);
	return 0;
}
