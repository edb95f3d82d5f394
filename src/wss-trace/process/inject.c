/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All of it happens in a helper, a short-lived child that no signal but SIGKILL reaches and that ends its work when we
 * are killed: so the process is left as it was. The descriptor comes back over a socket.
 */
#include "inject.h"

#include "clock.h"
#include "diag.h"
#include "num.h"
#include "../proc.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/ptrace.h>

enum {
	STRAYS_MAX = 16,
	THREADS_MAX = 16,
	FILES_MAX = 4096,
	PATIENCE_NS = 1000 * NS_PER_MS, /* for a thread to stop, and to enter a system call, on a busy machine */
	COMPUTES_NS = 50 * NS_PER_MS,   /* one that has run for so long makes no system calls */
	HELPER_MS = 30000,              /* for all of it */
	STRAY_MS = 20, /* a program that opens a userfaultfd itself needs less than that to set it up */
};

/* What the helper is asked for. */
struct order {
	pid_t pid;
	bool open;              /* get a userfaultfd */
	int stray[STRAYS_MAX];  /* descriptors to close */
	int strays;
};

/* What it answers; the descriptor travels beside it. */
struct answer {
	struct failure failure; /* code 0: none */
	int closed;
	uint64_t stopped_ns;
};

/* A thread that is being borrowed. */
struct victim {
	pid_t tid;
	int signal;                     /* that it stopped for */
	bool at_entry;                  /* it stands at the entry of a system call */
	long result;                    /* of the system call at whose exit it stands */
	uint64_t gadget;                /* a syscall instruction, for a thread that makes no system calls; 0 = none */
	struct user_regs_struct own;    /* gadget: the thread's own registers */
};

enum stop { STOP_GONE, STOP_TIMEOUT, STOP_TRAP, STOP_GROUP, STOP_SIGNAL, STOP_ENTRY, STOP_EXIT };

/* ---- may we ---- */

static bool filtered(pid_t pid)
{
	uint64_t seccomp;

	return proc_status(pid, "Seccomp", 10, &seccomp) == 0 && seccomp != 0;
}

/* PTRACE_O_SUSPEND_SECCOMP needs it. */
static bool is_admin(void)
{
	uint64_t effective;

	return proc_status(getpid(), "CapEff", 16, &effective) == 0 && effective >> CAP_SYS_ADMIN & 1;
}

/* The class of the program it runs: 32 bits or 64. */
static bool is_32_bit(pid_t pid)
{
	unsigned char head[EI_CLASS + 1] = { 0 };
	int fd = proc_open(pid, "exe", O_RDONLY);
	bool is = fd >= 0 && read(fd, head, sizeof(head)) == sizeof(head) && head[EI_CLASS] == ELFCLASS32;

	if (fd >= 0)
		close(fd);
	return is;
}

int process_reachable(pid_t pid, struct failure *failure)
{
	uint64_t memory, leader = 0;
	char state = proc_state(pid);
	int mem;

	failure->code = 0;
	if (!state || state == 'X')
		failure_set(failure, EX_NOINPUT, "no process %d", (int)pid);
	else if (proc_status(pid, "Tgid", 10, &leader) == 0 && leader != (uint64_t)pid)
		failure_set(failure, EX_NOINPUT, "%d is a thread of process %d", (int)pid, (int)leader);
	else if (state == 'Z')
		failure_set(failure, EX_NOINPUT, "process %d has ended and waits for its parent", (int)pid);
	else if (proc_status(pid, "VmSize", 10, &memory) != 0)
		failure_set(failure, EX_NOINPUT, "process %d is a kernel thread", (int)pid);
	else if (pid == getpid())
		failure_set(failure, EX_USAGE, "process %d is wss-trace itself", (int)pid);
	else if ((mem = proc_open(pid, "mem", O_RDONLY)) < 0) /* asks for the same right as ptrace */
		failure_set(failure, EX_NOPERM, "may not trace process %d; needs CAP_SYS_PTRACE, or the same user%s",
			    (int)pid,
			    access("/proc/sys/kernel/yama", F_OK) == 0 ? " and kernel.yama.ptrace_scope=0" : "");
	else
		close(mem);
	return failure->code ? -1 : 0;
}

