/* SPDX-License-Identifier: GPL-2.0-or-later */
/* refusals - what a target that follows all domains has told of those that it cannot trace: each reason once. */
#ifndef WSS_REFUSALS_H
#define WSS_REFUSALS_H

#include <stdbool.h>
#include <stddef.h>

enum { REFUSAL_ID = 40, REFUSAL_TEXT = 320 };

struct refusal {
	char id[REFUSAL_ID];
	char text[REFUSAL_TEXT];
};

/* Zeroed at first. */
struct refusals {
	struct refusal *told, *now; /* in the last look, in this one */
	size_t n_told, n_now;
};

/* Notes that the domain of that UUID is refused in this look; true: it was not in the last one, so people shall know. */
bool refusals_add(struct refusals *, const char *id, const char *text);
/* This look is over. What it did not refuse is forgotten. */
void refusals_turn(struct refusals *);
void refusals_release(struct refusals *);

#endif
