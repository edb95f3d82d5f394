/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "merge.h"

void merge(char *const *files, int n, struct rec_out *out)
{
	(void)files; (void)n; (void)out;
}