int inject_allowed(pid_t pid, bool trust_filter, struct failure *failure)
{
	uint64_t tracer = 0;

	if (process_reachable(pid, failure) < 0)
		return -1;
	if (proc_status(pid, "TracerPid", 10, &tracer) == 0 && tracer)
		failure_set(failure, EX_UNAVAILABLE, "process %d is being debugged by process %d", (int)pid,
			    (int)tracer);
	else if (is_32_bit(pid))
		failure_set(failure, EX_UNAVAILABLE, "process %d is a 32-bit program", (int)pid);
	else if (filtered(pid) && !trust_filter && !is_admin())
		failure_set(failure, EX_NOPERM,
			    "process %d runs under a seccomp filter, which may kill it for a userfaultfd; "
			    "needs CAP_SYS_ADMIN",
			    (int)pid);
	return failure->code ? -1 : 0;
}

/* ---- the thread ---- */

/* Processor time that the thread has had; 0 where the kernel does not tell. */
static uint64_t ran_ns(pid_t tid)
{
	char text[64];
	int fd = proc_open(tid, "schedstat", O_RDONLY);
	ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	uint64_t ns = 0;

	if (fd >= 0)
		close(fd);
	text[len > 0 ? len : 0] = '\0';
	num_u64(text, strcspn(text, " "), &ns);
	return ns;
}

/* At most until the thread has run for `most_ns`. */
static enum stop wait_stop_while(struct victim *v, uint64_t most_ns)
{
	const struct timespec slice = { .tv_nsec = 5 * NS_PER_MS };
	uint64_t until_ns = clock_now_ns() + PATIENCE_NS, began_ns = ran_ns(v->tid);
	struct ptrace_syscall_info info;
	sigset_t child;
	int status;
	pid_t got;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	while ((got = waitpid(v->tid, &status, __WALL | WNOHANG)) != v->tid) {
		if (got < 0 && errno != EINTR)
			return STOP_GONE;
		if (clock_now_ns() >= until_ns || ran_ns(v->tid) - began_ns >= most_ns)
			return STOP_TIMEOUT;
		sigtimedwait(&child, NULL, &slice);
	}
	if (!WIFSTOPPED(status))
		return STOP_GONE;
	v->signal = WSTOPSIG(status);
	if (status >> 16 == PTRACE_EVENT_STOP)
		return v->signal == SIGTRAP ? STOP_TRAP : STOP_GROUP;
	if (v->signal != (SIGTRAP | 0x80))
		return STOP_SIGNAL;
	if (ptrace(PTRACE_GET_SYSCALL_INFO, v->tid, sizeof(info), &info) < 0)
		return STOP_GONE;
	if (info.op == PTRACE_SYSCALL_INFO_EXIT)
		v->result = (long)info.exit.rval;
	/* A system call by the 32-bit door is none to take. */
	return info.op == PTRACE_SYSCALL_INFO_ENTRY && info.arch == AUDIT_ARCH_X86_64 ? STOP_ENTRY : STOP_EXIT;
}

static enum stop wait_stop(struct victim *v)
{
	return wait_stop_while(v, UINT64_MAX);
}

static bool get_regs(struct victim *v, struct user_regs_struct *regs)
{
	return ptrace(PTRACE_GETREGS, v->tid, 0, regs) == 0;
}

static bool set_regs(struct victim *v, const struct user_regs_struct *regs)
{
	return ptrace(PTRACE_SETREGS, v->tid, 0, regs) == 0;
}

static enum stop interrupt(struct victim *v)
{
	enum stop stop;

