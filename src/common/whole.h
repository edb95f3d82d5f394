/* SPDX-License-Identifier: GPL-2.0-or-later */
/* whole - files that are written whole or not at all: whoever reads one, after a crash too, sees the old or the new one. */
#ifndef WSS_WHOLE_H
#define WSS_WHOLE_H

#include <stddef.h>

/* Puts the text beside `path`, on the disk, then in its place. Dies: EX_IOERR, EX_NOPERM. */
void whole_write(const char *path, const char *text, size_t len);

#endif
