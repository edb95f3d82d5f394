/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wss-load - touch memory by a known schedule, and say what was touched. */
#include "clock.h"
#include "diag.h"
#include "num.h"
#include "opt.h"
#include "record.h"
#include "schedule.h"
#include "tool.h"
#include "area.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Touches that are due are gathered for so long. */
enum { BATCH_NS = NS_PER_MS };

static struct {
	uint64_t period_ns, periods, for_ns, rounds, seed;
	const char *name, *huge, *frames;
	struct opt_list also;
	bool virtual_time, list;
} cfg = { .period_ns = NS_PER_S, .seed = 1, .name = "wss-load", .huge = "never" };

static const struct opt opts[] = {
	{ 'p', "period", "TIME", "length of a window", OPT_NS, &cfg.period_ns, NS_PER_MS, 24 * 3600 * (uint64_t)NS_PER_S },
	{ 'n', "periods", "N", "end after N windows", OPT_U64, &cfg.periods, 1, 0 },
	{ 'f', "for", "TIME", "end after TIME", OPT_NS, &cfg.for_ns, 1, 0 },
	{ 0, "rounds", "N", "end when the schedule was done N times", OPT_U64, &cfg.rounds, 1, 0 },
	{ 0, "also", "SCHEDULE", "at the same time, on memory of its own; may be repeated", OPT_LIST, &cfg.also, 0, 0 },
	{ 0, "seed", "N", "of what is drawn by chance", OPT_U64, &cfg.seed, 0, 0 },
	{ 0, "name", "NAME", "what the vm column says; default wss-load", OPT_TEXT, &cfg.name, 0, 0 },
	{ 0, "huge", "WHEN", "huge pages: never (the default) or madvise", OPT_TEXT, &cfg.huge, 0, 0 },
	{ 0, "virtual", NULL, "touch nothing; tell the truth of the schedule, in virtual time from 0", OPT_FLAG, &cfg.virtual_time, 0, 0 },
	{ 0, "frames", "FILE", "at the end, list the pages and their frame numbers in FILE", OPT_TEXT, &cfg.frames, 0, 0 },
	{ 0, "list", NULL, "show the schedules that have names", OPT_FLAG, &cfg.list, 0, 0 },
	{ 0, NULL, NULL, NULL, OPT_FLAG, NULL, 0, 0 },
};

static const struct usage usage = {
	.synopsis = "[OPTION]... SCHEDULE",
	.purpose = "Touch memory by a known schedule, and say what was touched.",
	.opts = opts,
	.examples = "  wss-load two-phase > truth.gz         150 MB for a minute, then 300 MB, and so on\n"
		    "  wss-load -P 1s:1000w,1s:1000r         1000 pages written in one second, read in the next\n"
		    "  wss-load constant --also=1s:51200r    writes 300 MB while it reads 200 MB\n"
		    "  wss-load --virtual -n 120 two-phase   the truth of what wss-trace -s model:two-phase shows\n",
};

/* A schedule at work. */
struct load {
	struct schedule schedule;
	struct schedule_cursor cursor;
	struct area area;
};

static struct load *loads;
static size_t load_count;
static uint64_t start_ns; /* of the first window */
static uint64_t virtual_ns; /* with --virtual: what time it is */

static uint64_t now(void)
{
	return cfg.virtual_time ? virtual_ns : clock_now_ns();
}

static int list_schedules(void)
{
	for (const char *const *name = schedule_names(); *name; name++) {
		const char *text = strchr(*name, '\t') + 1, *meaning = strchr(text, '\t') + 1;

		printf("%-13.*s %s\n%-13s %.*s\n", (int)(text - *name - 1), *name, meaning, "",
		       (int)(meaning - text - 1), text);
	}
	return tool_finish();
}

/* `what` names the text in the message. */
static void load_open(const char *what, const char *text)
{
	struct load *load = &loads[load_count];
	char error[SCHEDULE_ERROR_MAX];

	if (!schedule_parse(&load->schedule, text, error))
		opt_die("%s: %s", what, error);
	schedule_begin(&load->cursor, &load->schedule, cfg.seed + load_count);
	load_count++;
}

/* When the last window ends, since the start. */
static uint64_t end_of_work_ns(void)
{
	uint64_t end_ns = UINT64_MAX;

	if (cfg.periods)
		end_ns = num_mul(cfg.periods, cfg.period_ns);
	if (cfg.for_ns && cfg.for_ns < end_ns)
		end_ns = cfg.for_ns;
	if (cfg.rounds && num_mul(cfg.rounds, loads[0].schedule.length_ns) < end_ns)
		end_ns = cfg.rounds * loads[0].schedule.length_ns;
	return end_ns;
}

/* Does what is due before until_ns; returns when the next touch is. */
static uint64_t catch_up(uint64_t until_ns)
{
	uint64_t next_ns = UINT64_MAX;

	for (size_t i = 0; i < load_count; i++) {
		struct touch touch;

		while (!tool_stop && schedule_next(&loads[i].cursor, until_ns, &touch))
			area_touch(&loads[i].area, &touch);
		if (schedule_next_ns(&loads[i].cursor) < next_ns)
			next_ns = schedule_next_ns(&loads[i].cursor);
	}
	return next_ns;
}

