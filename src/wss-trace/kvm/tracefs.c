/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tracefs.h"

#include "diag.h"
#include "num.h"
#include "../proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Passed by each page that KVM marks dirty: write faults, the processor's log (PML), writes by KVM itself. */
#define FUNCTION "mark_page_dirty_in_slot"
#define LOG_EVENT "events/kvm/kvm_pml_log"
#define PREFIX "wss_"

enum { NAME_BYTES = 64, PATH_BYTES = 8 * NAME_BYTES, TEXT_BYTES = 16384, VCPUS_MAX = 1 << 16 };

/* Of one processor of this machine. */
struct cpu {
	int ring, stats;
};

/* What a virtual processor will log next. */
struct place {
	bool known;
	uint64_t logged, events;
};

struct tracing {
	pid_t pid;
	char name[NAME_BYTES];  /* of the instance */
	uint64_t kvm;           /* the kernel's address of the VM; 0 until it is known */
	struct cpu *cpu;
	size_t cpus;
	struct ring *ring;
	struct ring_format format;
	void *page;
	uint64_t lost;          /* ever */
	struct place *place;    /* of each virtual processor */
	size_t places;
	uint64_t unseen;        /* pages of logs that were lost, less their events, which are in the kernel's count */
	bool probed;            /* it counts in `probe_users` */
};

/* Our processes name things after themselves: wss_PID_START, instances wss_PID_START_NUMBER. */
static char group[NAME_BYTES];
static unsigned probe_users;

/* ---- the files ---- */

/* As snprintf(); names that we make are short, and those of others that are not lead nowhere. */
static void path_put(char *to, size_t size, const char *fmt, ...) PRINTF(3, 4);
static void path_put(char *to, size_t size, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(to, size, fmt, args);
	va_end(args);
}

/* The folder of tracefs, or NULL. */
static const char *folder(void)
{
	static const char *const places[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	char path[64];

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		path_put(path, sizeof(path), "%s/instances", places[i]);
		if (access(path, F_OK) == 0)
			return places[i];
	}
	return NULL;
}

static int open_file(const char *name, int flags)
{
	char path[PATH_BYTES];

	path_put(path, sizeof(path), "%s/%s", folder() ? folder() : "", name);
	return open(path, flags | O_CLOEXEC);
}

/* -errno; `flags`: O_APPEND or O_TRUNC where that matters. */
static int put(const char *name, const char *text, int flags)
{
	int fd = open_file(name, O_WRONLY | flags);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		error = -errno;
	close(fd);
	return error;
}

/* The text of a small file, in `text` of TEXT_BYTES. */
static bool get(const char *name, char *text)
{
	int fd = open_file(name, O_RDONLY);
	ssize_t n;
	size_t used = 0;

	if (fd < 0)
		return false;
	while ((n = read(fd, text + used, TEXT_BYTES - 1 - used)) > 0)
		used += (size_t)n;
	close(fd);
	text[used] = '\0';
	return n == 0;
}

static const char *path_of(const struct tracing *t, const char *file)
{
	static char path[PATH_BYTES];

	path_put(path, sizeof(path), "instances/%s/%s", t->name, file);
	return path;
}

static const char *event_path_of(const struct tracing *t, const char *file)
{
	char event[3 * NAME_BYTES];

	path_put(event, sizeof(event), "events/%s/dirty/%s", group, file);
	return path_of(t, event);
}

/* ---- can it be done ---- */

/*
 * The module that has the function ("" = built in). Since Linux 5.12 it is for all to call and gets the VM as its first
 * argument; before, and where there is no KVM: NULL, and *failure.
 */