	if (ptrace(PTRACE_INTERRUPT, v->tid, 0, 0) < 0)
		return STOP_GONE;
	/* A signal may come first: it is handed on, and the stop we asked for follows. */
	while ((stop = wait_stop(v)) == STOP_SIGNAL || stop == STOP_ENTRY || stop == STOP_EXIT)
		if (ptrace(PTRACE_CONT, v->tid, 0, stop == STOP_SIGNAL ? v->signal : 0) < 0)
			return STOP_GONE;
	return stop;
}

/*
 * A few system calls return EINTR for any stop, also for one that no signal caused. ERESTARTNOHAND lets the kernel do
 * them again, unless a handler is about to run: then EINTR is right.
 */
static void hide_interrupt(struct victim *v)
{
	static const long waits[] = { SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_pwait2, SYS_rt_sigtimedwait, SYS_semop,
				      SYS_semtimedop, SYS_io_getevents };
	const long erestartnohand = 514;
	struct user_regs_struct regs;

	if (!get_regs(v, &regs) || (long)regs.rax != -EINTR)
		return;
	for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++)
		if ((long)regs.orig_rax == waits[i]) {
			regs.rax = (unsigned long long)-erestartnohand;
			set_regs(v, &regs);
			return;
		}
}

/* Lets the thread run to the entry of its next system call; signals on the way are handed on. */
static enum stop run_to_entry(struct victim *v)
{
	enum stop stop = STOP_TRAP;

	while (stop == STOP_TRAP || stop == STOP_GROUP || stop == STOP_SIGNAL || stop == STOP_EXIT) {
		if (ptrace(PTRACE_SYSCALL, v->tid, 0, stop == STOP_SIGNAL ? v->signal : 0) < 0)
			return STOP_GONE;
		stop = wait_stop_while(v, COMPUTES_NS);
	}
	v->at_entry = stop == STOP_ENTRY;
	return stop;
}

/*
 * Lets the thread run the system call in `regs` and gives it the registers `own` for afterwards. If we are killed
 * between the two, its own system call has the result of ours: so there is nothing more in between than must be.
 */
static bool run_call(struct victim *v, const struct user_regs_struct *regs, const struct user_regs_struct *own)
{
	return set_regs(v, regs) && ptrace(PTRACE_SYSCALL, v->tid, 0, 0) == 0 && wait_stop(v) == STOP_EXIT &&
	       set_regs(v, own);
}

/* Does the system call in place of the thread's own, and leaves the thread about to do its own. */
static bool call_at_entry(struct victim *v, long number, long argument)
{
	struct user_regs_struct own, regs;

	if ((!v->at_entry && run_to_entry(v) != STOP_ENTRY) || !get_regs(v, &own))
		return false;
	v->at_entry = false;
	regs = own;
	regs.orig_rax = (unsigned long long)number;
	regs.rdi = (unsigned long long)argument;
	own.rax = own.orig_rax;
	own.orig_rax = (unsigned long long)-1; /* so that no signal makes the kernel take it for a call to restart */
	own.rip -= 2;                          /* the length of a syscall instruction */
	return run_call(v, &regs, &own);
}

/* Does the system call by a syscall instruction elsewhere; the thread stands in its own code. */
static bool call_by_gadget(struct victim *v, long number, long argument)
{
	struct user_regs_struct regs;

	for (int attempt = 0; attempt < 8; attempt++) {
		regs = v->own;
		regs.rip = v->gadget;
		regs.rax = (unsigned long long)number;
		regs.rdi = (unsigned long long)argument;
		if (!set_regs(v, &regs) || ptrace(PTRACE_SYSCALL, v->tid, 0, 0) < 0)
			return false;
		switch (wait_stop(v)) {
		case STOP_ENTRY:
			return get_regs(v, &regs) && run_call(v, &regs, &v->own);
		case STOP_SIGNAL: /* came first: it must find the thread where it was */
			if (!set_regs(v, &v->own) || ptrace(PTRACE_INTERRUPT, v->tid, 0, 0) < 0 ||
			    ptrace(PTRACE_CONT, v->tid, 0, v->signal) < 0 || wait_stop(v) != STOP_TRAP ||
			    !get_regs(v, &v->own))
				return false;
			break;
		case STOP_TRAP:
		case STOP_GROUP:
			break;
		default:
			return false;
		}
	}
	return false;
}

