/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gzio.h"

#include "diag.h"
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ZLIB_CONST
#include <zlib.h>

enum {
	MEMBER_TEXT = 256 << 10,
	TEXT_MAX = MEMBER_TEXT + GZ_LINE_MAX,
	LEVEL = 1,        /* level 6 takes four times as long for 9 % less */
	GZIP_BITS = 15 + 16,
	PIPE_SIZE = 1 << 20,
	READ_SIZE = 64 << 10,
	WINDOW_TEXT = 256 << 10,
};

/* ---- out ---- */

struct gzout {
	int fd;
	const char *name;
	bool plain, closed;
	char *text;      /* lines of the member to come */
	size_t n;
	z_stream z;
	unsigned char *packed;
	size_t packed_size;
	struct gzout *next_open;
};

static struct gzout *open_outs; /* those that exit() must finish */
static bool exiting;

static void write_all(struct gzout *out, const void *data, size_t n)
{
	const char *at = data;

	while (n > 0) {
		ssize_t got = write(out->fd, at, n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN) { /* somebody we share the pipe with made it so */
			poll(&(struct pollfd){ .fd = out->fd, .events = POLLOUT }, 1, -1);
			continue;
		}
		if (got < 0) {
			out->closed = true;
			if (errno == EPIPE) {
				tool_reader_gone();
				return;
			}
			if (!exiting)
				die_errno(EX_IOERR, "cannot write %s", out->name);
			say("cannot write %s: %s", out->name, strerror(errno));
			_exit(EX_IOERR); /* a second exit() inside exit() is undefined */
		}
		at += got;
		n -= (size_t)got;
	}
}

void gzout_flush(struct gzout *out)
{
	if (out->n == 0)
		return;
	size_t n = out->n;

	out->n = 0; /* before anything can die: exit() comes here again */
	if (out->closed)
		return;
	if (out->plain) {
		write_all(out, out->text, n);
		return;
	}
	deflateReset(&out->z);
	out->z.next_in = (z_const Bytef *)out->text;
	out->z.avail_in = (uInt)n;
	out->z.next_out = out->packed;
	out->z.avail_out = (uInt)out->packed_size;
	if (deflate(&out->z, Z_FINISH) != Z_STREAM_END)
		bug("deflate did not finish");
	write_all(out, out->packed, out->packed_size - out->z.avail_out);
}

static void finish_open_outs(void)
{
	exiting = true;
	for (struct gzout *out = open_outs; out; out = out->next_open)
		gzout_flush(out);
}

/* Whether it is a file that we have open under another descriptor: one that is being read. */
static bool is_open_already(int fd)
{
	enum { DESCRIPTORS = 256 };
	struct stat st, other;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	for (int i = 0; i < DESCRIPTORS; i++)
		if (i != fd && fstat(i, &other) == 0 && other.st_dev == st.st_dev && other.st_ino == st.st_ino)
			return true;
	return false;
}

/* NULL: standard output. */
static struct gzout *open_gzout(const char *path)
{
	struct gzout *out = or_die(calloc(1, sizeof(*out)));

