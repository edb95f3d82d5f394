/* SPDX-License-Identifier: GPL-2.0-or-later */
/* failure - why something cannot be done, for callers that go on or add to it: an exit code, and a line for people. */
#ifndef WSS_FAILURE_H
#define WSS_FAILURE_H

struct failure {
	int code;
	char text[320];
};

void failure_set(struct failure *, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
