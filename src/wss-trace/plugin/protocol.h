/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * protocol - what source plugin and the plugin in QEMU say to each other over a Unix stream socket, on one machine. The
 * source sends PLUGIN_COLLECT; the plugin answers with a plugin_answer and its runs: what was touched since it was last asked.
 */
#ifndef WSS_PLUGIN_PROTOCOL_H
#define WSS_PLUGIN_PROTOCOL_H

#include <stdint.h>

enum { PLUGIN_COLLECT = 'c' };

#define PLUGIN_MAGIC UINT64_C(0x7773732d706c7531) /* "wss-plu1" */

struct plugin_answer {
	uint64_t magic;
	uint64_t runs;
	uint64_t lost; /* accesses to memory beyond what the plugin can count */
};

enum plugin_access { PLUGIN_READ, PLUGIN_WRITE, PLUGIN_ACCESSES };

struct plugin_run {
	uint64_t gfn;
	uint32_t pages;
	uint32_t access; /* enum plugin_access */
};

#endif
