/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QEMU's monitor by a socket that it was given with -qmp unix:PATH,server=on. It serves one client at a time. */
#include "monitor.h"

#include "diag.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { ANSWER_SECONDS = 5, ANSWER_MAX = 16 << 20 };

struct socket_monitor {
	struct monitor monitor;
	int fd;
	char *text;        /* received, from the begin of a line */
	size_t n, size;
};

/* The next line, caller frees; NULL: none came. */
static char *next_line(struct socket_monitor *s)
{
	for (;;) {
		char *end = s->n ? memchr(s->text, '\n', s->n) : NULL;
		ssize_t got;

		if (end) {
			char *line = or_die(strndup(s->text, (size_t)(end - s->text)));

			s->n -= (size_t)(end + 1 - s->text);
			memmove(s->text, end + 1, s->n);
			return line;
		}
		if (s->n == s->size) {
			if (s->size == ANSWER_MAX)
				return NULL;
			s->size = s->size ? 2 * s->size : 4096;
			s->text = or_die(realloc(s->text, s->size));
		}
		do
			got = recv(s->fd, s->text + s->n, s->size - s->n, 0);
		while (got < 0 && errno == EINTR);
		if (got <= 0)
			return NULL;
		s->n += (size_t)got;
	}
}

/* The next line that has one of these members: events come in between. */
static char *next_with(struct socket_monitor *s, const char *one, const char *other)
{
	char *line;

	while ((line = next_line(s))) {
		if (json_member(line, one) || json_member(line, other))
			return line;
		free(line);
	}
	return NULL;
}

static char *ask(struct monitor *m, const char *command)
{
	struct socket_monitor *s = (struct socket_monitor *)m;
	size_t n = strlen(command);

	if (s->fd < 0)
		return NULL;
	if (send(s->fd, command, n, MSG_NOSIGNAL) == (ssize_t)n && send(s->fd, "\n", 1, MSG_NOSIGNAL) == 1) {
		char *answer = next_with(s, "return", "error");

		if (answer)
			return answer;
	}
	/* A late answer would be taken for that to another question. */
	close(s->fd);
	s->fd = -1;
	return NULL;
}

static void socket_close(struct monitor *m)
{
	struct socket_monitor *s = (struct socket_monitor *)m;

	if (s->fd >= 0)
		close(s->fd);
	free(s->text);
	free(s);
}

static bool connect_to(struct socket_monitor *s, const char *path, struct failure *failure)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = ANSWER_SECONDS };
	struct ucred peer;
	socklen_t size = sizeof(peer);

	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (strlen(path) >= sizeof(address.sun_path)) {
		failure_set(failure, EX_USAGE, "the path is too long for a socket");
		return false;
	}
	memcpy(address.sun_path, path, strlen(path));
	if (s->fd < 0 || setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
	    setsockopt(s->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
	    connect(s->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    getsockopt(s->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) {
		failure_set(failure, errno == ENOENT ? EX_NOINPUT : errno == EACCES ? EX_NOPERM : EX_UNAVAILABLE,
			    "no QEMU answers here: %s", strerror(errno));
		return false;
	}
	s->monitor.pid = peer.pid;
	return true;
}

struct monitor *monitor_socket(const char *path, struct failure *failure)
{
	struct socket_monitor *s = or_die(calloc(1, sizeof(*s)));
	char *greeting = NULL, *answer = NULL;

	failure->code = 0;
	s->monitor.ask = ask;
	s->monitor.close = socket_close;
	s->fd = -1;
	if (connect_to(s, path, failure)) {
		greeting = next_with(s, "QMP", "error");
		if (greeting)
			answer = ask(&s->monitor, "{\"execute\":\"qmp_capabilities\"}");
		if (!answer || !json_member(answer, "return"))
			failure_set(failure, EX_UNAVAILABLE, "no greeting from QEMU; another program may hold its monitor");
	}
	free(greeting);
	if (!failure->code) {
		free(answer);
		answer = ask(&s->monitor, "{\"execute\":\"query-name\"}");
		if (!answer || !json_text(json_member(json_member(answer, "return"), "name"), s->monitor.name, sizeof(s->monitor.name)))
			*s->monitor.name = '\0';
	}
	free(answer);
	if (!failure->code)
		return &s->monitor;
	socket_close(&s->monitor);
	return NULL;
}
