/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reader-cgroup - a control group of this host (version 2), such as the one that libvirt or systemd puts a VM into. */
#include "files.h"
#include "reader.h"
#include "system.h"

#include "diag.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct system_file file[] = {
	{ "memory.stat", FORMAT_PAIRS, "memory.stat." },
	{ "memory.current", FORMAT_VALUE, "memory.current" },
	{ "memory.swap.current", FORMAT_VALUE, "memory.swap.current" },
	{ "memory.pressure", FORMAT_PRESSURE, "memory.pressure." },
};
enum { FILES = sizeof(file) / sizeof(file[0]) };

struct cgroup {
	int fd[FILES]; /* -1: there is none */
	char text[SYSTEM_TEXT];
};

static void cgroup_open(struct target *target)
{
	struct cgroup *cgroup = or_die(calloc(1, sizeof(*cgroup)));
	const char *path = target->spec;
	char folder[PATH_MAX];

	while (*path == '/')
		path++;
	snprintf(folder, sizeof(folder), "%s/sys/fs/cgroup/%s", sysroot, path);
	for (size_t i = 0; i < FILES; i++)
		cgroup->fd[i] = files_open(folder, file[i].path);
	if (cgroup->fd[0] < 0)
		die(access(folder, F_OK) == 0 ? EX_UNAVAILABLE : EX_NOINPUT, "cgroup:%s: %s in %s", target->spec,
		    access(folder, F_OK) == 0 ? "no memory.stat, so no memory controller (version 2)" : "no such group",
		    folder);
	target_name(target, strrchr(folder, '/') + 1);
	target->state = cgroup;
}

static enum answer cgroup_read(struct target *target, struct sample *sample)
{
	struct cgroup *cgroup = target->state;

	for (size_t i = 0; i < FILES; i++) {
		ssize_t len = cgroup->fd[i] < 0 ? 0 : files_read(cgroup->fd[i], cgroup->text, sizeof(cgroup->text));

		if (len < 0 && errno == ENODEV)
			return target_gone(target, "the group was removed");
		if (len > 0)
			sample_parse(sample, file[i].format, file[i].prefix, cgroup->text, (size_t)len);
	}
	return ANSWER_DONE;
}

static void cgroup_close(struct target *target)
{
	struct cgroup *cgroup = target->state;

	for (size_t i = 0; i < FILES; i++)
		if (cgroup->fd[i] >= 0)
			close(cgroup->fd[i]);
	free(cgroup);
}

const struct reader reader_cgroup = {
	.name = "cgroup",
	.spec_help = "PATH",
	.help = "a control group of this host, below /sys/fs/cgroup",
	.open = cgroup_open,
	.read = cgroup_read,
	.close = cgroup_close,
};
