/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unit: answers of QEMU 7.2 to QMP commands, and texts that are none. */
#include "../../src/wss-trace/qemu/qmp-parse.c"
#include "tap.h"

static const char *const cpus =
	"{\"return\": [{\"thread-id\": 4711, \"props\": {\"core-id\": 0, \"thread-id\": 0, \"socket-id\": 0}, "
	"\"qom-path\": \"/machine/unattached/device[0]\", \"cpu-index\": 0, \"target\": \"x86_64\"}, "
	"{\"thread-id\": 4712, \"props\": {}, \"qom-path\": \"\\\"}]\", \"cpu-index\": 1, \"target\": \"x86_64\"}]}\r\n";

static void test_members(void)
{
	const char *list = json_member(cpus, "return"), *cpu = json_first(list);
	uint64_t n;

	CHECK(json_is_whole(cpus));
	CHECK(cpu && json_u64(json_member(cpu, "thread-id"), &n) && n == 4711);
	CHECK(json_u64(json_member(cpu, "cpu-index"), &n) && n == 0);
	CHECK(!json_member(cpu, "core-id")); /* of another object */
	CHECK(json_u64(json_member(json_member(cpu, "props"), "core-id"), &n) && n == 0);
	cpu = json_next(cpu);
	CHECK(cpu && json_u64(json_member(cpu, "thread-id"), &n) && n == 4712);
	CHECK(cpu && json_u64(json_member(cpu, "cpu-index"), &n) && n == 1);
	CHECK(cpu && !json_next(cpu));
	CHECK(!json_first(json_member("{\"return\": [ ]}", "return")));
	CHECK(!json_first(cpus));
	CHECK(!json_member(cpus, "error"));
}

static void test_values(void)
{
	const char *kvm = json_member("{\"return\": {\"enabled\": true, \"present\": false}}", "return");
	char text[32];
	uint64_t n;

	CHECK(json_is(json_member(kvm, "enabled"), "true"));
	CHECK(!json_is(json_member(kvm, "enabled"), "tru"));
	CHECK(!json_is(json_member(kvm, "present"), "true"));
	CHECK(!json_is(json_member(kvm, "absent"), "true"));
	CHECK(json_is(json_member("{\"status\": \"measured\"}", "status"), "\"measured\""));
	CHECK(!json_is(json_member("{\"status\": \"measuring\"}", "status"), "\"measured\""));
	CHECK(json_text("\"a\\r\\n\\\"b\\\\ \\u00e9 \xc3\xa9\"", text, sizeof(text)) && strcmp(text, "a\r\n\"b\\ ? ??") == 0);
	CHECK(!json_text("\"12345\"", text, 5));
	CHECK(json_text("\"1234\"", text, 5));
	CHECK(!json_text("\"no end", text, sizeof(text)));
	CHECK(!json_text("\"\\u12\"", text, sizeof(text)));
	CHECK(!json_text("5", text, sizeof(text)));
	CHECK(!json_text(NULL, text, sizeof(text)));
	CHECK(!json_u64("-1", &n));
	CHECK(!json_u64("1.5", &n));
	CHECK(!json_u64("\"1\"", &n));
	CHECK(!json_u64(NULL, &n));
}

static void test_not_json(void)
{
	static const char *const bad[] = { "", "{", "}", "{\"a\"", "{\"a\":", "{\"a\": \"b}", "[1,", "{\"a\": 1} x", "\"\\", "]" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK(!json_is_whole(bad[i]));
		json_member(bad[i], "a");
		json_first(bad[i]);
	}
	CHECK(json_is_whole(" [{}, 1e5, null, {\"a\": [\"]\"]}] "));
}

/* Two processors of a guest with Linux, as "info registers -a" shows them; a part of it. */
static void test_registers(void)
{
	static const char text[] =
		"\r\nCPU#0\r\nRAX=0000000000000000 RBX=ffffffff82a17580\r\nGDT=     fffffe0000001000 0000007f\r\n"
		"CR0=80050033 CR2=00007f5dd4f1c000 CR3=000000000510a000 CR4=000006f0\r\n"
		"DR6=00000000ffff0ff0 DR7=0000000000000400\r\nCCS=0 CCD=0 CCO=EFLAGS\r\nEFER=0000000000000d01\r\nFCW=037f\r\n"
		"\r\nCPU#1\r\nCR0=00000011 CR2=0 CR3=0 CR4=0\r\nEFER=0000000000000000\r\n";
	struct pagewalk_regs regs[4] = { 0 };

	CHECK_U64(parse_registers(text, regs, 4), 2);
	CHECK_U64(regs[0].cr0, 0x80050033);
	CHECK_U64(regs[0].cr3, 0x510a000);
	CHECK_U64(regs[0].cr4, 0x6f0);
	CHECK_U64(regs[0].efer, 0xd01);
	CHECK_U64(regs[1].cr0, 0x11);
	CHECK_U64(regs[1].cr3, 0);
	CHECK_U64(parse_registers(text, regs, 1), 1);
	CHECK_U64(parse_registers("CR0=1 CR3=2 CR4=3", regs, 4), 0);
	CHECK_U64(parse_registers("CR0=x CR3=2 CR4=3 EFER=4", regs, 4), 0);
	CHECK_U64(parse_registers("", regs, 4), 0);
}

int main(void)
{
	test_members();
	test_values();
	test_not_json();
	test_registers();
	return tap_end("qmp-parse");
}