	out->fd = STDOUT_FILENO;
	out->name = "standard output";
	out->plain = tool.plain;
	if (path) {
		out->name = path;
		out->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
		if (out->fd < 0)
			die_errno(EX_IOERR, "cannot write %s", out->name);
		if (is_open_already(out->fd))
			die(EX_USAGE, "%s is input and output", out->name);
		if (ftruncate(out->fd, 0) < 0 && errno != EINVAL) /* EINVAL: no regular file */
			die_errno(EX_IOERR, "cannot write %s", out->name);
	}
	if (!out->plain && isatty(out->fd))
		die(EX_USAGE, "will not write gzip to a terminal; use -P, or -o FILE");
	fcntl(out->fd, F_SETPIPE_SZ, PIPE_SIZE); /* only a wish */
	out->text = or_die(malloc(TEXT_MAX));
	if (!out->plain) {
		if (deflateInit2(&out->z, LEVEL, Z_DEFLATED, GZIP_BITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
			die(EX_OSERR, "out of memory");
		out->packed_size = deflateBound(&out->z, TEXT_MAX);
		out->packed = or_die(malloc(out->packed_size));
	}
	if (!open_outs)
		atexit(finish_open_outs);
	out->next_open = open_outs;
	open_outs = out;
	return out;
}

struct gzout *gzout_open(void)
{
	return open_gzout(tool.output && strcmp(tool.output, "-") != 0 ? tool.output : NULL);
}

struct gzout *gzout_open_file(const char *path)
{
	return open_gzout(path);
}

char *gzout_room(struct gzout *out, size_t n)
{
	if (n > GZ_LINE_MAX)
		bug("line of %zu bytes", n);
	if (out->n >= MEMBER_TEXT)
		gzout_flush(out);
	return out->text + out->n;
}

void gzout_wrote(struct gzout *out, size_t n)
{
	out->n += n;
}

void gzout_close(struct gzout *out)
{
	struct gzout **link = &open_outs;

	gzout_flush(out);
	while (*link != out)
		link = &(*link)->next_open;
	*link = out->next_open;
	if (!out->plain)
		deflateEnd(&out->z);
	if (close(out->fd) < 0 && !out->closed)
		die_errno(EX_IOERR, "cannot write %s", out->name);
	free(out->packed);
	free(out->text);
	free(out);
}

/* ---- in ---- */

struct gzin {
	int fd;
	const char *name;
	bool aside;        /* never waited for */
	bool eof;          /* of the file */
	bool gzip, known;  /* which of the two, once seen */
	bool in_member;
	const char *bad;   /* what is wrong with the member, said when the text before it is used up */
	z_stream z;
	unsigned char raw[READ_SIZE];
	size_t raw_at, raw_n;
	char *text;        /* unread text: text[at..n), one byte of room behind it */
	size_t at, n, size;
	size_t searched;   /* text[at..searched) has no newline */
	bool nul;          /* there was a NUL byte somewhere: each line is searched for it */
	uint64_t line;
	void (*before_wait)(void *);
	void *context;
	char where[4200];
};

const char *gzin_name(const struct gzin *in)
{
	return in->name;
}

const char *gzin_where(struct gzin *in)
{
	snprintf(in->where, sizeof(in->where), "%s: line %" PRIu64, in->name, in->line);
	return in->where;
}

uint64_t gzin_line_number(const struct gzin *in)
{
	return in->line;
}

void gzin_before_wait(struct gzin *in, void (*before_wait)(void *), void *context)
{
	in->before_wait = before_wait;
	in->context = context;
}

static struct gzin *open_gzin(const char *name, bool aside)
{
	struct gzin *in = or_die(calloc(1, sizeof(*in)));

	in->name = name;
	in->aside = aside;
	if (strcmp(name, "-") == 0) {
		in->fd = STDIN_FILENO;
		in->name = "standard input";
	} else {
		in->fd = open(name, O_RDONLY | O_CLOEXEC | (aside ? O_NONBLOCK : 0));
		if (in->fd < 0)
			die_errno(errno == EACCES ? EX_NOPERM : EX_NOINPUT, "cannot read %s", name);
	}
	in->size = WINDOW_TEXT;
	in->text = or_die(malloc(in->size + 1));
	return in;
}

struct gzin *gzin_open(const char *name)
{
	return open_gzin(name, false);
}

struct gzin *gzin_open_aside(const char *name)
{
	return open_gzin(name, true);
}

/* Waits until there is input. False when the program shall stop instead, or this input is not waited for. */
static bool wait_for_input(struct gzin *in)
{
	struct pollfd fds[2] = { { .fd = in->fd, .events = POLLIN },
				 { .fd = tool_stop_fd(), .events = POLLIN } };

	if (poll(fds, 1, 0) == 1)
		return true;
	if (in->aside)
		return false;
	if (in->before_wait)
		in->before_wait(in->context);
	while (!tool_stop) {
		fds[0].revents = 0;
		if (poll(fds, 2, -1) > 0 && fds[0].revents)
			return true;
	}
	return false;
}

/* Puts more bytes of the file into raw. False at its end. */
static bool fill_raw(struct gzin *in)
{
	while (!in->eof) {
		if (!wait_for_input(in))
			return false;
		ssize_t got = read(in->fd, in->raw, sizeof(in->raw));

		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got < 0)
			die_errno(errno == EISDIR ? EX_NOINPUT : EX_IOERR, "cannot read %s", in->name);
		if (got == 0) {
			in->eof = !in->aside;
			break;
		}
		in->raw_at = 0;
		in->raw_n = (size_t)got;
		return true;
	}
	return false;
}

static _Noreturn void bad_gzip(struct gzin *in, const char *what)
{
	die(EX_DATAERR, "%s: after line %" PRIu64 ": bad gzip data: %s", in->name, in->line, what);
}

/*
 * Unpacks from raw to the end of text. False when raw is used up and gave nothing. When a member turns out to be bad, what
 * this call got from it is dropped, and the members before it are given out first.
 */
static bool unpack(struct gzin *in)
{
	size_t before = in->n, sure = in->n;

	if (in->bad)
		bad_gzip(in, in->bad);
	while (in->raw_at < in->raw_n && in->n < in->size) {
		if (!in->in_member) {
			int result = in->z.state ? inflateReset(&in->z) : inflateInit2(&in->z, GZIP_BITS);

			if (result != Z_OK)
				die(EX_OSERR, "out of memory");
			in->in_member = true;
			sure = in->n;
		}
		in->z.next_in = in->raw + in->raw_at;
		in->z.avail_in = (uInt)(in->raw_n - in->raw_at);
		in->z.next_out = (unsigned char *)in->text + in->n;
		in->z.avail_out = (uInt)(in->size - in->n);
		int result = inflate(&in->z, Z_NO_FLUSH);

		in->raw_at = in->raw_n - in->z.avail_in;
		in->n = in->size - in->z.avail_out;
		if (result == Z_STREAM_END) {
			in->in_member = false;
		} else if (result == Z_MEM_ERROR) {
			die(EX_OSERR, "out of memory");
		} else if (result != Z_OK && result != Z_BUF_ERROR) {
			in->bad = in->z.msg ? in->z.msg : "not a gzip member";
			in->n = sure;
			if (sure == before)
				bad_gzip(in, in->bad);
			break;
		}
	}
	return in->n > before;
}

static bool copy_plain(struct gzin *in)
{
	size_t room = in->size - in->n;
	size_t n = in->raw_n - in->raw_at;

	if (n > room)
		n = room;
	memcpy(in->text + in->n, in->raw + in->raw_at, n);
	in->raw_at += n;
	in->n += n;
	return n > 0;
}

/* Gets more text behind text[n). False at the end. */
static bool fill_text(struct gzin *in)
{
	/* Make room: move what is unread to the front, or grow when one line fills all. */
	if (in->at > 0) {
		memmove(in->text, in->text + in->at, in->n - in->at);
		in->n -= in->at;
		in->searched -= in->at;
		in->at = 0;
	}
	if (in->n == in->size) {
		in->size *= 2;
		in->text = or_die(realloc(in->text, in->size + 1));
	}
	size_t before = in->n;

	do {
		if (in->known && (in->gzip ? unpack(in) : copy_plain(in))) {
			in->nul = in->nul || memchr(in->text + before, '\0', in->n - before);
			return true;
		}
		if (in->known || in->raw_n == 0) {
			if (!fill_raw(in))
				break;
		}
		in->gzip = in->known ? in->gzip : in->raw[0] == 0x1f;
		in->known = true;
	} while (true);
	if (in->in_member && in->eof)
		bad_gzip(in, "cut off");
	return false;
}

bool gzin_line(struct gzin *in, char **line, size_t *len)
{
	char *newline;

	while (!(newline = memchr(in->text + in->searched, '\n', in->n - in->searched))) {
		in->searched = in->n;
		if (in->n - in->at >= GZ_LINE_MAX)
			die(EX_DATAERR, "%s: line %" PRIu64 ": longer than 1 MiB", in->name, in->line + 1);
		if (fill_text(in))
			continue;
		if (in->n > in->at && in->eof)
			die(EX_DATAERR, "%s: line %" PRIu64 ": cut off: no newline at the end", in->name,
			    in->line + 1);
		return false;
	}
	in->line++;
	*line = in->text + in->at;
	*len = (size_t)(newline - *line);
	if (*len >= GZ_LINE_MAX)
		die(EX_DATAERR, "%s: longer than 1 MiB", gzin_where(in));
	*newline = '\0';
	if (in->nul && memchr(*line, '\0', *len))
		die(EX_DATAERR, "%s: NUL byte", gzin_where(in));
	in->at = in->searched = (size_t)(newline - in->text) + 1;
	return true;
}

void gzin_close(struct gzin *in)
{
	if (in->z.state)
		inflateEnd(&in->z);
	if (in->fd != STDIN_FILENO)
		close(in->fd);
	free(in->text);
	free(in);
}
