/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store.h"

#include "diag.h"
#include "num.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[PATH_MAX / 2];

void store_open(const char *path)
{
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	int n;

	if (path)
		n = snprintf(folder, sizeof(folder), "%s", path);
	else if (geteuid() == 0)
		n = snprintf(folder, sizeof(folder), "/var/lib/wss-tools/balloon");
	else if (state && *state)
		n = snprintf(folder, sizeof(folder), "%s/wss-tools/balloon", state);
	else
		n = snprintf(folder, sizeof(folder), "%s/.local/state/wss-tools/balloon", home ? home : "");
	if (n >= (int)sizeof(folder) || n == 0)
		die(EX_USAGE, "--state: name too long, or empty");
}

static void file_of(const char *uuid, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s", folder, uuid);
}

static bool make_folder(void)
{
	char part[sizeof(folder)];

	snprintf(part, sizeof(part), "%s", folder);
	for (char *at = part + 1; *at; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return false;
		*at = '/';
	}
	return mkdir(part, 0700) == 0 || errno == EEXIST;
}

bool store_add(const struct stored *vm, const char *place, char why[WHY])
{
	char path[PATH_MAX], new[PATH_MAX];
	FILE *f;
	bool ok;

	file_of(vm->uuid, path);
	if (access(path, F_OK) == 0)
		return true;
	/* Whole or not at all: written beside its place, then renamed. Readers skip names with a dot. */
	snprintf(new, sizeof(new), "%s/.%s", folder, vm->uuid);
	f = make_folder() ? fopen(new, "w") : NULL;
	if (f) {
		ok = fprintf(f, "%llu\n%s\n%s\n", (unsigned long long)vm->original_kib, place, vm->name) > 0 &&
		     fflush(f) == 0 && fsync(fileno(f)) == 0;
		ok = fclose(f) == 0 && ok;
		if (ok && rename(new, path) == 0)
			return true;
	}
	snprintf(why, WHY, "cannot store its size in %.128s: %s; see --state", folder, strerror(errno));
	return false;
}

/* Lines of a file without their ends. False when it is not one of ours. */
static bool read_stored(const char *uuid, char *place, int place_size, struct stored *vm)
{
	char path[PATH_MAX], kib[NUM_MAX];
	FILE *f;
	bool ok;

	file_of(uuid, path);
	f = fopen(path, "r");
	if (!f)
		return false;
	ok = fgets(kib, sizeof(kib), f) && fgets(place, place_size, f) && fgets(vm->name, sizeof(vm->name), f);
	fclose(f);
	if (!ok)
		return false;
	place[strcspn(place, "\n")] = vm->name[strcspn(vm->name, "\n")] = '\0';
	snprintf(vm->uuid, sizeof(vm->uuid), "%s", uuid);
	return num_u64(kib, strcspn(kib, "\n"), &vm->original_kib) == NUM_OK;
}

void store_each(const char *place, store_visit *visit, void *context)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	struct stored vm;
	char its_place[PATH_MAX];

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || strlen(entry->d_name) != UUID_TEXT - 1)
			continue;
		if (!read_stored(entry->d_name, its_place, sizeof(its_place), &vm))
			warn("%s/%s: not a stored size; left alone", folder, entry->d_name);
		else if (strcmp(its_place, place) == 0)
			visit(context, &vm);
	}
	closedir(dir);
}

struct other {
	const char *name, *uuid;
	bool found;
};

static void compare(void *context, const struct stored *vm)
{
	struct other *other = context;

	if (strcmp(vm->name, other->name) == 0 && strcmp(vm->uuid, other->uuid) != 0)
		other->found = true;
}

bool store_has_other(const char *name, const char *uuid, const char *place)
{
	struct other other = { name, uuid, false };

	store_each(place, compare, &other);
	return other.found;
}

void store_forget(const char *uuid)
{
	char path[PATH_MAX];

	file_of(uuid, path);
	if (unlink(path) < 0)
		warn("cannot remove %s: %s", path, strerror(errno));
}