/* One system call of the thread; its result is in v->result. */
static bool call(struct victim *v, long number, long argument)
{
	return (v->gadget ? call_by_gadget : call_at_entry)(v, number, argument);
}

/* A syscall instruction in the vdso; 0 = none. */
static uint64_t find_gadget(pid_t pid)
{
	struct mappings list = { 0 };
	uint8_t code[4 * PAGE_BYTES];
	uint64_t found = 0;
	int mem = proc_open(pid, "mem", O_RDONLY);

	mappings_read(&list, pid);
	for (size_t i = 0; i < list.n && mem >= 0; i++) {
		ssize_t n;

		if (strcmp(list.mapping[i].name, "[vdso]") != 0)
			continue;
		n = pread(mem, code, sizeof(code), (off_t)list.mapping[i].start);
		for (ssize_t at = 0; at + 1 < n && !found; at++)
			if (code[at] == 0x0f && code[at + 1] == 0x05)
				found = list.mapping[i].start + (uint64_t)at;
	}
	if (mem >= 0)
		close(mem);
	mappings_release(&list);
	return found;
}

/*
 * Borrows the thread, at a system call of its own. True: it stands still; *failure is set when no thread can be. False:
 * try another one.
 */
static bool borrow(struct victim *v, bool suspend_filter, bool may_use_gadget, uint64_t gadget, struct failure *failure)
{
	long options = PTRACE_O_TRACESYSGOOD | (suspend_filter ? PTRACE_O_SUSPEND_SECCOMP : 0);
	struct user_regs_struct regs;
	enum stop stop;

	if (ptrace(PTRACE_SEIZE, v->tid, 0, options) < 0) {
		if (errno == EPERM && !may_use_gadget)
			failure_set(failure, EX_NOPERM, "may not trace thread %d: not permitted", (int)v->tid);
		return false;
	}
	stop = interrupt(v);
	if ((stop != STOP_TRAP && stop != STOP_GROUP) || !get_regs(v, &regs))
		return false;
	if ((long)regs.orig_rax >= 0) {
		hide_interrupt(v);
	} else if (stop == STOP_GROUP) {
		failure_set(failure, EX_UNAVAILABLE, "process is stopped; send it SIGCONT");
		return false;
	}
	if (run_to_entry(v) == STOP_ENTRY)
		return true;
	if (interrupt(v) != STOP_TRAP)
		return false;
	if (may_use_gadget && gadget && get_regs(v, &v->own) && (long)v->own.orig_rax < 0) {
		v->gadget = gadget;
		return true;
	}
	ptrace(PTRACE_DETACH, v->tid, 0, 0);
	return false;
}

/* The names in a folder of /proc/PID that are numbers. */
static int list_numbers(pid_t pid, const char *name, int *number, int max)
{
	char path[32];
	struct dirent *entry;
	DIR *folder;
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	folder = opendir(path);
	while (folder && n < max && (entry = readdir(folder))) {
		uint64_t found;

		if (num_u64(entry->d_name, strlen(entry->d_name), &found) == NUM_OK && found <= INT_MAX)
			number[n++] = (int)found;
	}
	if (folder)
		closedir(folder);
	return n;
}

/* ---- the helper ---- */

/* Why the process did not get a userfaultfd, of the errno it got. */
static void explain_userfaultfd(struct failure *failure, pid_t pid, int error)
{
	if (error == ENOSYS || error == EINVAL)
		failure_set(failure, EX_UNAVAILABLE, "no userfaultfd in this kernel; needs CONFIG_USERFAULTFD");
	else if (error == EPERM)
		failure_set(failure, EX_UNAVAILABLE, "process %d may not have a userfaultfd: a filter forbids it",
			    (int)pid);
	else
		failure_set(failure, EX_OSERR, "process %d cannot open a userfaultfd: %s", (int)pid, strerror(error));
}

