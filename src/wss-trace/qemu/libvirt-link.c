/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libvirt-link.h"

#include "clock.h"
#include "diag.h"
#include "num.h"
#include "tool.h"
#include "../../libvirt/quiet.h"
#include "guest-ram.h"
#include "libvirt-parse.h"
#include "../proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libvirt/libvirt-qemu.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { KEEPALIVE_S = 5, KEEPALIVES = 3, SETTLE_S = 3 };

/* ---- waiting ---- */

static int wait_timer = -1;
static bool woken;

static void on_timer(int timer, void *context)
{
	(void)timer;
	(void)context;
}

static void on_stop(int watch, int fd, int events, void *context)
{
	(void)watch;
	(void)fd;
	(void)events;
	(void)context;
}

/* Once, before the first connection. */
static void set_up_events(void)
{
	if (wait_timer >= 0)
		return;
	lv_quiet();
	if (virEventRegisterDefaultImpl() < 0 || virEventAddHandle(tool_stop_fd(), VIR_EVENT_HANDLE_READABLE, on_stop, NULL, NULL) < 0 ||
	    (wait_timer = virEventAddTimeout(-1, on_timer, NULL, NULL)) < 0)
		die(EX_OSERR, "libvirt's event loop does not start: %s", lv_error());
}

bool lv_wait(uint64_t t_ns)
{
	uint64_t left_ms;

	set_up_events();
	woken = false;
	do { /* at least once, also when we are late */
		uint64_t now_ns = clock_now_ns();

		left_ms = now_ns < t_ns ? (t_ns - now_ns) / NS_PER_MS : 0;
		virEventUpdateTimeout(wait_timer, (int)left_ms);
		virEventRunDefaultImpl();
	} while (!tool_stop && !woken && left_ms > 0);
	virEventUpdateTimeout(wait_timer, -1);
	return woken ? !tool_stop : clock_sleep_until(t_ns);
}

void lv_wake(void)
{
	woken = true;
}

/* ---- the connection ---- */

static bool connect_to(struct lv *lv)
{
	lv->tried_ns = clock_now_ns();
	lv->conn = virConnectOpen(lv->uri);
	if (!lv->conn)
		return false;
	virConnectSetKeepAlive(lv->conn, KEEPALIVE_S, KEEPALIVES); /* not on every transport */
	lv->connected++;
	return true;
}

static const char *place(const struct lv *lv)
{
	return lv->uri ? lv->uri : "its usual place";
}

struct lv *lv_open(const char *uri, struct failure *failure)
{
	struct lv *lv = or_die(calloc(1, sizeof(*lv)));

	set_up_events();
	lv->uri = uri;
	lv->users = 1;
	if (connect_to(lv))
		return lv;
	failure_set(failure, virGetLastErrorCode() == VIR_ERR_AUTH_FAILED ? EX_NOPERM : EX_UNAVAILABLE,
		    "libvirt at %s does not answer: %s", place(lv), lv_error());
	free(lv);
	return NULL;
}

struct lv *lv_share(struct lv *lv)
{
	lv->users++;
	return lv;
}

void lv_close(struct lv *lv)
{
	if (--lv->users)
		return;
	if (lv->conn)
		virConnectClose(lv->conn);
	free(lv);
}

bool lv_answers(struct lv *lv)
{
	if (lv->conn && virConnectIsAlive(lv->conn) == 1)
		return true;
	if (lv->conn)
		virConnectClose(lv->conn);
	lv->conn = NULL;
	if (clock_now_ns() - lv->tried_ns >= NS_PER_S && connect_to(lv)) {
		note("libvirt at %s answers again", place(lv));
		lv->told = false;
		return true;
	}
	if (!lv->told)
		warn("libvirt at %s does not answer; tracing goes on, but sizes are unknown until it is back", place(lv));
	lv->told = true;
	return false;
}

/* ---- domains ---- */

