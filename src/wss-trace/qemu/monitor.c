/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor.h"

#include "diag.h"
#include "record.h"
#include "libvirt-parse.h"
#include "../proc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What stands behind "return" in the answer to a command, in *answer, which the caller frees; NULL when it is not there. */
static const char *returned(struct monitor *m, const char *command, char **answer)
{
	*answer = m->ask(m, command);
	return *answer && json_is_whole(*answer) ? json_member(*answer, "return") : NULL;
}

char *monitor_hmp(void *monitor, const char *line)
{
	char command[256], *answer;
	const char *text;

	snprintf(command, sizeof(command),
		 "{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":\"%s\"}}", line);
	text = returned(monitor, command, &answer);
	if (text) {
		size_t size = strlen(text) + 1;
		char *plain = or_die(malloc(size));

		if (json_text(text, plain, size)) {
			free(answer);
			return plain;
		}
		free(plain);
	}
	free(answer);
	return NULL;
}

/* ---- the log of dirty pages ---- */

/* Why a command failed, as QEMU puts it. */
static void explain(const char *answer, char *text, size_t size)
{
	const char *error = answer && json_is_whole(answer) ? json_member(answer, "error") : NULL;

	if (!answer)
		snprintf(text, size, "its monitor does not answer");
	else if (!error || !json_text(json_member(error, "desc"), text, size))
		snprintf(text, size, "an answer that is not understood");
}

enum logging monitor_logging(struct monitor *m)
{
	char *answer;
	const char *status = json_member(returned(m, "{\"execute\":\"query-dirty-rate\"}", &answer), "status");
	enum logging logging = LOG_UNKNOWN;

	if (json_is(status, "\"measuring\""))
		logging = LOGGING;
	else if (json_is(status, "\"measured\"") || json_is(status, "\"unstarted\""))
		logging = LOGGED;
	free(answer);
	return logging;
}

bool monitor_can_log(struct monitor *m, struct failure *failure)
{
	char *answer;
	bool kvm = json_is(json_member(returned(m, "{\"execute\":\"query-kvm\"}", &answer), "enabled"), "true");

	failure->code = 0;
	if (!answer)
		failure_set(failure, EX_UNAVAILABLE, "its monitor does not answer");
	else if (!kvm) /* and QEMU would crash */
		failure_set(failure, EX_UNAVAILABLE, "it is emulated (TCG), not run by KVM");
	else if (monitor_migrates(m))
		failure_set(failure, EX_UNAVAILABLE, "a migration or a snapshot is in progress; try again when that is over");
	else
		switch (monitor_logging(m)) {
		case LOGGING:
			failure_set(failure, EX_UNAVAILABLE, "somebody measures its dirty rate, or another wss-trace did; try again in a minute");
			break;
		case LOG_UNKNOWN:
			failure_set(failure, EX_UNAVAILABLE, "its QEMU cannot log dirty pages on demand; needs QEMU 6.2");
			break;
		case LOGGED:
			break;
		}
	free(answer);
	return !failure->code;
}

bool monitor_log(struct monitor *m, unsigned seconds, struct failure *failure)
{
	char command[160], *answer, why[200];
	bool done;

	snprintf(command, sizeof(command),
		 "{\"execute\":\"calc-dirty-rate\",\"arguments\":{\"calc-time\":%u,\"mode\":\"dirty-bitmap\"}}", seconds);
	done = returned(m, command, &answer);
	if (!done) {
		explain(answer, why, sizeof(why));
		failure_set(failure, EX_UNAVAILABLE, strstr(why, "'mode' is unexpected") ?
			    "its QEMU cannot log dirty pages on demand (%s); needs QEMU 6.2" :
			    "its QEMU does not log dirty pages: %s", why);
	}
	free(answer);
	return done;
}

/* ---- what it is like ---- */

bool monitor_migrates(struct monitor *m)
{
	char *answer = monitor_hmp(m, "info migrate");
	bool migrates = answer && parse_migrating(answer);

	free(answer);
	return migrates;
}

void monitor_sizes(struct monitor *m, uint64_t *max_pages, uint64_t *actual_pages)
{
	char *answer;
	const char *value = returned(m, "{\"execute\":\"query-memory-size-summary\"}", &answer);
	uint64_t base, plugged = 0;

	*max_pages = *actual_pages = UNKNOWN;
	json_u64(json_member(value, "plugged-memory"), &plugged);
	if (json_u64(json_member(value, "base-memory"), &base))
		*max_pages = *actual_pages = (base + plugged) / PAGE_BYTES;
	free(answer);
	value = returned(m, "{\"execute\":\"query-balloon\"}", &answer);
	if (json_u64(json_member(value, "actual"), &base)) /* it may have none */
		*actual_pages = base / PAGE_BYTES;
	free(answer);
}

size_t monitor_threads(struct monitor *m, uint32_t *thread, size_t max)
{
	char *answer;
	const char *cpu = json_first(returned(m, "{\"execute\":\"query-cpus-fast\"}", &answer));
	size_t n = 0;

	for (; cpu; cpu = json_next(cpu)) {
		uint64_t index, id;

		if (!json_u64(json_member(cpu, "cpu-index"), &index) || !json_u64(json_member(cpu, "thread-id"), &id) || index >= max)
			continue;
		for (; n <= index; n++)
			thread[n] = 0;
		thread[index] = (uint32_t)id;
	}
	free(answer);
	return n;
}