static const char *find_function(struct failure *failure)
{
	static char module[NAME_BYTES];
	static bool found, exported;
	FILE *file = found ? NULL : fopen("/proc/kallsyms", "re");
	char *line = NULL, *at;
	size_t size = 0;

	/* "ffffffffc02a6710 t NAME	[MODULE]" */
	while (file && getline(&line, &size, file) > 0) {
		if (!(at = strstr(line, FUNCTION)) || at - line < 3 || !strchr("\t\n", at[strlen(FUNCTION)]))
			continue;
		exported = exported || at[-2] == 'T' || at[-1] == '_';
		found = found || at[-1] == ' ';
		at = strchr(at, '[');
		path_put(module, sizeof(module), "%.*s", at ? (int)strcspn(at + 1, "]") : 0, at ? at + 1 : "");
	}
	free(line);
	if (file)
		fclose(file);
	if (!found)
		failure_set(failure, EX_UNAVAILABLE, "no KVM in this kernel; load kvm_intel or kvm_amd");
	else if (!exported)
		failure_set(failure, EX_UNAVAILABLE, "this kernel's KVM does not say which guest a dirty page is of; needs Linux 5.12");
	return found && exported ? module : NULL;
}

static bool is_locked_down(void)
{
	FILE *file = fopen("/sys/kernel/security/lockdown", "re");
	char text[64] = "";
	bool locked = file && fgets(text, sizeof(text), file) && strchr(text, '[') && !strstr(text, "[none]");

	if (file)
		fclose(file);
	return locked;
}

static bool in_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 && st.st_ino != 0xeffffffc; /* PROC_PID_INIT_INO */
}

bool tracefs_usable(struct failure *failure)
{
	int fd;

	failure->code = 0;
	if (geteuid() != 0) {
		failure_set(failure, EX_NOPERM, "the kernel's tracing is root's; needs root");
	} else if (!folder()) {
		failure_set(failure, EX_UNAVAILABLE, "no tracefs here; mount -t tracefs none /sys/kernel/tracing");
	} else if (in_namespace()) {
		failure_set(failure, EX_UNAVAILABLE, "the kernel's numbers of threads are not known in this container; run it on the host");
	} else if ((fd = open_file("kprobe_events", O_WRONLY | O_APPEND)) < 0) {
		int error = errno;

		if (error == ENOENT)
			failure_set(failure, EX_UNAVAILABLE, "no probes in this kernel; needs CONFIG_KPROBE_EVENTS");
		else
			failure_set(failure, EX_NOPERM, "the kernel does not let us set probes: %s%s", strerror(error),
				    is_locked_down() ? "; it is locked down (lockdown= at boot, secure boot)" : "");
	} else {
		close(fd);
		find_function(failure);
	}
	return !failure->code;
}

bool tracefs_has_log(void)
{
	char path[PATH_BYTES];

	path_put(path, sizeof(path), "%s/" LOG_EVENT "/format", folder() ? folder() : "");
	return access(path, F_OK) == 0;
}

/* ---- whose is it ---- */

/* When the process began, in ticks since boot; 0 when there is none. */
static uint64_t start_of(pid_t pid)
{
	char text[1024] = "";
	const char *at;
	uint64_t start = 0;
	int fd = proc_open(pid, "stat", O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	at = n > 0 ? strrchr(text, ')') : NULL;
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (at)
		num_u64(at + 1, strspn(at + 1, "0123456789"), &start);
	return start;
}

/* Whether a thing with that name is of one of our processes that is no more. */
static bool is_left(const char *name)
{
	uint64_t pid, start;
	const char *at = name + strlen(PREFIX);
	size_t digits = strncmp(name, PREFIX, strlen(PREFIX)) == 0 ? strspn(at, "0123456789") : 0;

	if (!digits || num_u64(at, digits, &pid) != NUM_OK || pid > INT32_MAX || at[digits] != '_')
		return false;
	at += digits + 1;
	digits = strspn(at, "0123456789");
	return num_u64(at, digits, &start) == NUM_OK && (at[digits] == '\0' || at[digits] == '_' || at[digits] == '/') &&
	       start_of((pid_t)pid) != start;
}

static bool remove_instance(const char *name)
{
	char path[PATH_BYTES];

	path_put(path, sizeof(path), "instances/%s/events/enable", name);
	put(path, "0", 0);
	path_put(path, sizeof(path), "%s/instances/%s", folder(), name);
	return rmdir(path) == 0;
}

static bool remove_probe(const char *name)
{
	char command[PATH_BYTES];

	path_put(command, sizeof(command), "-:%s\n", name);
	return put("kprobe_events", command, O_APPEND) == 0;
}

unsigned tracefs_release(void)
{
	static char text[TEXT_BYTES];
	char path[PATH_BYTES], *rest = NULL;
	unsigned removed = 0;
	DIR *instances;
	struct dirent *entry;

	path_put(path, sizeof(path), "%s/instances", folder() ? folder() : "");
	instances = opendir(path);
	while (instances && (entry = readdir(instances)))
		if (is_left(entry->d_name) && remove_instance(entry->d_name))
			removed++;
	if (instances)
		closedir(instances);
	if (!get("kprobe_events", text))
		return removed;
	/* "p:GROUP/dirty function arguments" */
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *name = strncmp(line, "p:", 2) == 0 ? line + 2 : NULL;

		if (!name || !is_left(name))
			continue;
		name[strcspn(name, " ")] = '\0';
		removed += remove_probe(name);
	}
	return removed;
}

