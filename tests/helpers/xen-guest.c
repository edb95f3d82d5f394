/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xen-guest - in the dom0 of a Xen host, an HVM guest of 32 MiB whose program writes the pages it is told to and keeps a
 * list of them itself. It has page tables; half of its memory is in 2 MiB pages. It is made by libxenctrl alone.
 *
 *   xen-guest build             makes one with two vCPUs, prints its number; it is paused, and the second vCPU is off
 *   xen-guest online ID         plugs in the second vCPU
 *   xen-guest write ID VCPU FIRST COUNT STEP
 *                               the vCPU writes the COUNT frames from FIRST on, each once, STEP apart (STEP and COUNT
 *                               without a common divisor); then prints from the guest's own list what was written in which
 *                               order, list and answer too; the guest is paused before and after
 *   xen-guest tables            prints the frames of its page tables
 *   xen-guest destroy ID
 */
#include "../../src/common/diag.h"
#include "../../src/common/num.h"
#include "../../src/common/tool.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

/* Xen's headers declare types by their alignment, which they think GNU C alone can do. */
#undef __STRICT_ANSI__
#include <xenctrl.h>
#include <xenforeignmemory.h>

#include <xen/hvm/save.h>

/* Frames of the guest. */
enum {
	CODE = 1,
	ORDER = 2, /* struct order: of the first vCPU, then of the second */
	TOP_TABLE = 4, /* then one of each of the next two levels, then the lowest ones */
	LOW_TABLES = 7,
	LIST = 32, /* LIST_FRAMES of each vCPU */
	LIST_FRAMES = 16,
	DATA = 64,
	LARGE = 4096,
	FRAMES = 8192,
	TABLES = LOW_TABLES + FRAMES / 512 - TOP_TABLE,
	FRAMES_PER_LARGE = 512,
	ENTRIES = 512,
	PAGE = 4096,
	VCPUS = 2,
	WAIT_MS = 10000,
};

/* What the guest is to do. `number` is new: begin; `done` becomes `number`: it is done. */
struct order {
	uint64_t number, first, count, step, done;
};

/* The program: rbx = order, rbp = number of the last one, rsi = index, rdi = address, r10 = place in the list at r11. */
extern const char guest_code[], guest_code_end[];
__asm__(".pushsection .rodata\n"
	"guest_code:\n"
	"	mov 32(%rbx), %rbp\n"
	"1:	pause\n"
	"	mov (%rbx), %rax\n"
	"	cmp %rbp, %rax\n"
	"	je 1b\n"
	"	mov %rax, %rbp\n"
	"	mov 8(%rbx), %r9\n"
	"	mov 16(%rbx), %r8\n"
	"	mov %r8, %rcx\n"
	"	mov 24(%rbx), %rdx\n"
	"	xor %esi, %esi\n"
	"	mov %r11, %r10\n"
	"2:	lea (%r9,%rsi), %rax\n"
	"	mov %rax, %rdi\n"
	"	shl $12, %rdi\n"
	"	mov %rax, (%rdi)\n"
	"	mov %rax, (%r10)\n"
	"	add $8, %r10\n"
	"	add %rdx, %rsi\n"
	"	cmp %r8, %rsi\n"
	"	jb 3f\n"
	"	sub %r8, %rsi\n"
	"3:	dec %rcx\n"
	"	jnz 2b\n"
	"	mov %rbp, 32(%rbx)\n"
	"	jmp 1b\n"
	"guest_code_end:\n"
	"	.popsection\n");

static xc_interface *xc;
static xenforeignmemory_handle *fm;

static void check(int result, const char *what)
{
	if (result < 0)
		die_errno(EX_OSERR, "%s", what);
}

static uint32_t number(const char *text)
{
	uint64_t n;

	if (num_u64(text, strlen(text), &n) != NUM_OK || n > UINT32_MAX)
		die(EX_USAGE, "bad number '%s'", text);
	return (uint32_t)n;
}

