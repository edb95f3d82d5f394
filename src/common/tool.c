/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tool.h"

#include "diag.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct tool tool = { .name = "wss" };
volatile sig_atomic_t tool_stop;

static int stop_pipe[2] = { -1, -1 };
static bool reader_gone;
static volatile sig_atomic_t signals_seen;
static volatile sig_atomic_t sigint_is_for_source;

static void on_signal(int sig)
{
	int saved = errno;

	if (sig == SIGINT && sigint_is_for_source) {
		sigint_is_for_source = 0;
		return;
	}
	if (sig != SIGHUP && signals_seen++ > 0) {
		signal(sig, SIG_DFL);
		raise(sig);
	}
	tool_stop = 1;
	if (write(stop_pipe[1], "", 1) < 0) {
		/* full: somebody was told already */
	}
	errno = saved;
}

void tool_init(const char *name, enum tool_role role)
{
	struct sigaction action = { .sa_handler = on_signal }, hangup;
	struct stat st;

	tool.name = name;
	/*
	 * A file opened later must not become descriptor 0, 1 or 2 and be taken for a stream. What stands in for a closed
	 * one gives an error when it is used: opened for the other direction.
	 */
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			die(EX_OSERR, "cannot open /dev/null");
	if (pipe2(stop_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		die_errno(EX_OSERR, "cannot make a pipe");
	signal(SIGPIPE, role == TOOL_SOURCE ? SIG_IGN : SIG_DFL);
	if (role == TOOL_FILTER) {
		bool piped = fstat(STDIN_FILENO, &st) == 0 && S_ISFIFO(st.st_mode);

		sigint_is_for_source = piped;
		if (!piped) { /* a file or a terminal: Ctrl-C means us */
			sigaction(SIGTERM, &action, NULL);
			return;
		}
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	/* nohup(1) ignores it */
	if (role == TOOL_SOURCE && sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &action, NULL);
}

int tool_stop_fd(void)
{
	return stop_pipe[0];
}

void tool_reader_gone(void)
{
	reader_gone = true;
	tool_stop = 1;
}

int tool_finish(void)
{
	if (reader_gone) {
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	if (fflush(stdout) != 0 || ferror(stdout))
		die_errno(EX_IOERR, "cannot write standard output");
	return EX_OK;
}