/* ---- the beginning ---- */

/* One probe for all targets of this run. */
static bool set_probe(struct failure *failure)
{
	const char *module = find_function(failure);
	char command[PATH_BYTES];
	int error;

	if (!module)
		return false;
	if (probe_users++)
		return true;
	path_put(group, sizeof(group), PREFIX "%d_%" PRIu64, (int)getpid(), start_of(getpid()));
	path_put(command, sizeof(command), "p:%s/dirty %s%s" FUNCTION " kvm=$arg1:u64 gfn=$arg3:u64\n", group, module,
		 *module ? ":" : "");
	error = put("kprobe_events", command, O_APPEND);
	if (error) {
		probe_users--;
		failure_set(failure, EX_UNAVAILABLE, "no probe on KVM's " FUNCTION ": %s", strerror(-error));
	}
	return !error;
}

/*
 * Until we know what the kernel calls the VM, only that its threads, among others, are between the first and the last of its
 * process.
 */
static bool watch_threads(const struct tracing *t, struct failure *failure)
{
	char path[NAME_BYTES], filter[PATH_BYTES];
	uint64_t thread, first = UINT64_MAX, last = 0;
	struct dirent *entry;
	DIR *threads;
	int error;

	path_put(path, sizeof(path), "/proc/%d/task", (int)t->pid);
	threads = opendir(path);
	while (threads && (entry = readdir(threads)))
		if (num_u64(entry->d_name, strlen(entry->d_name), &thread) == NUM_OK) {
			first = thread < first ? thread : first;
			last = thread > last ? thread : last;
		}
	if (threads)
		closedir(threads);
	path_put(filter, sizeof(filter), "common_pid>=%" PRIu64 "&&common_pid<=%" PRIu64, first, last);
	error = last ? put(event_path_of(t, "filter"), filter, 0) : -ESRCH;
	if (error)
		failure_set(failure, EX_UNAVAILABLE, "cannot trace the threads of process %d: %s", (int)t->pid, strerror(-error));
	return !error;
}

/* The tracepoint, where there is one: it knows whose the log is. */
static bool watch_log(const struct tracing *t, struct failure *failure)
{
	char filter[NAME_BYTES];
	int error;

	if (!t->format.log.id)
		return true;
	path_put(filter, sizeof(filter), "pid==%d", (int)t->pid);
	error = put(path_of(t, LOG_EVENT "/filter"), filter, 0);
	if (!error)
		error = put(path_of(t, LOG_EVENT "/enable"), "1", 0);
	if (error)
		failure_set(failure, EX_UNAVAILABLE, "cannot trace the processor's log of process %d: %s", (int)t->pid, strerror(-error));
	return !error;
}

