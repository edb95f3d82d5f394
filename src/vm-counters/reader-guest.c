/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reader-guest - this system: in a guest its counters, on a host the host's. */
#include "files.h"
#include "reader.h"
#include "system.h"

#include "diag.h"
#include "opt.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct local {
	int fd[SYSTEM_FILES]; /* -1: there is none */
	char text[SYSTEM_TEXT];
};

static void guest_open(struct target *target)
{
	struct local *local = or_die(calloc(1, sizeof(*local)));
	char host[256] = "";

	if (strcmp(target->spec, "local") != 0)
		opt_die("-s guest:%s: only guest:local can be read; others by ssh: or agent:", target->spec);
	for (size_t i = 0; i < SYSTEM_FILES; i++)
		local->fd[i] = files_open(*sysroot ? sysroot : "/", system_file[i].path);
	if (local->fd[0] < 0)
		die_errno(EX_UNAVAILABLE, "guest:local: cannot read %s/%s", sysroot, system_file[0].path);
	gethostname(host, sizeof(host) - 1);
	target_name(target, host);
	target->state = local;
}

static enum answer guest_read(struct target *target, struct sample *sample)
{
	struct local *local = target->state;

	for (size_t i = 0; i < SYSTEM_FILES; i++) {
		ssize_t len = local->fd[i] < 0 ? 0 : files_read(local->fd[i], local->text, sizeof(local->text));

		if (len > 0)
			sample_parse(sample, system_file[i].format, system_file[i].prefix, local->text, (size_t)len);
	}
	return ANSWER_DONE;
}

static void guest_close(struct target *target)
{
	struct local *local = target->state;

	for (size_t i = 0; i < SYSTEM_FILES; i++)
		if (local->fd[i] >= 0)
			close(local->fd[i]);
	free(local);
}

const struct reader reader_guest = {
	.name = "guest",
	.spec_help = "local",
	.help = "this system: /proc/meminfo, vmstat, pressure/memory",
	.system = true,
	.open = guest_open,
	.read = guest_read,
	.close = guest_close,
};
