/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gzio - lines in and out of gzip or plain files, pipes included.
 *
 * Out: whole gzip members that hold whole lines, closed at 256 KiB of text or by gzout_flush(). A stream that is still
 * open when the program exits, after an error too, is finished by exit(3).
 * In: read(2) and inflate(); gzread() and gzgets() would wait on a live pipe for a full buffer. Plain text is recognised
 * by its first bytes. Members follow one another, as after `cat a.gz b.gz`.
 */
#ifndef WSS_GZIO_H
#define WSS_GZIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GZ_LINE_MAX = 1 << 20 }; /* bytes of a line, newline included */

struct gzout;

/*
 * Opens what tool.output names, else standard output, as gzip unless tool.plain. Dies: EX_USAGE for gzip to a terminal,
 * EX_IOERR when the file cannot be made.
 */
struct gzout *gzout_open(void);
/* A second output, to a file. */
struct gzout *gzout_open_file(const char *path);
/* Room for n bytes (at most GZ_LINE_MAX); what is written there counts after gzout_wrote(). */
char *gzout_room(struct gzout *, size_t n);
void gzout_wrote(struct gzout *, size_t n);
/* Sends what is there as a member. Dies on a write error (EX_IOERR); a reader that went away: tool_reader_gone(). */
void gzout_flush(struct gzout *);
void gzout_close(struct gzout *);

struct gzin;

/* "-" is standard input. `name` is kept, for messages. Dies: EX_NOINPUT, EX_NOPERM. */
struct gzin *gzin_open(const char *name);
/*
 * A second input, which nobody waits for: gzin_line() is false whenever nothing more has arrived, and may be called again
 * later. A pipe need not have a writer yet; what is cut off is taken for not yet written.
 */
struct gzin *gzin_open_aside(const char *name);
/*
 * The next line without its newline, NUL-terminated, until the next call. False at the end, and when tool_stop is set
 * and nothing more has arrived. Calls `before_wait` when it must wait for input, so that a filter sends what it has.
 * Dies with EX_DATAERR naming file and line: cut off, bad gzip data, NUL byte, line too long; EX_IOERR.
 */
bool gzin_line(struct gzin *, char **line, size_t *len);
void gzin_before_wait(struct gzin *, void (*before_wait)(void *), void *context);
/* "t.gz", and "t.gz: line 12", in a buffer of the gzin: for messages. */
const char *gzin_name(const struct gzin *);
const char *gzin_where(struct gzin *);
uint64_t gzin_line_number(const struct gzin *);
void gzin_close(struct gzin *);

#endif