static bool configure(struct tracing *t, uint64_t buffer_kib, struct failure *failure)
{
	char size[24];
	const struct {
		const char *file, *text;
	} settings[] = {
		{ "trace_clock", "mono" },
		{ "options/overwrite", "0" }, /* when it is full the oldest stay */
		{ "buffer_size_kb", size },
	};

	path_put(size, sizeof(size), "%" PRIu64, buffer_kib);
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		int error = put(path_of(t, settings[i].file), settings[i].text, 0);

		if (error) {
			failure_set(failure, error == -ENOMEM ? EX_OSERR : EX_UNAVAILABLE, "cannot set the %s of a trace to %s: %s",
				    settings[i].file, settings[i].text, strerror(-error));
			return false;
		}
	}
	return true;
}

static bool open_rings(struct tracing *t, struct failure *failure)
{
	static char page[TEXT_BYTES], event[TEXT_BYTES];
	char file[NAME_BYTES];
	long cpus = sysconf(_SC_NPROCESSORS_CONF);

	if (!get("events/header_page", page) || !get(event_path_of(t, "format"), event) ||
	    !ring_parse_format(page, event, &t->format)) {
		failure_set(failure, EX_UNAVAILABLE, "this kernel's trace buffers have a form that is not known");
		return false;
	}
	if (get(LOG_EVENT "/format", event) && !ring_parse_log_format(event, &t->format)) {
		failure_set(failure, EX_UNAVAILABLE, "this kernel's kvm_pml_log is not the one of hv-patches/linux-6.1");
		return false;
	}
	t->cpu = or_die(calloc((size_t)cpus, sizeof(*t->cpu)));
	t->page = or_die(calloc(1, t->format.page));
	for (; t->cpus < (size_t)cpus; t->cpus++) {
		struct cpu *cpu = &t->cpu[t->cpus];

		path_put(file, sizeof(file), "per_cpu/cpu%zu/trace_pipe_raw", t->cpus);
		cpu->ring = open_file(path_of(t, file), O_RDONLY | O_NONBLOCK);
		path_put(file, sizeof(file), "per_cpu/cpu%zu/stats", t->cpus);
		cpu->stats = open_file(path_of(t, file), O_RDONLY);
		if (cpu->ring < 0 || cpu->stats < 0) {
			failure_set(failure, EX_OSERR, "cannot read the trace of processor %zu: %s", t->cpus, strerror(errno));
			t->cpus++;
			return false;
		}
	}
	t->ring = ring_new(&t->format, t->cpus);
	return true;
}

struct tracing *tracing_open(pid_t pid, uint64_t buffer_kib, struct failure *failure)
{
	static unsigned number;
	struct tracing *t = or_die(calloc(1, sizeof(*t)));
	char path[PATH_BYTES];
	int error = 0;

	failure->code = 0;
	t->pid = pid;
	if (!tracefs_usable(failure))
		goto failed;
	tracefs_release();
	t->probed = set_probe(failure);
	if (!t->probed)
		goto failed;
	path_put(t->name, sizeof(t->name), "%.48s_%u", group, number++);
	path_put(path, sizeof(path), "%s/instances/%s", folder(), t->name);
	if (mkdir(path, 0700) < 0) {
		failure_set(failure, EX_UNAVAILABLE, "cannot make a trace instance: %s", strerror(errno));
		*t->name = '\0';
		goto failed;
	}
	if (!configure(t, buffer_kib, failure) || !open_rings(t, failure) || !watch_threads(t, failure) ||
	    !watch_log(t, failure))
		goto failed;
	error = put(event_path_of(t, "enable"), "1", 0);
	if (!error)
		return t;
	failure_set(failure, EX_UNAVAILABLE, "cannot begin to trace: %s", strerror(-error));
failed:
	tracing_close(t);
	return NULL;
}

void tracing_close(struct tracing *t)
{
	char name[PATH_BYTES];

	for (size_t i = 0; i < t->cpus; i++) {
		if (t->cpu[i].ring >= 0)
			close(t->cpu[i].ring);
		if (t->cpu[i].stats >= 0)
			close(t->cpu[i].stats);
	}
	if (*t->name && !remove_instance(t->name))
		warn("cannot remove %s/instances/%s: %s", folder(), t->name, strerror(errno));
	if (t->probed && --probe_users == 0) {
		path_put(name, sizeof(name), "%s/dirty", group);
		if (!remove_probe(name))
			warn("cannot remove the probe %s: %s", name, strerror(errno));
	}
	if (t->ring)
		ring_free(t->ring);
	free(t->cpu);
	free(t->place);
	free(t->page);
	free(t);
}

