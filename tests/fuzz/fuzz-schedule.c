/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz-schedule - any text as a schedule: it is refused with a message, or its touches stay inside its pages, come in the
 * order of time, and end.
 */
#include "../../src/common/num.c"
#include "../../src/common/schedule.c"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct schedule schedule;
	struct schedule_cursor cursor;
	struct touch touch;
	char text[4096], error[SCHEDULE_ERROR_MAX] = "";
	uint64_t last_ns = 0;

	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (!schedule_parse(&schedule, text, error)) {
		if (!*error || strlen(error) >= SCHEDULE_ERROR_MAX)
			abort();
		return 0;
	}
	if (schedule.length_ns == 0 || schedule.phases == 0 || schedule.phases > SCHEDULE_PHASES_MAX)
		abort();
	schedule_begin(&cursor, &schedule, 1);
	for (int i = 0; i < 200 && schedule_next(&cursor, schedule.length_ns, &touch); i++) {
		if (touch.t_ns < last_ns || touch.t_ns >= schedule.length_ns)
			abort();
		if (touch.pages == 0 || touch.page >= schedule.pages || touch.pages > schedule.pages - touch.page)
			abort();
		last_ns = touch.t_ns;
	}
	return 0;
}