/* The order, carried out on a thread that is borrowed. Returns the descriptor, or -1. */
static int work(struct victim *v, int pidfd, const struct order *order, struct answer *answer)
{
	int there, fd;

	for (int i = 0; i < order->strays; i++)
		if (call(v, SYS_close, order->stray[i]) && v->result == 0)
			answer->closed++;
	if (!order->open)
		return -1;
	if (!call(v, SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY)) {
		failure_set(&answer->failure, EX_UNAVAILABLE, "process %d went away", (int)order->pid);
		return -1;
	}
	there = (int)v->result;
	if (there < 0) {
		explain_userfaultfd(&answer->failure, order->pid, -there);
		return -1;
	}
	fd = (int)syscall(SYS_pidfd_getfd, pidfd, there, 0);
	if (fd < 0)
		failure_set(&answer->failure, EX_OSERR, "cannot get the userfaultfd of process %d: %s", (int)order->pid,
			    strerror(errno));
	call(v, SYS_close, there);
	return fd;
}

static void send_answer(int to, const struct answer *answer, int fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {
		.header = { .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS },
	};
	struct iovec part = { (void *)(uintptr_t)answer, sizeof(*answer) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (fd >= 0) {
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control.room);
	}
	sendmsg(to, &message, MSG_NOSIGNAL); /* nobody there to take it: the descriptor goes with us */
}

static _Noreturn void helper(int to, int pidfd, const struct order *order)
{
	struct answer answer = { 0 };
	bool suspend_filter = filtered(order->pid) && is_admin();
	int tid[THREADS_MAX] = { order->pid };
	int threads = list_numbers(order->pid, "task", tid, THREADS_MAX); /* the first thread comes first */
	struct victim v = { 0 };
	int fd = -1;

	/* Threads that do system calls first; only if there is none, one is taken in the middle of its computing. */
	for (int i = 0; i <= threads; i++) {
		bool last = i == threads;

		v = (struct victim){ .tid = tid[last ? 0 : i] };
		answer.failure.code = 0;
		if (borrow(&v, suspend_filter, last, last ? find_gadget(order->pid) : 0, &answer.failure))
			break;
		v.tid = 0;
		if (answer.failure.code)
			break;
	}
	if (v.tid) {
		uint64_t start_ns = clock_now_ns();

		fd = work(&v, pidfd, order, &answer);
		ptrace(PTRACE_DETACH, v.tid, 0, 0);
		answer.stopped_ns = clock_now_ns() - start_ns;
	} else if (!answer.failure.code) {
		failure_set(&answer.failure, EX_UNAVAILABLE, "no thread of process %d could be stopped within %d ms",
			    (int)order->pid, PATIENCE_NS / NS_PER_MS);
	}
	send_answer(to, &answer, fd);
	_exit(0);
}

static bool receive_answer(int from, struct answer *answer, int *fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = { answer, sizeof(*answer) };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct pollfd in = { .fd = from, .events = POLLIN };
	uint64_t until_ns = clock_now_ns() + (uint64_t)HELPER_MS * NS_PER_MS;
	int ready;

	do
		ready = poll(&in, 1, HELPER_MS);
	while (ready < 0 && errno == EINTR && clock_now_ns() < until_ns);
	if (ready <= 0 || recvmsg(from, &message, MSG_CMSG_CLOEXEC) != sizeof(*answer))
		return false;
	*fd = -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	return true;
}