/* Works until end_ns since the start, and until all that is due before is done. False when stopped. */
static bool work_until(uint64_t end_ns)
{
	if (cfg.virtual_time) {
		virtual_ns = end_ns;
		catch_up(end_ns);
		return !tool_stop;
	}
	for (;;) {
		uint64_t now_ns = clock_now_ns() - start_ns;

		if (now_ns > end_ns)
			now_ns = end_ns;
		uint64_t wake_ns = catch_up(now_ns);

		if (tool_stop)
			return false;
		if (now_ns == end_ns)
			return true;
		if (wake_ns < now_ns + BATCH_NS)
			wake_ns = now_ns + BATCH_NS;
		if (wake_ns > end_ns)
			wake_ns = end_ns;
		if (!clock_sleep_until(start_ns + wake_ns))
			return false;
	}
}

/* Adds up what the loads did since last_ns, and begins a new window. */
static uint64_t put_truth(struct rec_out *out, uint64_t last_ns)
{
	struct rec_truth row = { .t_ns = now(), .vm = rec_intern(cfg.name, strlen(cfg.name)) };

	row.window_ns = row.t_ns - last_ns;
	for (size_t i = 0; i < load_count; i++) {
		row.set_kib += schedule_set_pages(&loads[i].cursor) * KIB_PER_PAGE;
		row.touched_kib += loads[i].area.touched_pages * KIB_PER_PAGE;
		row.written_kib += loads[i].area.written_pages * KIB_PER_PAGE;
		area_new_window(&loads[i].area);
	}
	rec_put(out, &row);
	if (!cfg.virtual_time)
		rec_flush(out);
	return row.t_ns;
}

/* The file for --frames, made before the work begins; NULL without. */
static FILE *open_frames(void)
{
	FILE *file = cfg.frames ? fopen(cfg.frames, "we") : NULL;

	if (cfg.frames && !file)
		die_errno(errno == EACCES ? EX_NOPERM : EX_IOERR, "%s: cannot make this file", cfg.frames);
	return file;
}

static void write_frames(FILE *file)
{
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t known = 0;

	fputs("t_ns,vaddr_page,pfn,written\n", file);
	for (size_t i = 0; i < load_count; i++)
		known += area_list_frames(&loads[i].area, file, clock_now_ns(), pagemap);
	if (known == 0)
		warn("%s: no frame numbers: /proc/self/pagemap tells them to root only", cfg.frames);
	if (pagemap >= 0)
		close(pagemap);
	if (ferror(file) || fclose(file) != 0)
		die_errno(EX_IOERR, "%s: cannot write", cfg.frames);
}

static enum area_memory kind_of_memory(void)
{
	return cfg.virtual_time ? AREA_NONE : strcmp(cfg.huge, "madvise") == 0 ? AREA_HUGE : AREA_SMALL;
}

static void check_virtual(void)
{
	if (cfg.virtual_time && cfg.frames)
		opt_die("--virtual: has no frames");
	if (cfg.virtual_time && !cfg.periods && !cfg.for_ns && !cfg.rounds)
		opt_die("--virtual: needs an end: --periods, --for or --rounds");
}

int main(int argc, char **argv)
{
	tool_init("wss-load", TOOL_SOURCE);
	int first = opt_parse(argc, argv, &usage);

	if (cfg.list)
		return list_schedules();
	if (argc - first != 1)
		opt_die(argc == first ? "no schedule" : "more than one schedule: use --also");
	if (strcmp(cfg.huge, "never") != 0 && strcmp(cfg.huge, "madvise") != 0)
		opt_die("--huge: bad value '%.32s': need never or madvise", cfg.huge);
	if (cfg.name[0] == '\0' || strlen(cfg.name) > TEXT_FIELD_MAX)
		opt_die("--name: need 1 to %d bytes", TEXT_FIELD_MAX);

	check_virtual();
	loads = or_die(calloc(1 + cfg.also.n, sizeof(*loads)));
	load_open("SCHEDULE", argv[first]);
	for (size_t i = 0; i < cfg.also.n; i++)
		load_open("--also", cfg.also.item[i]);

	FILE *frames = open_frames();
	struct rec_out *out = rec_create(REC_truth);

	for (size_t i = 0; i < load_count; i++) {
		area_map(&loads[i].area, loads[i].schedule.pages, kind_of_memory());
		area_populate(&loads[i].area, &loads[i].schedule);
	}
	start_ns = now();

	uint64_t limit_ns = end_of_work_ns(), t_ns = start_ns;

	for (uint64_t end_ns = 0; end_ns < limit_ns;) {
		end_ns = limit_ns - end_ns > cfg.period_ns ? end_ns + cfg.period_ns : limit_ns;
		if (!work_until(end_ns))
			break;
		t_ns = put_truth(out, t_ns);
	}
	if (frames)
		write_frames(frames);
	for (size_t i = 0; i < load_count; i++)
		area_release(&loads[i].area);
	free(loads);
	free(cfg.also.item);
	rec_close(out);
	return tool_finish();
}
