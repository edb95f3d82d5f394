/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The source `kvm`: each page that KVM marks dirty for a virtual machine, one by one, in order, with time and processor: by a
 * probe in the kernel (tracefs.h). KVM marks a page at its first write since its log of dirty pages was switched on, or read.
 * For a guest of QEMU we do that through its monitor; another process is left to do it by itself.
 */
#include "source.h"

#include "clock.h"
#include "diag.h"
#include "num.h"
#include "opt.h"
#include "qemu/monitor.h"
#include "proc.h"
#include "qemu/tables.h"
#include "kvm/tracefs.h"

#include <dirent.h>
#include <limits.h>
#include <linux/capability.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const char *const keys[] = { "uri", "buffer", "tables", NULL };

enum {
	BUFFER_KIB = 2048,          /* of a processor: 50000 events, emptied each 50 ms */
	BUFFER_MAX_KIB = 1 << 20,
	VCPUS_MAX = 4096,
	FAULT_COST_NS = 3500,       /* of a first write where the processor has no log */
	LOG_COST_NS = 500,          /* where it has */
	LOG_SETTLE_NS = 5 * NS_PER_MS,
	LOG_PATIENCE_S = 10,        /* after the log should have ended */
};

struct vm {
	struct target *target;
	struct monitor *monitor;    /* NULL: the process logs by itself */
	struct tracing *tracing;
	pid_t pid;
	int pidfd;

	struct track_range *ram;    /* NULL: not known */
	size_t pieces;
	uint64_t max_pages, actual_pages;
	struct qemu_tables *tables; /* NULL: not looked for */
	uint64_t tables_pages;      /* to be read in a period, at most */
	uint32_t thread[VCPUS_MAX]; /* of the virtual processors */
	size_t threads;

	unsigned log_s;             /* the log is on for so long */
	uint64_t log_end_ns;        /* and then should be off */
	uint64_t origin_ns;         /* when due_ns was 0 */
	uint64_t last_ns;           /* of the rows so far */
	uint64_t marked;            /* in this period */
};

/* ---- whom ---- */

static bool is_pid(const char *spec)
{
	return *spec && spec[strspn(spec, "0123456789")] == '\0';
}

static pid_t spec_pid(const struct target *target)
{
	uint64_t pid;

	if (num_u64(target->spec, strlen(target->spec), &pid) != NUM_OK || pid == 0 || pid > INT_MAX)
		die(EX_USAGE, "kvm: bad PID '%s': need the number of a process", target->spec);
	return (pid_t)pid;
}

/* The virtual machines of KVM that a process has; -1 when it may not be looked at. */
static int count_vms(pid_t pid)
{
	char path[64], link[64];
	struct dirent *entry;
	DIR *folder;
	int vms = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	folder = opendir(path);
	if (!folder)
		return -1;
	while ((entry = readdir(folder))) {
		ssize_t n = readlinkat(dirfd(folder), entry->d_name, link, sizeof(link) - 1);

		link[n > 0 ? n : 0] = '\0';
		vms += strcmp(link, "anon_inode:kvm-vm") == 0;
	}
	closedir(folder);
	return vms;
}

static bool has_one_vm(pid_t pid, struct failure *failure)
{
	char state = proc_state(pid);
	int vms = count_vms(pid);

	failure->code = 0;
	if (!state || state == 'Z' || state == 'X')
		failure_set(failure, EX_NOINPUT, "no process %d", (int)pid);
	else if (vms < 0)
		failure_set(failure, EX_NOPERM, "may not look at process %d; needs CAP_SYS_PTRACE", (int)pid);
	else if (vms == 0)
		failure_set(failure, EX_UNAVAILABLE, "process %d has no virtual machine of KVM", (int)pid);
	else if (vms > 1)
		failure_set(failure, EX_UNAVAILABLE, "process %d has %d virtual machines of KVM; only one can be told apart", (int)pid, vms);
	return !failure->code;
}

