/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wss-plugin - a plugin for an emulating QEMU (TCG): which frames the guest really reads and writes, its kernel included.
 *
 * qemu-system-x86_64 -plugin build/wss-plugin.so,socket=PATH             answers source plugin of wss-trace (protocol.h)
 * qemu-system-x86_64 -plugin build/wss-plugin.so,out=FILE,period=TIME    writes event records by itself: every period is as
 *     many instructions as TIME has ns; with -icount two runs give the same bytes. [,name=NAME of the VM]
 */
#include "seen.h"

#include "num.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- what we use of QEMU's plugin interface, version 1: its header is in no package ---- */

typedef uint64_t qemu_plugin_id_t;
typedef uint32_t qemu_plugin_meminfo_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_hwaddr;
enum { QEMU_PLUGIN_CB_NO_REGS = 0, QEMU_PLUGIN_MEM_RW = 3 };
typedef void translate_cb(qemu_plugin_id_t, struct qemu_plugin_tb *);
typedef void exec_cb(unsigned vcpu, void *context);
typedef void mem_cb(unsigned vcpu, qemu_plugin_meminfo_t, uint64_t address, void *context);
typedef void exit_cb(qemu_plugin_id_t, void *context);

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, translate_cb *);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *, exec_cb *, int flags, void *context);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *, mem_cb *, int flags, int which, void *context);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t, exit_cb *, void *context);
bool qemu_plugin_mem_is_store(qemu_plugin_meminfo_t);
struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(qemu_plugin_meminfo_t, uint64_t address);
bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr *);
uint64_t qemu_plugin_hwaddr_phys_addr(const struct qemu_plugin_hwaddr *);

#define EXPORT __attribute__((visibility("default")))
extern EXPORT int qemu_plugin_version;
int qemu_plugin_version = 1;
EXPORT int qemu_plugin_install(qemu_plugin_id_t, const void *info, int argc, char **argv);

/* ---- settings ---- */

enum { PAGE_SHIFT = 12, BLIND = 2 + 4 /* DMA, and the order within a period: wss-records(5) */ };

static struct {
	const char *socket, *out, *name;
	uint64_t period_ns;
} cfg = { .name = "qemu" };

static bool complain(const char *what, const char *text)
{
	fprintf(stderr, "wss-plugin: %s '%s'\n", what, text);
	return false;
}

static bool setting(const char *word)
{
	if (strncmp(word, "socket=", 7) == 0)
		cfg.socket = strdup(word + 7);
	else if (strncmp(word, "out=", 4) == 0)
		cfg.out = strdup(word + 4);
	else if (strncmp(word, "name=", 5) == 0)
		cfg.name = strdup(word + 5);
	else if (strncmp(word, "period=", 7) == 0)
		return (num_ns(word + 7, &cfg.period_ns) == NUM_OK && cfg.period_ns > 0) || complain("bad time", word);
	else
		return complain("unknown argument", word);
	if (strpbrk(cfg.name, ",\" ") || !*cfg.name || strlen(cfg.name) > 255)
		return complain("bad name", cfg.name);
	return true;
}

static bool settings(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (!setting(argv[i]))
			return false;
	if (!cfg.socket == !cfg.out)
		return complain("need socket=PATH or", "out=FILE");
	if (!cfg.out != !cfg.period_ns)
		return complain("need both or neither of out=FILE and", "period=TIME");
	return true;
}

/* ---- socket=PATH: answers ---- */

struct runs {
	struct plugin_run *run;
	size_t n, size;
	bool no_memory;
};

static void keep_run(void *context, const struct plugin_run *run)
{
	struct runs *runs = context;

	if (runs->n == runs->size) {
		size_t size = runs->size ? 2 * runs->size : 1024;
		struct plugin_run *more = reallocarray(runs->run, size, sizeof(*more));

		if (!more) {
			runs->no_memory = true;
			return;
		}
		runs->run = more;
		runs->size = size;
	}
	runs->run[runs->n++] = *run;
}

static bool send_all(int fd, const void *bytes, size_t n)
{
	const char *at = bytes;

	while (n) {
		ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return false;
		at += sent;
		n -= (size_t)sent;
	}
	return true;
}

static void serve(int fd)
{
	struct runs runs = { NULL, 0, 0, false };
	char request;

	while (recv(fd, &request, 1, 0) == 1 && request == PLUGIN_COLLECT) {
		runs.n = 0;
		struct plugin_answer answer = { .magic = PLUGIN_MAGIC, .lost = seen_take(keep_run, &runs) };

		answer.runs = runs.n;
		if (runs.no_memory || !send_all(fd, &answer, sizeof(answer)) ||
		    !send_all(fd, runs.run, runs.n * sizeof(*runs.run)))
			break;
	}
	free(runs.run);
	close(fd);
}

