/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What all of the KVMs this must run on have in common is the plainest guest: 64-bit, at privilege level 3 from its
 * first instruction (a paravirtual KVM emulates level 0 slowly), set up from outside, leaving by a port. Accessed and
 * dirty bits of its page tables are set beforehand, so that the processor's walk writes nothing.
 */
#include "microvm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>

enum {
	PAGE = 4096,
	LARGE_PAGE = 2 << 20,
	PAGES_PER_GIB = 1 << 18,
	SLOTS = MICROVM_PAGES_MAX / PAGES_PER_GIB, /* a slot of KVM for each GiB; number 0 is the control slot */
	RING_BYTES_MAX = 1 << 20,
	CPUID_MAX = 256,

	/* The control slot, from guest address 0: tables, code, list. */
	TOP_TABLE = 0,
	GIB_TABLE = PAGE,
	CONTROL_TABLE = 2 * PAGE, /* of the control slot, then one for each GiB of memory */
	CODE = 0x50000,
	LIST = 0x60000,
	CONTROL_BYTES = LARGE_PAGE,
	LIST_MAX = 8192,          /* runs */
	LIST_PAGES_MAX = 16384,   /* touches: what the guest does before it looks up again */
	EXIT_PORT = 0x10,

	PRESENT = 1, WRITABLE = 2, USER = 4, ACCESSED = 0x20, DIRTY = 0x40, LARGE = 0x80,
	TABLE_BITS = PRESENT | WRITABLE | USER | ACCESSED,
	LARGE_BITS = TABLE_BITS | DIRTY | LARGE,
};

/* A run of pages on the guest's list; 0 pages end it. The guest's code knows this layout. */
struct run {
	uint64_t address, pages;
	uint32_t read, write;
};

/*
 * The guest: works off the list at LIST (rsi), touching the first byte of each page (rdi), then leaves by the port, and
 * starts over when it is let in again.
 */
__asm__(".pushsection .rodata\n"
	"guest_code:\n"
	"	movl	$0x60000, %esi\n"
	"1:	movq	(%rsi), %rdi\n"
	"	movq	8(%rsi), %rcx\n"
	"	movl	16(%rsi), %eax\n"
	"	movl	20(%rsi), %edx\n"
	"	addq	$24, %rsi\n"
	"	testq	%rcx, %rcx\n"
	"	jz	5f\n"
	"2:	testl	%eax, %eax\n"
	"	jz	3f\n"
	"	movb	(%rdi), %bl\n"
	"3:	testl	%edx, %edx\n"
	"	jz	4f\n"
	"	movb	%dl, (%rdi)\n"
	"4:	addq	$4096, %rdi\n"
	"	decq	%rcx\n"
	"	jnz	2b\n"
	"	jmp	1b\n"
	"5:	outb	%al, $0x10\n"
	"	jmp	guest_code\n"
	"guest_code_end:\n"
	".popsection\n");
extern const uint8_t guest_code[], guest_code_end[];
_Static_assert(LIST == 0x60000 && EXIT_PORT == 0x10 && sizeof(struct run) == 24, "the guest's code has these numbers");

struct slot {
	uint64_t pages;      /* 0: KVM does not know it */
	uint64_t *written;   /* a bit for each page; all 0 between calls */
	bool touched;        /* since the log was read */
};

struct microvm {
	enum microvm_log log;
	int kvm, vm, vcpu;
	struct kvm_run *run;
	size_t run_bytes;
	uint8_t *control;
	uint8_t *memory;
	uint64_t pages;
	struct slot slot[SLOTS];
	size_t listed;       /* runs on the list, and their touches */
	uint64_t listed_pages;
	struct kvm_dirty_gfn *ring;
	size_t ring_bytes;
	uint32_t ring_next;
};

/* ---- saying what is wrong ---- */