const char *domain_job(virDomainPtr dom)
{
	static const char *const operations[] = {
		[VIR_DOMAIN_JOB_OPERATION_START] = "its start",
		[VIR_DOMAIN_JOB_OPERATION_SAVE] = "saving it",
		[VIR_DOMAIN_JOB_OPERATION_RESTORE] = "restoring it",
		[VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN] = "an incoming migration",
		[VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT] = "a migration",
		[VIR_DOMAIN_JOB_OPERATION_SNAPSHOT] = "a snapshot",
		[VIR_DOMAIN_JOB_OPERATION_SNAPSHOT_REVERT] = "going back to a snapshot",
		[VIR_DOMAIN_JOB_OPERATION_DUMP] = "a dump",
	};
	const char *what = NULL;
	virTypedParameterPtr param = NULL;
	int type, params = 0, operation = 0;

	if (virDomainGetJobStats(dom, &type, &param, &params, 0) < 0)
		return NULL;
	if (type == VIR_DOMAIN_JOB_BOUNDED || type == VIR_DOMAIN_JOB_UNBOUNDED) {
		virTypedParamsGetInt(param, params, VIR_DOMAIN_JOB_OPERATION, &operation);
		if (operation > 0 && operation < (int)(sizeof(operations) / sizeof(*operations)) && operations[operation])
			what = operations[operation];
		else if (operation != VIR_DOMAIN_JOB_OPERATION_BACKUP) /* of disks */
			what = "a job";
	}
	virTypedParamsFree(param, params);
	return what;
}

static char *ask(virDomainPtr dom, const char *command)
{
	char *answer = NULL;

	return virDomainQemuMonitorCommand(dom, command, &answer, VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP) < 0 ? NULL : answer;
}

bool domain_migrates(virDomainPtr dom)
{
	char *answer = ask(dom, "info migrate");
	bool migrates = answer && parse_migrating(answer);

	free(answer);
	return migrates;
}

/* Whether the answer to the command has the text. */
static bool answers_with(virDomainPtr dom, const char *command, const char *text)
{
	char *answer = ask(dom, command);
	bool has = answer && strstr(answer, text);

	free(answer);
	return has;
}

bool domain_resume_after_snapshot(virDomainPtr dom)
{
	uint64_t until_ns = clock_now_ns() + (uint64_t)SETTLE_S * NS_PER_S;
	const struct timespec pause = { .tv_nsec = 10 * NS_PER_MS };

	if (!answers_with(dom, "info migrate_capabilities", "background-snapshot: on"))
		return false;
	while (domain_migrates(dom) && clock_now_ns() < until_ns)
		nanosleep(&pause, NULL);
	return answers_with(dom, "info migrate", "Migration status: failed") && answers_with(dom, "info status", ": paused") &&
	       answers_with(dom, "cont", "");
}

static bool is_qemu_of(const char *pid, const char *uuid)
{
	static char text[1 << 17]; /* QEMU's command lines have a few thousand bytes */
	char path[300];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	return n > 0 && parse_is_qemu_of(text, (size_t)n, uuid);
}

pid_t domain_pid(const char *uuid, struct failure *failure)
{
	DIR *folder = opendir("/proc");
	struct dirent *entry;
	uint64_t number;
	pid_t pid = 0;
	int found = 0;

	while (folder && (entry = readdir(folder)))
		if (num_u64(entry->d_name, strlen(entry->d_name), &number) == NUM_OK && is_qemu_of(entry->d_name, uuid)) {
			pid = (pid_t)number;
			found++;
		}
	if (folder)
		closedir(folder);
	if (found == 1)
		return pid;
	if (found)
		failure_set(failure, EX_UNAVAILABLE, "%d processes say that they are its QEMU", found);
	else
		failure_set(failure, EX_UNAVAILABLE, "its QEMU is not among the processes of this machine; trace where it runs");
	return 0;
}

char *domain_ask(void *domain, const char *command)
{
	return ask(domain, command);
}

struct track_range *domain_ranges(virDomainPtr dom, size_t *n, struct failure *failure)
{
	return guest_ram(domain_ask, dom, n, failure);
}