/* Fills in what is asked before anything is touched. False: *failure. */
static bool find(struct vm *vm, const struct target *target, struct failure *failure)
{
	target_check_options(target, keys);
	failure->code = 0;
	if (is_pid(target->spec)) {
		vm->pid = spec_pid(target);
	} else {
		vm->monitor = *target->spec == '/' ? monitor_socket(target->spec, failure) :
						     monitor_libvirt(target->spec, target_option(target, "uri"), failure);
		if (!vm->monitor)
			return false;
		vm->pid = vm->monitor->pid;
		if (!monitor_can_log(vm->monitor, failure))
			return false;
		vm->ram = guest_ram(monitor_hmp, vm->monitor, &vm->pieces, failure);
		monitor_sizes(vm->monitor, &vm->max_pages, &vm->actual_pages);
	}
	return !failure->code && has_one_vm(vm->pid, failure);
}

static void name_of(const struct vm *vm, char *name, size_t size)
{
	if (vm->monitor && *vm->monitor->name)
		snprintf(name, size, "%s", vm->monitor->name);
	else
		proc_name(vm->pid, name, size);
}

/* ---- the log ---- */

static uint64_t check_period(const struct target *target)
{
	uint64_t seconds = target->asked_ns / NS_PER_S;

	if (seconds > MONITOR_LOG_SECONDS_MAX || target->asked_ns % NS_PER_S)
		opt_die("-s kvm:%s: QEMU logs dirty pages for whole seconds, 1s to %ds; give such a --period", target->spec,
			MONITOR_LOG_SECONDS_MAX);
	return seconds;
}

/* Switches the log on for the next period. */
static bool begin_log(struct vm *vm, struct failure *failure)
{
	failure->code = 0;
	if (!vm->monitor)
		return true;
	if (!monitor_log(vm->monitor, vm->log_s, failure))
		return false;
	vm->log_end_ns = clock_now_ns() + (uint64_t)vm->log_s * NS_PER_S;
	return true;
}

static bool has_ended(const struct vm *vm)
{
	struct pollfd exited = { .fd = vm->pidfd, .events = POLLIN };

	return poll(&exited, 1, 0) > 0;
}

