/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reader-agent - a Linux guest whose QEMU guest agent opens and reads files for us; without a network. */
#include "agent-parse.h"
#include "domain.h"
#include "system.h"

#include "diag.h"
#include "../libvirt/quiet.h"

#include <inttypes.h>
#include <libvirt/libvirt-qemu.h>
#include <stdarg.h>
#include <stdlib.h>

#define QUESTION(what, arguments) "{\"execute\":\"guest-" what "\",\"arguments\":{" arguments "}}"

enum { PATIENCE_S = 2 };

struct agent {
	virDomainPtr dom;
	char text[SYSTEM_TEXT];
};

/* Owned by the caller; NULL: libvirt says why. */
static char *ask(struct agent *agent, const char *fmt, ...) PRINTF(2, 3);
static char *ask(struct agent *agent, const char *fmt, ...)
{
	char question[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(question, sizeof(question), fmt, args);
	va_end(args);
	return virDomainQemuAgentCommand(agent->dom, question, PATIENCE_S, 0);
}

static void agent_open(struct target *target)
{
	struct agent *agent = or_die(calloc(1, sizeof(*agent)));
	char *answer;

	agent->dom = domain_open(target, false);
	target->state = agent;
	answer = ask(agent, QUESTION("ping", ""));
	if (!answer)
		die(EX_UNAVAILABLE, "agent:%s: %s", target->spec, lv_error());
	free(answer);
}

/* False: the agent did not answer. A file that the guest does not have is no error. */
static bool read_file(struct agent *agent, const struct system_file *file, struct sample *sample)
{
	char *answer = ask(agent, QUESTION("file-open", "\"path\":\"/%s\""), file->path);
	uint64_t handle;
	size_t len;

	if (!answer)
		return virGetLastErrorCode() == VIR_ERR_INTERNAL_ERROR && file != &system_file[0];
	if (agent_number(answer, "return", &handle)) {
		free(answer);
		answer = ask(agent, QUESTION("file-read", "\"handle\":%" PRIu64 ",\"count\":%d"), handle, SYSTEM_TEXT);
		if (answer && agent_bytes(answer, agent->text, sizeof(agent->text), &len))
			sample_parse(sample, file->format, file->prefix, agent->text, len);
		free(answer);
		answer = ask(agent, QUESTION("file-close", "\"handle\":%" PRIu64), handle);
	}
	free(answer);
	return answer != NULL;
}

static enum answer agent_read(struct target *target, struct sample *sample)
{
	struct agent *agent = target->state;

	for (size_t i = 0; i < SYSTEM_FILES; i++)
		if (!read_file(agent, &system_file[i], sample))
			return domain_failed(target, agent->dom);
	return ANSWER_DONE;
}

static void agent_close(struct target *target)
{
	struct agent *agent = target->state;

	domain_close(agent->dom);
	free(agent);
}

const struct reader reader_agent = {
	.name = "agent",
	.spec_help = "DOMAIN",
	.keys = domain_keys,
	.help = "a Linux guest, the same counters, through its QEMU guest agent; ?uri=URI",
	.system = true,
	.open = agent_open,
	.read = agent_read,
	.close = agent_close,
};