static void *server(void *context)
{
	int listener = *(int *)context;

	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd >= 0)
			serve(fd);
		else if (errno != EINTR && errno != ECONNABORTED)
			return NULL;
	}
}

static bool start_server(void)
{
	static int listener;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	pthread_t thread;
	sigset_t all, before;

	if (strlen(cfg.socket) >= sizeof(address.sun_path))
		return complain("too long", cfg.socket);
	memcpy(address.sun_path, cfg.socket, strlen(cfg.socket));
	unlink(cfg.socket);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(listener, 1) < 0)
		return complain("cannot listen on", cfg.socket);
	/* Signals are QEMU's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	bool started = pthread_create(&thread, NULL, server, &listener) == 0;

	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return started || complain("no thread for", cfg.socket);
}

/* ---- out=FILE: event records, a period for so many instructions ---- */

static FILE *out;
static uint64_t instructions, period_end;

static void write_row(const char *event, const char *rest)
{
	fprintf(out, "%" PRIu64 ",%s,,%s,%s\n", period_end, cfg.name, event, rest);
}

static void write_run(void *context, const struct plugin_run *run)
{
	char rest[64];

	(void)context;
	snprintf(rest, sizeof(rest), "%" PRIu64 ",%" PRIu32 ",,", run->gfn, run->pages);
	write_row(run->access == PLUGIN_WRITE ? "write" : "read", rest);
}

static void close_period(void)
{
	char rest[64];
	uint64_t lost = seen_take(write_run, NULL);

	if (lost)
		snprintf(rest, sizeof(rest), ",,%" PRIu64 ",%" PRIu64, cfg.period_ns, lost);
	else
		snprintf(rest, sizeof(rest), ",,%" PRIu64 ",", cfg.period_ns);
	write_row("tick", rest);
	period_end += cfg.period_ns;
	if (fflush(out) != 0) { /* the guest goes on without us */
		fprintf(stderr, "wss-plugin: cannot write %s: %s\n", cfg.out, strerror(errno));
		fclose(out);
		out = NULL;
	}
}

static bool start_file(void)
{
	char blind[24];

	out = fopen(cfg.out, "w");
	if (!out)
		return complain("cannot write", cfg.out);
	fputs("t_ns,vm,vcpu,event,gfn,pages,arg,lost\n", out);
	write_row("begin", ",,,");
	snprintf(blind, sizeof(blind), ",,%d,", BLIND);
	write_row("blind", blind);
	period_end = cfg.period_ns;
	return true;
}

/* ---- callbacks ---- */

static void on_access(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t address, void *context)
{
	struct qemu_plugin_hwaddr *where = qemu_plugin_get_hwaddr(info, address);

	(void)vcpu;
	(void)context;
	if (where && !qemu_plugin_hwaddr_is_io(where))
		seen_mark(qemu_plugin_hwaddr_phys_addr(where) >> PAGE_SHIFT,
			  qemu_plugin_mem_is_store(info) ? PLUGIN_WRITE : PLUGIN_READ);
}

/* Before a block of instructions. */
static void on_block(unsigned vcpu, void *context)
{
	(void)vcpu;
	while (out && instructions >= period_end)
		close_period();
	instructions += (uint64_t)(uintptr_t)context;
}

static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb);

	(void)id;
	if (cfg.out)
		qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, QEMU_PLUGIN_CB_NO_REGS, (void *)(uintptr_t)n);
	for (size_t i = 0; i < n; i++)
		qemu_plugin_register_vcpu_mem_cb(qemu_plugin_tb_get_insn(tb, i), on_access, QEMU_PLUGIN_CB_NO_REGS,
						 QEMU_PLUGIN_MEM_RW, NULL);
}

static void on_exit_of_qemu(qemu_plugin_id_t id, void *context)
{
	(void)id;
	(void)context;
	if (cfg.socket)
		unlink(cfg.socket);
	if (!out)
		return;
	period_end = instructions;
	write_row("end", ",,,");
	fclose(out);
}

int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	(void)info;
	if (!settings(argc, argv))
		return -1;
	if (!seen_init())
		return complain("no memory for", "the frames") - 1;
	if (!(cfg.socket ? start_server() : start_file()))
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
	qemu_plugin_register_atexit_cb(id, on_exit_of_qemu, NULL);
	return 0;
}
