/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unit: what QEMU and libvirt say, from recorded answers of QEMU 7.2 and libvirt 9.0. */
#include "../../src/wss-trace/qemu/libvirt-parse.c"
#include "fixture.h"
#include "tap.h"

#include <stdlib.h>

#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

static void is_piece(const struct ram_piece *piece, uint64_t gpa, uint64_t bytes, uint64_t offset, const char *block)
{
	CHECK_U64(piece->gpa, gpa);
	CHECK_U64(piece->bytes, bytes);
	CHECK_U64(piece->offset, offset);
	CHECK(strcmp(piece->block, block) == 0);
}

/* q35 with 4 GiB: 2 GiB below the PCI hole, with the firmware's copies in it, and 2 GiB above it; lines end with \r\n. */
static void test_pci_hole(void)
{
	struct ram_piece piece[8] = { 0 };

	CHECK_U64(parse_ram(fixture("libvirt/4gib.mtree"), fixture("libvirt/4gib.memdev"), piece, 8), 2);
	is_piece(&piece[0], 0, 2 * GIB, 0, "pc.ram");
	is_piece(&piece[1], 4 * GIB, 2 * GIB, 2 * GIB, "pc.ram");
	CHECK_U64(parse_ram(fixture("libvirt/4gib.mtree"), fixture("libvirt/4gib.memdev"), piece, 1), 0);
}

/* Two nodes of 256 MiB, and a DIMM of 128 MiB plugged in. */
static void test_numa(void)
{
	struct ram_piece piece[8] = { 0 };

	CHECK_U64(parse_ram(fixture("libvirt/numa.mtree"), fixture("libvirt/numa.memdev"), piece, 8), 3);
	is_piece(&piece[0], 0, 256 * MIB, 0, "ram-node0");
	is_piece(&piece[1], 256 * MIB, 256 * MIB, 0, "ram-node1");
	is_piece(&piece[2], 4 * GIB, 128 * MIB, 0, "memdimm0");
}

#define VIEW "FlatView #0\n AS \"memory\", root: system\n Root memory region: system\n"
#define RAM_LINE "  0000000000000000-0000000000000fff (prio 0, ram): m0\n"

static void test_pieces(void)
{
	static const char memdev[] = "memory backend: m0\n  size:  8192\nmemory backend: m\nmemory backend: other0\n";
	struct ram_piece piece[4] = { 0 };

	/* newer QEMUs add who else knows the piece; prio may be negative; other views do not count */
	CHECK_U64(parse_ram("FlatView #0\n AS \"I/O\", root: io\n" RAM_LINE "\n" VIEW
			    "  0000000000001000-0000000000001fff (prio -1, ram): m0 @0000000000003000 KVM\n"
			    "FlatView #2\n AS \"mch\", root: x\n" RAM_LINE, memdev, piece, 4), 1);
	is_piece(&piece[0], 4 * KIB, 4 * KIB, 12 * KIB, "m0");
	/* neighbours in the guest that are none in the block, and of two blocks */
	CHECK_U64(parse_ram(VIEW RAM_LINE "  0000000000001000-0000000000001fff (prio 0, ram): m0 @0000000000002000\n"
			    "  0000000000002000-0000000000002fff (prio 0, ram): m @0000000000003000\n", memdev, piece, 4), 3);
	/* memory that is none: devices, firmware, video memory, half pages */
	CHECK_U64(parse_ram(VIEW "  0000000000000000-0000000000000fff (prio 0, i/o): m0\n"
			    "  0000000000001000-0000000000001fff (prio 0, ramd): m0\n"
			    "  0000000000002000-0000000000002fff (prio 0, ram): vga.vram\n"
			    "  0000000000003000-0000000000003fff (prio 0, ram): m00\n"
			    "  0000000000003000-0000000000003fff (prio 0, ram): other\n"
			    "  10000000000003000-10000000000003fff (prio 0, ram): m0\n"
			    "  0000000000004000-00000000000047ff (prio 0, ram): m0\n", memdev, piece, 4), 0);
	CHECK_U64(parse_ram("", "", piece, 4), 0);
	CHECK_U64(parse_ram(VIEW "  0000000000000000-ffffffffffffffff (prio 0, ram): m0\n", memdev, piece, 4), 0);
}

static void test_answers(void)
{
	uint64_t address = 0;

	CHECK(parse_host_address("Host virtual address for 0x100000000 (pc.ram) is 0x7f2513e00000\r\n", &address));
	CHECK_U64(address, 0x7f2513e00000);
	CHECK(!parse_host_address("No memory is mapped at address 0xc0000000\r\n", &address));
	CHECK(!parse_host_address("Memory at address 0xfec00000 is not RAM\r\n", &address));
	CHECK(!parse_host_address("Host virtual address for 0x0 (pc.ram) is 0x\r\n", &address));
	CHECK(!parse_host_address("Host virtual address for 0x0 (pc.ram) is 0x12zz\r\n", &address));

	CHECK(!parse_migrating("globals:\r\nstore-global-state: on\r\n"));
	CHECK(!parse_migrating("globals:\r\nMigration status: completed\r\ntotal time: 12 ms\r\n"));
	CHECK(!parse_migrating("Migration status: failed (Unable to write to command: Broken pipe)\r\n"));
	CHECK(parse_migrating("globals:\r\nMigration status: active\r\n"));
	CHECK(parse_migrating("Migration status: setup\r\n"));
	CHECK(parse_migrating("Migration status: completed-not-quite\r\n"));
}

static void test_writers(void)
{
	CHECK(!parse_unseen_writer("<devices>\n    <interface type='network'>\n    <hostdev mode='subsystem' type='usb'/>\n"));
	CHECK(strstr(parse_unseen_writer("    <hostdev mode='subsystem' type='pci' managed='yes'>\n"), "VFIO"));
	CHECK(strstr(parse_unseen_writer("    <interface type='vhostuser'>\n"), "vhost-user"));
	CHECK(strstr(parse_unseen_writer("    <filesystem type='mount'>\n      <driver type='virtiofs'/>\n"), "virtiofs"));
}

static void test_cmdline(void)
{
	static const char uuid[] = "c4f49d4a-bc7d-4c18-a074-ed847bbfcdef";
#define IS(line) parse_is_qemu_of(line, sizeof(line), uuid) /* with a NUL behind the last argument, as in /proc */

	CHECK(IS("/usr/bin/qemu-system-x86_64\0-m\0" "512\0-uuid\0c4f49d4a-bc7d-4c18-a074-ed847bbfcdef\0-display\0none"));
	CHECK(IS("qemu\0-uuid\0c4f49d4a-bc7d-4c18-a074-ed847bbfcdef"));
	CHECK(!IS("qemu\0-uuid\0c4f49d4a-bc7d-4c18-a074-ed847bbfcdee\0-m\0" "512"));
	CHECK(!IS("qemu\0-name\0c4f49d4a-bc7d-4c18-a074-ed847bbfcdef\0-uuid\0none-and-long-enough-to-be-one-of-these\0"));
	CHECK(!IS("grep\0-uuid c4f49d4a-bc7d-4c18-a074-ed847bbfcdef"));
	CHECK(!IS("qemu\0-uuid"));
	CHECK(!parse_is_qemu_of("", 0, uuid));
}

int main(void)
{
	test_pci_hole();
	test_numa();
	test_pieces();
	test_answers();
	test_writers();
	test_cmdline();
	return tap_end("libvirt-parse");
}
