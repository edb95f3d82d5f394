/* SPDX-License-Identifier: GPL-2.0-or-later */
/* records - reads records of any kind and writes them again: the reader and the writer by themselves, as a filter. */
#include "common/diag.h"
#include "common/opt.h"
#include "common/record.h"
#include "common/tool.h"

#include <stdlib.h>
#include <string.h>

static struct {
	const char *kind;
	bool slow, flush;
} cfg;

static const struct opt opts[] = {
	{ 'k', "kind", "KIND", "accept this kind only", OPT_TEXT, &cfg.kind, 0, 0 },
	{ 's', "slow", NULL, "read all lines by libcsv", OPT_FLAG, &cfg.slow, 0, 0 },
	{ 'f', "flush", NULL, "send each row at once", OPT_FLAG, &cfg.flush, 0, 0 },
	{ 0, NULL, NULL, NULL, OPT_FLAG, NULL, 0, 0 },
};

static const struct usage usage = {
	.synopsis = "[OPTION]... [FILE]...",
	.purpose = "Reads records of any kind and writes them again.",
	.opts = opts,
	.examples = "  records -P trace.gz\n",
};

static unsigned accepted(const char *kind)
{
	for (size_t i = 0; i < REC_KINDS; i++)
		if (kind && strcmp(rec_decl[i].name, kind) == 0)
			return 1u << i;
	if (kind)
		opt_die("no kind '%s'", kind);
	return (1u << REC_KINDS) - 1;
}

int main(int argc, char **argv)
{
	union rec row;

	tool_init("records", TOOL_FILTER);
	int first = opt_parse(argc, argv, &usage);

	rec_fast_lane = !cfg.slow;
	struct rec_in *in = rec_open(argv + first, argc - first, accepted(cfg.kind));
	struct rec_out *out = rec_create(rec_in_kind(in));

	rec_flush_before_wait(in, out);
	while (rec_next(in, &row)) {
		rec_put(out, &row);
		if (cfg.flush)
			rec_flush(out);
	}
	rec_close(out);
	rec_in_close(in);
	return tool_finish();
}
