/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source-replay - a recorded stream of events, row by row as it was recorded. */
#include "source.h"

#include "diag.h"
#include "vms.h"

#include <stdlib.h>
#include <unistd.h>

struct replay {
	struct rec_in *in;
	char *file;
	struct vms vms;      /* of each: uint64_t t_ns of the row before */
	uint64_t first_ns;   /* t_ns of the first row; UNKNOWN before */
};

static void replay_probe(const struct target *target, struct probe *probe)
{
	snprintf(probe->name, sizeof(probe->name), "as recorded");
	snprintf(probe->how, sizeof(probe->how), "the rows of a file, as they were recorded");
	snprintf(probe->intrusive, sizeof(probe->intrusive), "touches nothing");
	if (target->spec && strcmp(target->spec, "-") != 0 && access(target->spec, R_OK) != 0) {
		snprintf(probe->cannot, sizeof(probe->cannot), "cannot be read");
		probe->cannot_code = EX_NOINPUT;
	}
}

static void replay_open(struct target *target)
{
	static const char *const keys[] = { NULL };
	struct replay *replay = or_die(calloc(1, sizeof(*replay)));

	target_check_options(target, keys);
	replay->file = or_die(strdup(target->spec));
	replay->in = rec_open(&replay->file, 1, ACCEPT(event));
	replay->vms.state_size = sizeof(uint64_t);
	replay->first_ns = UNKNOWN;
	target->state = replay;
	target_name(target, target->spec);
}

/* The rows up to the next tick of any VM. */
static uint64_t replay_collect(struct target *target)
{
	struct replay *replay = target->state;
	struct rec_event row;

	while (rec_next(replay->in, &row)) {
		vms_check_time(replay->in, row.vm, vms_get(&replay->vms, row.vm, NULL), row.t_ns);
		if (replay->first_ns == UNKNOWN)
			replay->first_ns = row.t_ns;
		emit_row(&row);
		if (row.event == event_tick) {
			target->due_ns = row.t_ns > replay->first_ns ? row.t_ns - replay->first_ns : 0;
			target->period_ns = 0; /* due_ns is set anew each time */
			return 0;
		}
	}
	target_end(target, "end of the recording");
	return 0;
}

static void replay_close(struct target *target)
{
	struct replay *replay = target->state;

	rec_in_close(replay->in);
	vms_release(&replay->vms);
	free(replay->file);
	free(replay);
}

const struct source source_replay = {
	.name = "replay",
	.spec_help = "FILE",
	.help = "a recorded stream",
	.virtual_time = true,
	.own_rows = true,
	.probe = replay_probe,
	.open = replay_open,
	.collect = replay_collect,
	.close = replay_close,
};
