/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * actuator - how the memory of a VM is read and set. One file actuator-NAME.c each, everything in it static but
 * `const struct actuator actuator_NAME`; the table of them is made by the Makefile from the file names.
 */
#ifndef WSS_ACTUATOR_H
#define WSS_ACTUATOR_H

#include "decide.h"

#include <stdbool.h>
#include <stdint.h>

enum { UUID_TEXT = 37, VM_NAME = TEXT_FIELD_MAX + 1, WHY = 256 };

/* A VM as it is now. */
struct vm_view {
	char uuid[UUID_TEXT];
	struct sizes sizes;      /* known when look() says done, pinned or no_balloon */
	char why[WHY];           /* in words, for results other than done; a half sentence without a full stop */
};

struct actuator {
	const char *name, *help;

	/* Required. Dies when the hypervisor is not there. uri NULL: its usual one. read_only: no set() follows. */
	void *(*open)(const char *uri, bool read_only);
	/* Required. What a state file remembers of where a VM is; the same text for the same hypervisor. */
	const char *(*place)(void *state);
	/* Required. Reads a VM. result_done: it may be changed; any other: it may not. */
	enum result (*look)(void *state, const char *vm, struct vm_view *);
	/* Required. Asks the VM that look() saw for kib, and does not wait for it. result_done or why not. */
	enum result (*set)(void *state, const char *vm, struct vm_view *, uint64_t kib);
	/* Required. The present name of the running VM with this UUID. Or result_no_vm, result_unreachable. */
	enum result (*find)(void *state, const char *uuid, char name[VM_NAME]);
	/* Required. In words why it is not known what the guest can give, when nobody made it say so, and what would. */
	void (*say_unasked)(void *state, const char *vm, char why[WHY]);
	/* Required. */
	void (*close)(void *state);
};

/* The generated table, NULL at the end. */
extern const struct actuator *const actuators[];

#endif