static bool fail(struct microvm_fault *fault, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static bool fail(struct microvm_fault *fault, int code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fault->code = code;
	vsnprintf(fault->text, sizeof(fault->text), fmt, args);
	va_end(args);
	return false;
}

/* A call of the system that failed: no room and no leave are told apart from what this KVM cannot do. */
static bool fail_errno(struct microvm_fault *fault, const char *what)
{
	switch (errno) {
	case EPERM:
	case EACCES:
		return fail(fault, EX_NOPERM, "%s: %s", what, strerror(errno));
	case ENOMEM:
	case EMFILE:
	case ENFILE:
	case EAGAIN:
	case EFAULT:
		return fail(fault, EX_OSERR, "%s: %s", what, strerror(errno));
	}
	return fail(fault, EX_UNAVAILABLE, "this KVM refuses %s: %s", what, strerror(errno));
}

#define KVM(fd, request, arg, fault) (ioctl(fd, request, arg) >= 0 || fail_errno(fault, #request))

/* ---- the host ---- */

static int open_kvm(struct microvm_fault *fault)
{
	static const struct {
		int cap;
		const char *name;
	} needed[] = {
		{ KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY" },
		{ KVM_CAP_SET_TSS_ADDR, "KVM_CAP_SET_TSS_ADDR" },
		{ KVM_CAP_EXT_CPUID, "KVM_CAP_EXT_CPUID" },
		{ KVM_CAP_SYNC_MMU, "KVM_CAP_SYNC_MMU" },
	};
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (kvm < 0 && (errno == ENOENT || errno == ENXIO || errno == ENODEV))
		fail(fault, EX_UNAVAILABLE, "no /dev/kvm here; needs a processor that virtualizes and kvm_intel or kvm_amd");
	else if (kvm < 0 && (errno == EACCES || errno == EPERM))
		fail(fault, EX_NOPERM, "/dev/kvm: %s; needs root or the group of that device", strerror(errno));
	else if (kvm < 0)
		fail_errno(fault, "/dev/kvm");
	if (kvm < 0)
		return -1;
	if (ioctl(kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
		fail(fault, EX_UNAVAILABLE, "/dev/kvm does not speak version %d of KVM's interface", KVM_API_VERSION);
		close(kvm);
		return -1;
	}
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (ioctl(kvm, KVM_CHECK_EXTENSION, needed[i].cap) <= 0) {
			fail(fault, EX_UNAVAILABLE, "this KVM has no %s", needed[i].name);
			close(kvm);
			return -1;
		}
	return kvm;
}

/* Bytes of the largest ring we want; 0 = none. Which of the two names a KVM has depends on its age; on x86 they are one. */
static size_t ring_bytes(int kvm, int *cap)
{
	static const int caps[] = { KVM_CAP_DIRTY_LOG_RING, KVM_CAP_DIRTY_LOG_RING_ACQ_REL };

	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
		int bytes = ioctl(kvm, KVM_CHECK_EXTENSION, caps[i]);

		*cap = caps[i];
		if (bytes > 0)
			return (size_t)(bytes < RING_BYTES_MAX ? bytes : RING_BYTES_MAX);
	}
	return 0;
}

static bool has_clear(int kvm)
{
	return ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2) & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE;
}

bool microvm_usable(enum microvm_log *best, bool *has_ring, struct microvm_fault *fault)
{
	int kvm = open_kvm(fault);
	int cap;

	if (kvm < 0)
		return false;
	*best = has_clear(kvm) ? MICROVM_LOG_CLEAR : MICROVM_LOG_GET;
	*has_ring = ring_bytes(kvm, &cap) > 0;
	close(kvm);
	return true;
}

/* ---- building the guest ---- */

static bool map_memory(struct microvm *vm, struct microvm_fault *fault)
{
	const int protection = PROT_READ | PROT_WRITE;
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

	vm->control = mmap(NULL, CONTROL_BYTES, protection, flags, -1, 0);
	vm->memory = mmap(NULL, vm->pages * PAGE, protection, flags, -1, 0);
	if (vm->control == MAP_FAILED || vm->memory == MAP_FAILED)
		return fail_errno(fault, "memory of the guest");
	/* A huge page would be given whole for one page that is touched. */
	madvise(vm->memory, vm->pages * PAGE, MADV_NOHUGEPAGE);
	return true;
}

static bool set_up_log(struct microvm *vm, struct microvm_fault *fault)
{
	struct kvm_enable_cap enable = { .cap = 0 };
	int cap;

	if (vm->log == MICROVM_LOG_CLEAR) {
		if (!has_clear(vm->kvm))
			return fail(fault, EX_UNAVAILABLE, "this KVM has no KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2; use log=get");
		enable.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2;
		enable.args[0] = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE;
	} else if (vm->log == MICROVM_LOG_RING) {
		vm->ring_bytes = ring_bytes(vm->kvm, &cap);
		if (vm->ring_bytes == 0)
			return fail(fault, EX_UNAVAILABLE, "this KVM has no KVM_CAP_DIRTY_LOG_RING; use log=get");
		enable.cap = (uint32_t)cap;
		enable.args[0] = vm->ring_bytes;
	} else {
		return true;
	}
	return KVM(vm->vm, KVM_ENABLE_CAP, &enable, fault);
}

static bool give_memory(struct microvm *vm, uint32_t slot, uint32_t flags, uint64_t gfn, uint64_t pages, uint8_t *at,
			struct microvm_fault *fault)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gfn * PAGE,
		.memory_size = pages * PAGE,
		.userspace_addr = (uint64_t)(uintptr_t)at,
	};

	return KVM(vm->vm, KVM_SET_USER_MEMORY_REGION, &region, fault);
}

