/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source-plugin - a guest in an emulating QEMU that has our plugin loaded (plugin/wss-plugin.c): exactly the frames that its
 * instructions read and wrote, kernel included.
 */
#include "plugin/protocol.h"
#include "source.h"

#include "diag.h"
#include "num.h"
#include "opt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { ANSWER_SECONDS = 5, RUNS_AT_ONCE = 1024 };

struct plugin {
	int fd;
	uint64_t memory_pages; /* UNKNOWN unless told */
};

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = ANSWER_SECONDS };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die_errno(EX_OSERR, "cannot make a socket");
	if (strlen(path) >= sizeof(address.sun_path))
		opt_die("-s plugin: '%s' is too long for a socket", path);
	memcpy(address.sun_path, path, strlen(path));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die_errno(errno == ENOENT ? EX_NOINPUT : errno == EACCES ? EX_NOPERM : EX_UNAVAILABLE,
			  "plugin:%s: no QEMU answers here", path);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		die_errno(EX_OSERR, "plugin:%s", path);
	return fd;
}

/* The whole of n bytes. False: QEMU has gone, or errno is EAGAIN and it does not answer. */
static bool receive(int fd, void *bytes, size_t n)
{
	char *at = bytes;

	while (n) {
		ssize_t got = recv(fd, at, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got == 0)
			errno = 0;
		if (got <= 0)
			return false;
		at += got;
		n -= (size_t)got;
	}
	return true;
}

static void emit_run(struct target *target, const struct plugin_run *run)
{
	if (run->access >= PLUGIN_ACCESSES || run->pages == 0 || run->gfn >> GFN_BITS)
		die(EX_DATAERR, "plugin:%s: an answer that is none of our plugin's", target->spec);
	emit(target, run->access == PLUGIN_WRITE ? event_write : event_read, run->gfn, run->pages, UNKNOWN);
}

/* Asks for what was touched; rows are written unless `quiet`. False as receive(). */
static bool ask(struct target *target, bool quiet, uint64_t *lost)
{
	const struct plugin *plugin = target->state;
	const char request = PLUGIN_COLLECT;
	struct plugin_answer answer;
	struct plugin_run run[RUNS_AT_ONCE] = { { 0 } };

	errno = 0;
	if (send(plugin->fd, &request, 1, MSG_NOSIGNAL) != 1 || !receive(plugin->fd, &answer, sizeof(answer)))
		return false;
	if (answer.magic != PLUGIN_MAGIC)
		die(EX_DATAERR, "plugin:%s: an answer that is none of our plugin's", target->spec);
	*lost = answer.lost;
	while (answer.runs) {
		size_t n = answer.runs < RUNS_AT_ONCE ? (size_t)answer.runs : RUNS_AT_ONCE;

		if (!receive(plugin->fd, run, n * sizeof(run[0])))
			return false;
		for (size_t i = 0; i < n && !quiet; i++)
			emit_run(target, &run[i]);
		answer.runs -= n;
	}
	return true;
}

static void plugin_probe(const struct target *target, struct probe *probe)
{
	struct stat st;

	snprintf(probe->name, sizeof(probe->name), "the socket's path");
	snprintf(probe->how, sizeof(probe->how), "a plugin in an emulating QEMU (-plugin wss-plugin.so,socket=PATH)");
	snprintf(probe->intrusive, sizeof(probe->intrusive),
		 "nothing is done to a running guest; with the plugin loaded emulation is several times slower");
	probe->blind = BLIND_DMA | BLIND_ORDER;
	if (target->spec && (stat(target->spec, &st) < 0 || !S_ISSOCK(st.st_mode))) {
		snprintf(probe->cannot, sizeof(probe->cannot), "no such socket; start QEMU with -plugin wss-plugin.so,socket=PATH");
		probe->cannot_code = EX_NOINPUT;
	}
}

static void plugin_open(struct target *target)
{
	static const char *const keys[] = { "memory", NULL };
	struct plugin *plugin = or_die(calloc(1, sizeof(*plugin)));
	uint64_t lost;

	target_check_options(target, keys);
	const char *memory = target_option(target, "memory");

	plugin->memory_pages = memory ? opt_number("memory", memory, OPT_KIB, 1, 0) / KIB_PER_PAGE : UNKNOWN;
	plugin->fd = connect_to(target->spec);
	target->state = plugin;
	target_name(target, target->spec);
	/* What was touched before we came. */
	if (!ask(target, true, &lost))
		die(EX_UNAVAILABLE, "plugin:%s: no answer; another wss-trace may hold it", target->spec);
	emit(target, event_begin, UNKNOWN, UNKNOWN, UNKNOWN);
	emit(target, event_blind, UNKNOWN, UNKNOWN, BLIND_DMA | BLIND_ORDER);
}

static uint64_t plugin_collect(struct target *target)
{
	const struct plugin *plugin = target->state;
	uint64_t lost = 0;

	if (!ask(target, false, &lost))
		target_gone(target, errno == EAGAIN ? "QEMU does not answer" : "QEMU has ended");
	else if (plugin->memory_pages != UNKNOWN)
		emit(target, event_size, UNKNOWN, plugin->memory_pages, plugin->memory_pages);
	return lost;
}

static void plugin_close(struct target *target)
{
	struct plugin *plugin = target->state;

	close(plugin->fd);
	free(plugin);
}

const struct source source_plugin = {
	.name = "plugin",
	.spec_help = "SOCKET",
	.help = "a guest in an emulating QEMU with our plugin, exactly; ?memory=SIZE",
	.probe = plugin_probe,
	.open = plugin_open,
	.collect = plugin_collect,
	.close = plugin_close,
};
