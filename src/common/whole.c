/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "whole.h"

#include "diag.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return fsync(fd) == 0;
}

void whole_write(const char *path, const char *text, size_t len)
{
	char beside[PATH_MAX];
	mode_t mask = umask(0);
	int fd, error;

	umask(mask);
	if (snprintf(beside, sizeof(beside), "%s.tmp-XXXXXX", path) >= (int)sizeof(beside))
		die(EX_IOERR, "cannot write %.64s...: name too long", path);
	fd = mkstemp(beside);
	if (fd < 0)
		die_errno(errno == EACCES ? EX_NOPERM : EX_IOERR, "cannot write %s", path);
	if (write_all(fd, text, len) && fchmod(fd, 0666 & ~mask) == 0 && close(fd) == 0 && rename(beside, path) == 0)
		return;
	error = errno;
	unlink(beside);
	errno = error;
	die_errno(EX_IOERR, "cannot write %s", path);
}