/* Waits until QEMU has switched the log off; it begins to count a little later than we do. False: it does not say so. */
static bool end_log(const struct vm *vm)
{
	const struct timespec pause = { .tv_nsec = 2 * NS_PER_MS };
	uint64_t until_ns = vm->log_end_ns + (uint64_t)LOG_PATIENCE_S * NS_PER_S;

	while (vm->monitor && !has_ended(vm)) {
		switch (monitor_logging(vm->monitor)) {
		case LOGGED:
			return true;
		case LOG_UNKNOWN:
			return false;
		case LOGGING:
			break;
		}
		if (clock_now_ns() > until_ns)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

/* ---- events ---- */

static bool is_ram(const struct vm *vm, uint64_t gfn)
{
	for (size_t i = 0; i < vm->pieces; i++)
		if (gfn >= vm->ram[i].gfn && gfn - vm->ram[i].gfn < (vm->ram[i].end - vm->ram[i].start) / PAGE_BYTES)
			return true;
	return !vm->ram;
}

static uint64_t vcpu_of(const struct vm *vm, uint32_t thread)
{
	for (size_t i = 0; i < vm->threads; i++)
		if (vm->thread[i] == thread)
			return i;
	return UNKNOWN; /* QEMU itself, or the kernel */
}

static void put_mark(void *context, const struct ring_event *event)
{
	struct vm *vm = context;
	uint64_t t_ns = clock_from_monotonic(event->t_ns);

	if (!is_ram(vm, event->gfn)) /* video memory, firmware */
		return;
	vm->marked++;
	vm->last_ns = t_ns > vm->last_ns ? t_ns : vm->last_ns;
	emit_row(&(struct rec_event){
		.t_ns = vm->last_ns,
		.vm = vm->target->name,
		.vcpu = event->vcpu == RING_NO_VCPU ? vcpu_of(vm, event->thread) : event->vcpu,
		.event = event_write,
		.gfn = event->gfn,
		.pages = UNKNOWN,
		.arg = UNKNOWN,
		.lost = UNKNOWN,
	});
}

/* Writes what was marked before t_ns. */
static void take_until(struct vm *vm, uint64_t t_ns)
{
	struct failure failure;

	if (!tracing_read(vm->tracing, &failure))
		die(failure.code, "%s: %s", vm->target->name, failure.text);
	tracing_take(vm->tracing, clock_to_monotonic(t_ns), put_mark, vm);
}

static void kvm_between(struct target *target)
{
	take_until(target->state, clock_now_ns());
}

/* ---- the interface ---- */

static void kvm_close(struct target *target)
{
	struct vm *vm = target->state;

	if (vm->tracing)
		tracing_close(vm->tracing);
	if (vm->monitor)
		vm->monitor->close(vm->monitor);
	if (vm->pidfd >= 0)
		close(vm->pidfd);
	if (vm->tables)
		qemu_tables_free(vm->tables);
	free(vm->ram);
	free(vm);
}

static uint64_t buffer_of(const struct target *target)
{
	const char *buffer = target_option(target, "buffer");

	return buffer ? opt_number("-s kvm: buffer", buffer, OPT_KIB, 4, BUFFER_MAX_KIB) : BUFFER_KIB;
}

static uint64_t tables_of(const struct target *target)
{
	const char *tables = target_option(target, "tables");

	return tables ? opt_number("-s kvm: tables", tables, OPT_U64, 0, UINT32_MAX) : QEMU_TABLES_USUAL;
}

static bool has_pml(void)
{
	FILE *file = fopen("/sys/module/kvm_intel/parameters/pml", "re");
	bool yes = file && fgetc(file) == 'Y';

	if (file)
		fclose(file);
	return yes;
}

/* What devices of QEMU write does not pass KVM. KVM reads a processor's log backwards, unless it is patched. */
static uint64_t blind_mask(void)
{
	return BLIND_READS | BLIND_DMA | (has_pml() && !tracefs_has_log() ? BLIND_ORDER : 0);
}

static void kvm_open(struct target *target)
{
	struct vm *vm = or_die(calloc(1, sizeof(*vm)));
	uint64_t buffer_kib = buffer_of(target);
	struct failure failure;
	char name[64];

	target->state = vm;
	vm->target = target;
	vm->pidfd = -1;
	vm->max_pages = vm->actual_pages = UNKNOWN;
	if (!is_pid(target->spec))
		vm->log_s = (unsigned)check_period(target);
	if (!find(vm, target, &failure))
		die(failure.code, "kvm:%s: %s", target->spec, failure.text);
	vm->pidfd = (int)syscall(SYS_pidfd_open, vm->pid, 0);
	if (vm->pidfd < 0 || has_ended(vm))
		die(EX_NOINPUT, "kvm:%s: it went away", target->spec);
	name_of(vm, name, sizeof(name));
	target_name(target, name);
	if (vm->monitor)
		vm->threads = monitor_threads(vm->monitor, vm->thread, VCPUS_MAX);
	vm->tables_pages = tables_of(target);
	if (vm->monitor && vm->tables_pages)
		vm->tables = qemu_tables_new(vm->pid);
	vm->tracing = tracing_open(vm->pid, buffer_kib, &failure);
	if (!vm->tracing || !begin_log(vm, &failure))
		die(failure.code, "kvm:%s: %s", target->spec, failure.text);
	target->t_ns = vm->last_ns = clock_now_ns();
	vm->origin_ns = UNKNOWN;
	emit(target, event_begin, UNKNOWN, UNKNOWN, UNKNOWN);
	emit(target, event_blind, UNKNOWN, UNKNOWN, blind_mask());
	note("%s: process %d, %zu virtual processors", target->name, (int)vm->pid, vm->threads);
}

/* The next period ends when the log does. */
static void plan(struct vm *vm, uint64_t now_ns)
{
	struct target *target = vm->target;
	uint64_t next_ns = period_within_overhead(target, vm->marked, target->period_ns, has_pml() ? LOG_COST_NS : FAULT_COST_NS);
	uint64_t origin_ns = now_ns - target->due_ns;

	next_ns /= NS_PER_S;
	vm->log_s = next_ns > MONITOR_LOG_SECONDS_MAX ? MONITOR_LOG_SECONDS_MAX : (unsigned)next_ns;
	vm->origin_ns = origin_ns < vm->origin_ns ? origin_ns : vm->origin_ns;
}

/* What QEMU says at the end of a period. The log goes on first: what is written while it is off is not seen. */
static bool go_on(struct vm *vm, const char **why)
{
	struct target *target = vm->target;
	uint64_t max_pages = vm->max_pages;
	struct failure failure;

	if (monitor_migrates(vm->monitor)) {
		*why = "a migration or a snapshot has begun; tracing is over";
		return false;
	}
	if (!begin_log(vm, &failure)) {
		warn("%s: %s", target->name, failure.text);
		*why = "its log of dirty pages cannot be switched on again";
		return false;
	}
	target->period_ns = vm->log_end_ns + LOG_SETTLE_NS - vm->origin_ns - target->due_ns;
	monitor_sizes(vm->monitor, &vm->max_pages, &vm->actual_pages);
	vm->threads = monitor_threads(vm->monitor, vm->thread, VCPUS_MAX);
	if (vm->max_pages != max_pages) { /* memory was plugged in or taken out */
		free(vm->ram);
		vm->ram = guest_ram(monitor_hmp, vm->monitor, &vm->pieces, &failure);
	}
	return true;
}

static void put_table(void *context, uint64_t gfn, uint64_t pages)
{
	const struct vm *vm = context;

	emit(vm->target, event_table, gfn, pages, UNKNOWN);
}

static uint64_t kvm_collect(struct target *target)
{
	struct vm *vm = target->state;
	const char *why = NULL;
	struct failure failure;
	uint64_t lost;

	if (vm->monitor)
		plan(vm, target->t_ns);
	if (!end_log(vm))
		why = "its monitor does not say when the log of dirty pages ends";
	target->t_ns = clock_now_ns();
	if (has_ended(vm))
		why = "its process has ended";
	else if (vm->monitor && !why)
		go_on(vm, &why);
	take_until(vm, target->t_ns);
	vm->marked = 0;
	vm->last_ns = target->t_ns;
	if (!tracing_lost(vm->tracing, &lost, &failure))
		die(failure.code, "%s: %s", target->name, failure.text);
	if (vm->tables && !why)
		qemu_tables_take(vm->tables, vm->ram, vm->pieces, monitor_hmp, vm->monitor, vm->tables_pages, put_table, vm);
	emit(target, event_size, UNKNOWN, vm->max_pages, vm->actual_pages);
	if (why)
		target_gone(target, why);
	return lost;
}

static unsigned kvm_release(struct target *target)
{
	(void)target;
	return tracefs_release();
}

/* ---- probe ---- */

static void kvm_probe(const struct target *target, struct probe *probe)
{
	struct vm vm = { .max_pages = UNKNOWN };
	struct failure failure;
	bool fine = true;

	if (target->spec) {
		fine = find(&vm, target, &failure);
		if (vm.pid)
			name_of(&vm, probe->name, sizeof(probe->name));
		if (vm.monitor)
			vm.monitor->close(vm.monitor);
		free(vm.ram);
	}
	fine = fine && tracefs_usable(&failure);
	snprintf(probe->how, sizeof(probe->how), "a probe on what KVM marks dirty (%s)%s",
		 has_pml() ? "logged by the processor, PML" : "found by write faults",
		 has_pml() && tracefs_has_log() ? ", and KVM's tracepoint kvm_pml_log: in order" : "");
	snprintf(probe->intrusive, sizeof(probe->intrusive), "%s",
		 vm.monitor ? "has QEMU measure a dirty rate each period, which protects the guest's memory" :
			      "adds to the cost of each mark; whether pages are marked is left to the process");
	probe->blind = blind_mask();
	probe->cost_ns = has_pml() ? LOG_COST_NS : FAULT_COST_NS;
	probe->memory_pages = vm.max_pages;
	if (!fine) {
		snprintf(probe->cannot, sizeof(probe->cannot), "%s", failure.text);
		probe->cannot_code = failure.code;
	}
}

const struct source source_kvm = {
	.name = "kvm",
	.spec_help = "DOMAIN",
	.help = "each page that KVM marks dirty, in order; of a domain, a QMP socket, a PID",
	.probe = kvm_probe,
	.open = kvm_open,
	.collect = kvm_collect,
	.close = kvm_close,
	.release = kvm_release,
	.wait = monitor_wait,
	.between = kvm_between,
	.capabilities = UINT64_C(1) << CAP_SYS_PTRACE | UINT64_C(1) << CAP_DAC_OVERRIDE,
};
