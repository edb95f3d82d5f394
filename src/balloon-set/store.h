/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store - the sizes VMs had before we first changed them, so that --restore can give them back. A folder with one file
 * for each VM, named by its UUID: three lines, KiB, where the VM is (actuator's place), its name.
 */
#ifndef WSS_STORE_H
#define WSS_STORE_H

#include "actuator.h"

struct stored {
	char uuid[UUID_TEXT];
	char name[VM_NAME];
	uint64_t original_kib;
};

/* The folder: `path`, else the usual one of this user. Not made before something is stored. */
void store_open(const char *path);

/* Remembers the VM unless that is done already. False: `why` says what is in the way. */
bool store_add(const struct stored *, const char *place, char why[WHY]);

/* Whether another VM of this name and place is remembered. */
bool store_has_other(const char *name, const char *uuid, const char *place);

/* Calls back for each remembered VM of the place. */
typedef void store_visit(void *context, const struct stored *);
void store_each(const char *place, store_visit *, void *context);

void store_forget(const char *uuid);

#endif
