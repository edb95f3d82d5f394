/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reader-ssh - a Linux system that can be logged into. One ssh is kept running for each; its shell prints the files
 * whenever we send it an empty line, and ends when we do.
 */
#include "reader.h"
#include "system.h"

#include "diag.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MARK "==> " /* begins a line that names the file that follows, or is all of the line behind the last one */
enum { ANSWER_MAX = SYSTEM_FILES * SYSTEM_TEXT };

extern char **environ;

struct ssh {
	pid_t pid;
	int to, from;
	size_t len;
	char text[ANSWER_MAX];
};

static char *remote_command(void)
{
	char *command;
	size_t len;
	FILE *text = or_die(open_memstream(&command, &len));

	fputs("while read -r _; do for f in", text);
	for (size_t i = 0; i < SYSTEM_FILES; i++)
		fprintf(text, " %s", system_file[i].path);
	/* Where a kernel does without pressure figures, the file may be there and not be readable. */
	fputs("; do if c=$(cat /$f 2>/dev/null); then echo \"" MARK "$f\"; echo \"$c\"; fi; done;"
	      " echo '" MARK "'; done", text);
	fclose(text);
	return command;
}

static void make_pipe(int fd[2])
{
	if (pipe2(fd, O_CLOEXEC) < 0)
		die_errno(EX_OSERR, "cannot make a pipe");
}

/* In a process group of its own: Ctrl-C is for us, who end it in order. */
static int spawn_ssh(struct ssh *ssh, const char *host, int in, int out)
{
	char *command = remote_command();
	char *argv[] = { (char *)"ssh", (char *)"-T", (char *)"-oBatchMode=yes", (char *)"--", (char *)host, command,
			 NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t by_default;
	int error;

	sigemptyset(&by_default);
	sigaddset(&by_default, SIGPIPE);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigdefault(&attributes, &by_default);
	error = posix_spawnp(&ssh->pid, argv[0], &files, &attributes, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	free(command);
	return error;
}

static void ssh_open(struct target *target)
{
	struct ssh *ssh = or_die(calloc(1, sizeof(*ssh)));
	int questions[2], answers[2];

	target_name(target, target->spec);
	make_pipe(questions);
	make_pipe(answers);
	errno = spawn_ssh(ssh, target->spec, questions[0], answers[1]);
	if (errno)
		die_errno(EX_UNAVAILABLE, "ssh:%s: cannot start ssh", target->spec);
	close(questions[0]);
	close(answers[1]);
	ssh->to = questions[1];
	ssh->from = answers[0];
	fcntl(ssh->from, F_SETFL, O_NONBLOCK);
	target->state = ssh;
}

static enum answer ssh_read(struct target *target, struct sample *sample)
{
	struct ssh *ssh = target->state;

	(void)sample;
	ssh->len = 0;
	if (write(ssh->to, "\n", 1) != 1)
		return target_gone(target, "ssh ended");
	return ANSWER_LATER;
}

static void parse_answer(const struct ssh *ssh, struct sample *sample)
{
	const char *end = ssh->text + ssh->len;

	for (size_t i = 0; i < SYSTEM_FILES; i++) {
		char head[64];
		int len = snprintf(head, sizeof(head), MARK "%s\n", system_file[i].path);
		const char *from = memmem(ssh->text, ssh->len, head, (size_t)len);
		const char *to;

		if (!from)
			continue;
		from += len;
		to = memmem(from, (size_t)(end - from), "\n" MARK, 1 + strlen(MARK));
		if (!to)
			to = end;
		sample_parse(sample, system_file[i].format, system_file[i].prefix, from, (size_t)(to - from));
	}
}

static enum answer ssh_more(struct target *target, struct sample *sample)
{
	static const char last[] = "\n" MARK "\n";
	const size_t last_len = sizeof(last) - 1;
	struct ssh *ssh = target->state;
	ssize_t got = read(ssh->from, ssh->text + ssh->len, sizeof(ssh->text) - ssh->len);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? ANSWER_LATER : target_gone(target, "ssh gives no more");
	if (got == 0)
		return target_gone(target, ssh->len == sizeof(ssh->text) ? "it sends too much" : "ssh ended");
	ssh->len += (size_t)got;
	if (ssh->len < last_len || memcmp(ssh->text + ssh->len - last_len, last, last_len) != 0)
		return ANSWER_LATER;
	parse_answer(ssh, sample);
	return ANSWER_DONE;
}

static int ssh_fd(const struct target *target)
{
	return ((const struct ssh *)target->state)->from;
}

static void ssh_close(struct target *target)
{
	struct ssh *ssh = target->state;

	close(ssh->to);
	close(ssh->from);
	kill(ssh->pid, SIGTERM);
	waitpid(ssh->pid, NULL, 0);
	free(ssh);
}

const struct reader reader_ssh = {
	.name = "ssh",
	.spec_help = "HOST",
	.help = "a Linux guest or host, the same counters, through ssh",
	.system = true,
	.open = ssh_open,
	.read = ssh_read,
	.fd = ssh_fd,
	.more = ssh_more,
	.close = ssh_close,
};