/* Guest addresses are guest physical ones. A table for each GiB, in large pages: 4 KiB for each GiB of memory. */
static void fill_control(struct microvm *vm)
{
	uint64_t *top = (uint64_t *)(void *)(vm->control + TOP_TABLE);
	uint64_t *gib = (uint64_t *)(void *)(vm->control + GIB_TABLE);
	uint64_t *large = (uint64_t *)(void *)(vm->control + CONTROL_TABLE);
	const uint64_t first = (uint64_t)MICROVM_FIRST_GFN * PAGE;

	_Static_assert(CONTROL_TABLE + (1 + SLOTS) * PAGE <= CODE, "tables end before the code");
	_Static_assert(LIST + (LIST_MAX + 1) * sizeof(struct run) <= CONTROL_BYTES, "the list ends in the slot");
	top[0] = GIB_TABLE | TABLE_BITS;
	gib[0] = CONTROL_TABLE | TABLE_BITS;
	large[0] = LARGE_BITS;
	for (uint64_t i = 0; i * PAGES_PER_GIB < vm->pages; i++) {
		gib[MICROVM_FIRST_GFN / PAGES_PER_GIB + i] = (CONTROL_TABLE + (1 + i) * PAGE) | TABLE_BITS;
		for (uint64_t j = 0; j < 512; j++)
			large[(1 + i) * 512 + j] = (first + (i * 512 + j) * LARGE_PAGE) | LARGE_BITS;
	}
	/* cppcheck-suppress comparePointers ; two labels of one piece of assembler */
	memcpy(vm->control + CODE, guest_code, (size_t)(guest_code_end - guest_code));
}