static void *map(uint32_t id, xen_pfn_t first, size_t n)
{
	xen_pfn_t gfn[FRAMES];
	void *memory;

	for (size_t i = 0; i < n; i++)
		gfn[i] = first + i;
	memory = xenforeignmemory_map(fm, id, PROT_READ | PROT_WRITE, n, gfn, NULL);
	if (!memory)
		die_errno(EX_OSERR, "cannot map the guest's memory");
	return memory;
}

/* ---- build ---- */

static uint32_t create(void)
{
	struct xen_domctl_createdomain config = {
		.flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap,
		.max_vcpus = VCPUS,
		.max_evtchn_port = UINT32_MAX,
		.max_grant_frames = 4,
		.max_maptrack_frames = 4,
		.grant_opts = XEN_DOMCTL_GRANT_version(1),
		.handle = { 'w', 's', 's' },
		.arch.emulation_flags = XEN_X86_EMU_LAPIC,
	};
	unsigned paging_mib = 4;
	uint32_t id = 0;

	check(xc_domain_create(xc, &id, &config), "cannot create a domain");
	check(xc_domain_max_vcpus(xc, id, VCPUS), "vCPUs");
	check(xc_shadow_control(xc, id, XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION, &paging_mib, 0), "memory for page tables");
	check(xc_domain_setmaxmem(xc, id, FRAMES * 4 + 1024), "size");
	return id;
}

static void populate(uint32_t id)
{
	xen_pfn_t gfn[LARGE];

	for (xen_pfn_t i = 0; i < LARGE; i++)
		gfn[i] = i;
	check(xc_domain_populate_physmap_exact(xc, id, LARGE, 0, 0, gfn), "memory");
	for (xen_pfn_t i = 0; i < (FRAMES - LARGE) / FRAMES_PER_LARGE; i++)
		gfn[i] = LARGE + i * FRAMES_PER_LARGE;
	check(xc_domain_populate_physmap_exact(xc, id, (FRAMES - LARGE) / FRAMES_PER_LARGE, 9, 0, gfn), "memory in large pages");
}

static void write_memory(uint32_t id)
{
	char *code = map(id, CODE, 1);
	uint64_t *table = map(id, TOP_TABLE, TABLES);
	const uint64_t present_writable = 3;

	/* cppcheck-suppress comparePointers ; two labels of one piece of assembler */
	memcpy(code, guest_code, (size_t)(guest_code_end - guest_code));
	munmap(code, PAGE);
	table[0] = (TOP_TABLE + 1) * PAGE | present_writable;
	table[ENTRIES] = (TOP_TABLE + 2) * PAGE | present_writable;
	for (uint64_t i = 0; i < FRAMES / ENTRIES; i++)
		table[2 * ENTRIES + i] = (LOW_TABLES + i) * PAGE | present_writable;
	for (uint64_t i = 0; i < FRAMES; i++)
		table[3 * ENTRIES + i] = i * PAGE | present_writable;
	munmap(table, TABLES * PAGE);
}

/* The vCPU starts with the program, in 64-bit mode, interrupts on (Bochs 2.7 has no exits for them otherwise). */
static struct hvm_hw_cpu registers(uint32_t vcpu)
{
	return (struct hvm_hw_cpu){
		.cs_limit = UINT32_MAX, .ds_limit = UINT32_MAX, .es_limit = UINT32_MAX,
		.fs_limit = UINT32_MAX, .gs_limit = UINT32_MAX, .ss_limit = UINT32_MAX, .tr_limit = 0x67,
		.cs_arbytes = 0xa9b, .ds_arbytes = 0xc93, .es_arbytes = 0xc93,
		.fs_arbytes = 0xc93, .gs_arbytes = 0xc93, .ss_arbytes = 0xc93, .tr_arbytes = 0x8b, .ldtr_arbytes = 0x10000,
		.cr0 = 0x80000011, .cr3 = TOP_TABLE * PAGE, .cr4 = 0x20, .msr_efer = 0x500,
		.dr6 = 0xffff0ff0, .dr7 = 0x400, .rflags = 0x202,
		.rip = CODE * PAGE,
		.rbx = (uint64_t)(ORDER + vcpu) * PAGE,
		.r11 = (uint64_t)(LIST + vcpu * LIST_FRAMES) * PAGE,
	};
}

static char *append(char *to, const void *from, size_t n)
{
	memcpy(to, from, n);
	return to + n;
}

