/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refusals.h"

#include "diag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool refusals_add(struct refusals *refusals, const char *id, const char *text)
{
	struct refusal *added;

	refusals->now = or_die(reallocarray(refusals->now, refusals->n_now + 1, sizeof(*refusals->now)));
	added = &refusals->now[refusals->n_now++];
	snprintf(added->id, sizeof(added->id), "%s", id);
	snprintf(added->text, sizeof(added->text), "%s", text);
	for (size_t i = 0; i < refusals->n_told; i++)
		if (strcmp(refusals->told[i].id, added->id) == 0 && strcmp(refusals->told[i].text, added->text) == 0)
			return false;
	return true;
}

void refusals_turn(struct refusals *refusals)
{
	free(refusals->told);
	refusals->told = refusals->now;
	refusals->n_told = refusals->n_now;
	refusals->now = NULL;
	refusals->n_now = 0;
}

void refusals_release(struct refusals *refusals)
{
	free(refusals->told);
	free(refusals->now);
	*refusals = (struct refusals){ 0 };
}