static bool set_registers(struct microvm *vm, struct microvm_fault *fault)
{
	/* Interrupts are on and ports are open to level 3 (IOPL). */
	struct kvm_regs regs = { .rip = CODE, .rflags = 0x3202 };
	struct kvm_segment data = {
		.limit = 0xffffffff, .selector = 0x13, .type = 3, .present = 1, .dpl = 3, .db = 1, .s = 1, .g = 1,
	};
	struct kvm_segment code = {
		.limit = 0xffffffff, .selector = 0xb, .type = 11, .present = 1, .dpl = 3, .l = 1, .s = 1, .g = 1,
	};
	struct kvm_sregs sregs;

	if (!KVM(vm->vcpu, KVM_GET_SREGS, &sregs, fault))
		return false;
	sregs.cs = code;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	sregs.cr0 = 0x80050033;  /* PG AM WP NE ET MP PE */
	sregs.cr3 = TOP_TABLE;
	sregs.cr4 |= 0x220;      /* PAE OSFXSR */
	sregs.efer = 0x501;      /* LMA LME SCE */
	return KVM(vm->vcpu, KVM_SET_SREGS, &sregs, fault) && KVM(vm->vcpu, KVM_SET_REGS, &regs, fault);
}

/* The guest's processor is the host's: it decides how many address bits there are. */
static bool set_cpuid(struct microvm *vm, struct microvm_fault *fault)
{
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + CPUID_MAX * sizeof(cpuid->entries[0]));
	bool done;

	if (!cpuid)
		return fail_errno(fault, "memory");
	cpuid->nent = CPUID_MAX;
	done = KVM(vm->kvm, KVM_GET_SUPPORTED_CPUID, cpuid, fault) && KVM(vm->vcpu, KVM_SET_CPUID2, cpuid, fault);
	free(cpuid);
	return done;
}

static bool make_vcpu(struct microvm *vm, struct microvm_fault *fault)
{
	int run_bytes = ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);

	vm->vcpu = ioctl(vm->vm, KVM_CREATE_VCPU, 0);
	if (vm->vcpu < 0)
		return fail_errno(fault, "KVM_CREATE_VCPU");
	if (run_bytes < (int)sizeof(*vm->run))
		return fail(fault, EX_UNAVAILABLE, "this KVM refuses KVM_GET_VCPU_MMAP_SIZE");
	vm->run_bytes = (size_t)run_bytes;
	vm->run = mmap(NULL, vm->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu, 0);
	if (vm->run == MAP_FAILED)
		return fail_errno(fault, "mapping of the virtual processor");
	if (vm->ring_bytes) {
		vm->ring = mmap(NULL, vm->ring_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu,
				(off_t)KVM_DIRTY_LOG_PAGE_OFFSET * PAGE);
		if (vm->ring == MAP_FAILED)
			return fail_errno(fault, "mapping of the dirty ring");
	}
	return set_cpuid(vm, fault) && set_registers(vm, fault);
}

static bool make_vm(struct microvm *vm, struct microvm_fault *fault)
{
	vm->kvm = open_kvm(fault);
	if (vm->kvm < 0)
		return false;
	vm->vm = ioctl(vm->kvm, KVM_CREATE_VM, 0);
	if (vm->vm < 0 && errno == EBUSY)
		return fail(fault, EX_UNAVAILABLE, "KVM_CREATE_VM: another hypervisor holds the processor");
	if (vm->vm < 0)
		return fail_errno(fault, "KVM_CREATE_VM");
	if (!map_memory(vm, fault) || !set_up_log(vm, fault))
		return false;
	fill_control(vm);
	return KVM(vm->vm, KVM_SET_TSS_ADDR, 0xfffbd000, fault) &&
	       give_memory(vm, 0, 0, 0, CONTROL_BYTES / PAGE, vm->control, fault) && make_vcpu(vm, fault);
}

struct microvm *microvm_new(uint64_t pages, enum microvm_log log, struct microvm_fault *fault)
{
	struct microvm *vm = calloc(1, sizeof(*vm));

	if (!vm) {
		fail_errno(fault, "memory");
		return NULL;
	}
	vm->kvm = vm->vm = vm->vcpu = -1;
	vm->control = vm->memory = MAP_FAILED;
	vm->run = MAP_FAILED;
	vm->ring = MAP_FAILED;
	vm->log = log;
	vm->pages = pages;
	if (make_vm(vm, fault))
		return vm;
	microvm_free(vm);
	return NULL;
}

