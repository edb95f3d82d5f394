/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reader-kvm - a VM's exits by reason, and what KVM's memory management did, from debugfs. */
#include "files.h"
#include "reader.h"

#include "counter.h"
#include "diag.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PREFIX "kvm."

struct kvm {
	char folder[PATH_MAX];
	bool has[SAMPLE_MAX]; /* by the counter's place in the table */
};

/* Folders are called PID-FD, where FD is the process's descriptor of the VM. */
static bool find_folder(struct kvm *kvm, const char *pid)
{
	char all[PATH_MAX / 2];
	size_t len = strlen(pid);
	bool found = false;
	struct dirent *entry;
	DIR *dir;

	snprintf(all, sizeof(all), "%s/sys/kernel/debug/kvm", sysroot);
	dir = opendir(all);
	if (!dir)
		die_errno(errno == EACCES ? EX_NOPERM : EX_UNAVAILABLE,
			  "kvm:%s: cannot read %s; needs root, debugfs mounted, and KVM on this host", pid, all);
	while (!found && (entry = readdir(dir)))
		if (strncmp(entry->d_name, pid, len) == 0 && entry->d_name[len] == '-') {
			snprintf(kvm->folder, sizeof(kvm->folder), "%s/%s", all, entry->d_name);
			found = true;
		}
	closedir(dir);
	return found;
}

/* The file of a counter, which cannot be read twice. -1 and errno. */
static int open_counter(const struct kvm *kvm, size_t i)
{
	return files_open(kvm->folder, counter_table[i].name + strlen(PREFIX));
}

static void kvm_open(struct target *target)
{
	struct kvm *kvm = or_die(calloc(1, sizeof(*kvm)));
	size_t found = 0, forbidden = 0;

	if (!find_folder(kvm, target->spec))
		die(EX_NOINPUT, "kvm:%s: no VM of KVM belongs to that process", target->spec);
	target_name(target, strrchr(kvm->folder, '/') + 1);
	for (size_t i = 0; i < counter_total; i++) {
		if (strncmp(counter_table[i].name, PREFIX, strlen(PREFIX)) != 0)
			continue;
		int fd = open_counter(kvm, i);

		forbidden += fd < 0 && (errno == EPERM || errno == EACCES);
		if (fd < 0)
			continue;
		kvm->has[i] = true;
		found++;
		close(fd);
	}
	if (found == 0)
		die(forbidden ? EX_NOPERM : EX_UNAVAILABLE, "kvm:%s: no counters can be read in %s", target->spec,
		    kvm->folder);
	if (forbidden)
		warn("%s: %zu counters cannot be read: the kernel is locked down; libvirt: has them too", target->name,
		     forbidden);
	target->state = kvm;
}

static enum answer kvm_read(struct target *target, struct sample *sample)
{
	struct kvm *kvm = target->state;
	char text[NUM_MAX];

	for (size_t i = 0; i < counter_total; i++) {
		if (!kvm->has[i])
			continue;
		int fd = open_counter(kvm, i);

		if (fd < 0)
			return errno == ENOENT ? target_gone(target, "the VM ended") :
						 target_warn(target, strerror(errno));
		ssize_t len = read(fd, text, sizeof(text));

		if (len > 0)
			sample_parse(sample, FORMAT_VALUE, counter_table[i].name, text, (size_t)len);
		close(fd);
	}
	return ANSWER_DONE;
}

static void kvm_close(struct target *target)
{
	free(target->state);
}

const struct reader reader_kvm = {
	.name = "kvm",
	.spec_help = "PID",
	.help = "exits by reason of the VM of that process, from debugfs",
	.open = kvm_open,
	.read = kvm_read,
	.close = kvm_close,
};