/* Xen takes the state of all vCPUs at once: those that are not in it are off afterwards. */
static void start_vcpu(uint32_t id, uint16_t vcpu)
{
	const struct hvm_save_descriptor cpu_is = { HVM_SAVE_CODE(CPU), vcpu, HVM_SAVE_LENGTH(CPU) };
	const struct hvm_save_descriptor end_is = { HVM_SAVE_CODE(END), 0, HVM_SAVE_LENGTH(END) };
	const struct hvm_hw_cpu cpu = registers(vcpu);
	int size = xc_domain_hvm_getcontext(xc, id, NULL, 0);
	char *state, *end;

	check(size, "state");
	state = or_die(calloc(1, (size_t)size + sizeof(cpu_is) + sizeof(cpu)));
	size = xc_domain_hvm_getcontext(xc, id, (uint8_t *)state, (uint32_t)size);
	check(size, "state");
	end = append(state + size - sizeof(end_is), &cpu_is, sizeof(cpu_is));
	end = append(end, &cpu, sizeof(cpu));
	end = append(end, &end_is, sizeof(end_is));
	check(xc_domain_hvm_setcontext(xc, id, (uint8_t *)state, (uint32_t)(end - state)), "registers");
	free(state);
}

static void build(void)
{
	uint32_t id = create();

	populate(id);
	write_memory(id);
	start_vcpu(id, 0);
	printf("%" PRIu32 "\n", id);
}

/* ---- write ---- */

static void wait_for(const volatile struct order *order)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	for (unsigned i = 0; order->done != order->number; i++) {
		if (i == WAIT_MS)
			die(EX_TEMPFAIL, "the guest does not answer");
		nanosleep(&ms, NULL);
	}
}

static void print_list(uint32_t id, uint32_t vcpu, uint64_t count)
{
	size_t pages = (count + ENTRIES - 1) / ENTRIES;
	xen_pfn_t first = LIST + vcpu * LIST_FRAMES;
	uint64_t *list = map(id, first, pages);

	for (uint64_t i = 0; i < count; i++) {
		printf("%" PRIu64 "\n", list[i]);
		if (i % ENTRIES == 0)
			printf("%" PRIu64 "\n", first + i / ENTRIES);
	}
	printf("%" PRIu32 "\n", ORDER + vcpu);
	munmap(list, pages * PAGE);
}

static void write_pages(uint32_t id, uint32_t vcpu, uint64_t first, uint64_t count, uint64_t step)
{
	volatile struct order *order;

	if (vcpu >= VCPUS || first < DATA || first + count > FRAMES || !count || step >= count)
		die(EX_USAGE, "these are not frames for data");
	order = map(id, ORDER + vcpu, 1);
	order->first = first;
	order->count = count;
	order->step = step;
	__sync_synchronize();
	order->number++;
	check(xc_domain_unpause(xc, id), "cannot run the guest");
	wait_for(order);
	check(xc_domain_pause(xc, id), "cannot stop the guest");
	print_list(id, vcpu, count);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	tool_init("xen-guest", TOOL_SOURCE);
	xc = xc_interface_open(NULL, NULL, 0);
	fm = xenforeignmemory_open(NULL, 0);
	if (!xc || !fm)
		die_errno(EX_UNAVAILABLE, "no Xen");
	if (strcmp(what, "build") == 0)
		build();
	else if (strcmp(what, "online") == 0 && argc == 3)
		start_vcpu(number(argv[2]), 1);
	else if (strcmp(what, "write") == 0 && argc == 7)
		write_pages(number(argv[2]), number(argv[3]), number(argv[4]), number(argv[5]), number(argv[6]));
	else if (strcmp(what, "tables") == 0)
		for (unsigned i = 0; i < TABLES; i++)
			printf("%u\n", TOP_TABLE + i);
	else if (strcmp(what, "destroy") == 0 && argc == 3)
		check(xc_domain_destroy(xc, number(argv[2])), "cannot destroy it");
	else
		die(EX_USAGE, "build | online ID | write ID VCPU FIRST COUNT STEP | tables | destroy ID");
	return tool_finish();
}