void microvm_free(struct microvm *vm)
{
	const int fds[] = { vm->vcpu, vm->vm, vm->kvm };

	if (vm->ring != MAP_FAILED)
		munmap(vm->ring, vm->ring_bytes);
	if (vm->run != MAP_FAILED)
		munmap(vm->run, vm->run_bytes);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (vm->memory != MAP_FAILED)
		munmap(vm->memory, vm->pages * PAGE);
	if (vm->control != MAP_FAILED)
		munmap(vm->control, CONTROL_BYTES);
	for (size_t i = 0; i < SLOTS; i++)
		free(vm->slot[i].written);
	free(vm);
}

bool microvm_use(struct microvm *vm, uint64_t page, uint64_t pages, struct microvm_fault *fault)
{
	for (uint64_t i = page / PAGES_PER_GIB; i * PAGES_PER_GIB < page + pages; i++) {
		uint64_t first = i * PAGES_PER_GIB;
		uint64_t n = vm->pages - first < PAGES_PER_GIB ? vm->pages - first : PAGES_PER_GIB;
		uint32_t flags = vm->log == MICROVM_LOG_NONE ? 0 : (uint32_t)KVM_MEM_LOG_DIRTY_PAGES;

		if (vm->slot[i].pages)
			continue;
		vm->slot[i].written = calloc((n + BITMAP_WORD - 1) / BITMAP_WORD, sizeof(uint64_t));
		if (!vm->slot[i].written)
			return fail_errno(fault, "memory");
		if (!give_memory(vm, (uint32_t)i + 1, flags, MICROVM_FIRST_GFN + first, n, vm->memory + first * PAGE, fault))
			return false;
		vm->slot[i].pages = n;
	}
	return true;
}

/* ---- running it ---- */

/* Moves the ring's entries to the bitmaps, and protects their pages again. */
static bool empty_ring(struct microvm *vm, struct microvm_fault *fault)
{
	const uint32_t mask = (uint32_t)(vm->ring_bytes / sizeof(*vm->ring)) - 1;

	for (;;) {
		struct kvm_dirty_gfn *entry = &vm->ring[vm->ring_next & mask];
		uint32_t number;

		if (!(__atomic_load_n(&entry->flags, __ATOMIC_ACQUIRE) & KVM_DIRTY_GFN_F_DIRTY))
			break;
		number = entry->slot - 1;
		if (number >= SLOTS || entry->offset >= vm->slot[number].pages)
			return fail(fault, EX_UNAVAILABLE, "KVM's dirty ring names a page the guest does not have");
		vm->slot[number].written[entry->offset / BITMAP_WORD] |= UINT64_C(1) << entry->offset % BITMAP_WORD;
		__atomic_store_n(&entry->flags, KVM_DIRTY_GFN_F_RESET, __ATOMIC_RELEASE);
		vm->ring_next++;
	}
	return KVM(vm->vm, KVM_RESET_DIRTY_RINGS, 0, fault);
}

static bool wrong_exit(const struct kvm_run *run, struct microvm_fault *fault)
{
	switch (run->exit_reason) {
	case KVM_EXIT_FAIL_ENTRY:
		return fail(fault, EX_UNAVAILABLE, "this KVM cannot run the guest: entry failed, hardware reason 0x%llx",
			    (unsigned long long)run->fail_entry.hardware_entry_failure_reason);
	case KVM_EXIT_INTERNAL_ERROR:
		return fail(fault, EX_UNAVAILABLE, "this KVM cannot run the guest: internal error %u", run->internal.suberror);
	}
	return fail(fault, EX_UNAVAILABLE, "this KVM cannot run the guest: unexpected exit, reason %u", run->exit_reason);
}