/* ---- reading ---- */

bool tracing_read(struct tracing *t, struct failure *failure)
{
	ssize_t n;

	for (size_t i = 0; i < t->cpus; i++) {
		/* A writer that is faster than we are does not hold us for ever: each page is one read. */
		for (int pages = 0; pages < 1 << 16; pages++) {
			n = read(t->cpu[i].ring, t->page, t->format.page);
			if (n <= 0)
				break;
			if (!ring_add(t->ring, i, t->page, (size_t)n)) {
				failure_set(failure, EX_DATAERR, "the trace of processor %zu cannot be understood", i);
				return false;
			}
		}
		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			failure_set(failure, EX_OSERR, "cannot read the trace of processor %zu: %s", i, strerror(errno));
			return false;
		}
	}
	return true;
}

static bool is_thread(pid_t pid, uint32_t thread)
{
	char path[NAME_BYTES];

	path_put(path, sizeof(path), "/proc/%d/task/%" PRIu32, (int)pid, thread);
	return access(path, F_OK) == 0;
}

/*
 * The first event of one of its threads says what the kernel calls the VM: from then on whoever marks its pages is seen, and
 * nobody else. The kernel changes filters without a gap.
 */
static void know_vm(struct tracing *t, uint64_t kvm)
{
	char filter[NAME_BYTES];

	t->kvm = kvm;
	path_put(filter, sizeof(filter), "kvm==0x%" PRIx64, kvm);
	put(event_path_of(t, "filter"), filter, 0);
}

/* What came between this page and the one that the virtual processor logged before it, if we have seen one, is lost. */
static void follow_log(struct tracing *t, const struct ring_event *event)
{
	struct place *place;

	if (event->vcpu >= VCPUS_MAX)
		return;
	if (event->vcpu >= t->places) {
		t->place = or_die(reallocarray(t->place, event->vcpu + (size_t)1, sizeof(*t->place)));
		memset(t->place + t->places, 0, (event->vcpu + (size_t)1 - t->places) * sizeof(*t->place));
		t->places = event->vcpu + (size_t)1;
	}
	place = &t->place[event->vcpu];
	if (place->known && event->logged > place->logged)
		t->unseen += event->logged - place->logged - (event->events - place->events);
	*place = (struct place){ .known = true, .logged = event->logged + 1, .events = event->events + 1 };
}

struct taking {
	struct tracing *t;
	void (*visit)(void *context, const struct ring_event *);
	void *context;
};

static void take_one(void *context, const struct ring_event *event)
{
	struct taking *taking = context;

	bool is_logged = event->vcpu != RING_NO_VCPU;

	if (!taking->t->kvm && (is_logged || is_thread(taking->t->pid, event->thread)))
		know_vm(taking->t, event->kvm);
	if (event->kvm != taking->t->kvm)
		return;
	if (is_logged)
		follow_log(taking->t, event);
	taking->visit(taking->context, event);
}

void tracing_take(struct tracing *t, uint64_t until_ns, void (*visit)(void *context, const struct ring_event *), void *context)
{
	ring_take(t->ring, until_ns, take_one, &(struct taking){ t, visit, context });
}

bool tracing_lost(struct tracing *t, uint64_t *lost, struct failure *failure)
{
	uint64_t total = 0, n;
	char text[1024];

	for (size_t i = 0; i < t->cpus; i++) {
		ssize_t got = pread(t->cpu[i].stats, text, sizeof(text) - 1, 0);

		text[got > 0 ? got : 0] = '\0';
		if (!ring_parse_lost(text, &n)) {
			failure_set(failure, EX_OSERR, "the kernel does not say what it lost on processor %zu", i);
			return false;
		}
		total += n;
	}
	*lost = total - t->lost + t->unseen;
	t->lost = total;
	t->unseen = 0;
	return true;
}
