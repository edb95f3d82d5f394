/* SPDX-License-Identifier: GPL-2.0-or-later */
/* files - small files that the kernel writes anew whenever they are read: kept open, read from the start each time. */
#ifndef WSS_FILES_H
#define WSS_FILES_H

#include <stddef.h>
#include <sys/types.h>

/* -1 and errno. */
int files_open(const char *folder, const char *name);
/* Reads all of it, at most `size` bytes; -1 and errno. */
ssize_t files_read(int fd, char *to, size_t size);

#endif