bool microvm_run(struct microvm *vm, struct microvm_fault *fault)
{
	struct run *list = (struct run *)(void *)(vm->control + LIST);

	if (vm->listed == 0)
		return true;
	list[vm->listed] = (struct run){ .pages = 0 };
	vm->listed = 0;
	vm->listed_pages = 0;
	for (;;) {
		if (ioctl(vm->vcpu, KVM_RUN, 0) < 0) {
			if (errno == EINTR || errno == EAGAIN)
				continue;
			return fail_errno(fault, "KVM_RUN");
		}
		switch (vm->run->exit_reason) {
		case KVM_EXIT_INTR:
			break;
		case KVM_EXIT_DIRTY_RING_FULL:
			if (!empty_ring(vm, fault))
				return false;
			break;
		case KVM_EXIT_IO:
			if (vm->run->io.port == EXIT_PORT)
				return true;
			/* fall through */
		default:
			return wrong_exit(vm->run, fault);
		}
	}
}

bool microvm_touch(struct microvm *vm, uint64_t page, uint64_t pages, bool read, bool write, struct microvm_fault *fault)
{
	struct run *list = (struct run *)(void *)(vm->control + LIST);

	while (pages > 0) {
		uint64_t room = LIST_PAGES_MAX - vm->listed_pages;
		uint64_t n = pages < room ? pages : room;

		for (uint64_t i = page / PAGES_PER_GIB; i * PAGES_PER_GIB < page + n; i++)
			vm->slot[i].touched = true;
		list[vm->listed++] = (struct run){
			.address = (MICROVM_FIRST_GFN + page) * PAGE, .pages = n, .read = read, .write = write,
		};
		vm->listed_pages += n;
		page += n;
		pages -= n;
		if ((vm->listed == LIST_MAX || vm->listed_pages == LIST_PAGES_MAX) && !microvm_run(vm, fault))
			return false;
	}
	return true;
}

/* ---- the log ---- */

/* The log of a slot into its bitmap. With CLEAR it is reset from the first to the last word that says anything. */
static bool read_log(struct microvm *vm, uint32_t i, struct microvm_fault *fault)
{
	struct slot *slot = &vm->slot[i];
	struct kvm_dirty_log get = { .slot = i + 1, .dirty_bitmap = slot->written };
	struct kvm_clear_dirty_log clear = { .slot = i + 1 };
	uint64_t words = (slot->pages + BITMAP_WORD - 1) / BITMAP_WORD;
	uint64_t first = 0;

	if (!KVM(vm->vm, KVM_GET_DIRTY_LOG, &get, fault))
		return false;
	if (vm->log != MICROVM_LOG_CLEAR)
		return true;
	while (first < words && !slot->written[first])
		first++;
	while (words > first && !slot->written[words - 1])
		words--;
	if (first == words)
		return true;
	clear.first_page = first * BITMAP_WORD;
	clear.num_pages = (uint32_t)((words * BITMAP_WORD < slot->pages ? words * BITMAP_WORD : slot->pages) - clear.first_page);
	clear.dirty_bitmap = slot->written + first;
	return KVM(vm->vm, KVM_CLEAR_DIRTY_LOG, &clear, fault);
}

bool microvm_written(struct microvm *vm, bitmap_visit *visit, void *context, struct microvm_fault *fault)
{
	struct bitmap_runs runs = { .visit = visit, .context = context };

	if (vm->log == MICROVM_LOG_RING && !empty_ring(vm, fault))
		return false;
	for (uint32_t i = 0; i < SLOTS; i++) {
		struct slot *slot = &vm->slot[i];

		if (!slot->touched)
			continue;
		if (vm->log != MICROVM_LOG_RING && !read_log(vm, i, fault))
			return false;
		slot->touched = false;
		bitmap_take(&runs, (uint64_t)i * PAGES_PER_GIB, slot->written, (slot->pages + BITMAP_WORD - 1) / BITMAP_WORD);
	}
	bitmap_finish(&runs);
	return true;
}