/* Has a helper carry out the order. Returns the descriptor, or -1; failure->code is 0 when all went well. */
static int run_helper(const struct order *order, int *closed, struct failure *failure)
{
	int pidfd = (int)syscall(SYS_pidfd_open, order->pid, 0);
	int pair[2], fd = -1;
	struct answer answer;
	sigset_t all, before;
	pid_t child;

	if (pidfd < 0) {
		failure_set(failure, errno == ESRCH ? EX_NOINPUT : EX_OSERR, "process %d: %s", (int)order->pid,
			    strerror(errno));
		return -1;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		failure_set(failure, EX_OSERR, "cannot make a socket: %s", strerror(errno));
		close(pidfd);
		return -1;
	}
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	child = fork();
	if (child == 0) {
		close(pair[0]);
		signal(SIGCHLD, SIG_DFL); /* ignored, it would not tell us of stops */
		helper(pair[1], pidfd, order);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(pair[1]);
	if (child < 0 || !receive_answer(pair[0], &answer, &fd)) {
		failure_set(failure, EX_OSERR, "the helper that attaches to process %d was killed", (int)order->pid);
	} else {
		*failure = answer.failure;
		*closed = answer.closed;
		if (order->open && !failure->code)
			note("process %d: stopped for %llu us", (int)order->pid,
			     (unsigned long long)answer.stopped_ns / NS_PER_US);
	}
	close(pair[0]);
	close(pidfd);
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR) {
	}
	return fd;
}

/* ---- descriptors left behind ---- */

static bool never_set_up(pid_t pid, int fd)
{
	char path[32], text[512];
	ssize_t n;
	int info;

	snprintf(path, sizeof(path), "fdinfo/%d", fd);
	info = proc_open(pid, path, O_RDONLY);
	if (info < 0)
		return false;
	n = read(info, text, sizeof(text) - 1);
	close(info);
	text[n > 0 ? n : 0] = '\0';
	return strstr(text, "\nAPI:\taa:0:"); /* version, features: none */
}

static int find_strays(pid_t pid, int *stray, int max)
{
	int entry[FILES_MAX], files = list_numbers(pid, "fd", entry, FILES_MAX), n = 0;
	char path[48], link[64];

	for (int i = 0; i < files && n < max; i++) {
		ssize_t len;

		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, entry[i]);
		len = readlink(path, link, sizeof(link) - 1);
		link[len > 0 ? len : 0] = '\0';
		if (strcmp(link, "anon_inode:[userfaultfd]") == 0 && never_set_up(pid, entry[i]))
			stray[n++] = entry[i];
	}
	return n;
}

/* Those that stay so for a while: not one that the process is just setting up itself. */
static int find_old_strays(pid_t pid, int *stray, int max)
{
	const struct timespec pause = { .tv_nsec = (long)STRAY_MS * NS_PER_MS };
	int first[STRAYS_MAX], before = find_strays(pid, first, STRAYS_MAX), now, n = 0;

	if (before == 0)
		return 0;
	nanosleep(&pause, NULL);
	now = find_strays(pid, stray, max);
	for (int i = 0; i < now; i++)
		for (int k = 0; k < before; k++)
			if (stray[i] == first[k]) {
				stray[n++] = stray[i];
				break;
			}
	return n;
}

/* ---- the interface ---- */

int inject_userfaultfd(pid_t pid, bool trust_filter, struct failure *failure)
{
	struct order order = { .pid = pid, .open = true };
	int closed = 0, fd;

	if (inject_allowed(pid, trust_filter, failure) < 0)
		return -1;
	order.strays = find_old_strays(pid, order.stray, STRAYS_MAX);
	fd = run_helper(&order, &closed, failure);
	if (closed)
		note("process %d: closed %d userfaultfds that a killed wss-trace left", (int)pid, closed);
	return fd;
}

int inject_release(pid_t pid, bool trust_filter, struct failure *failure)
{
	struct order order = { .pid = pid };
	int closed = 0;

	if (inject_allowed(pid, trust_filter, failure) < 0)
		return -1;
	order.strays = find_old_strays(pid, order.stray, STRAYS_MAX);
	if (order.strays)
		run_helper(&order, &closed, failure);
	return failure->code ? -1 : closed;
}
