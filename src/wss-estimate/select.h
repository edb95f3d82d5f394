/* SPDX-License-Identifier: GPL-2.0-or-later */
/* select - the methods a user asked for with -m NAME[:PARAMETERS]. */
#ifndef WSS_SELECT_H
#define WSS_SELECT_H

#include "method.h"

struct selected {
	const struct method *method;
	const char *text;      /* as given: the method column */
	uint64_t value[METHOD_PARAMETERS_MAX];
	const char *const *counters; /* those it wants, NULL at the end; NULL: none */
	void *opened;          /* the file of a method that is made from one */
};

/* Reads one -m. Dies (EX_USAGE) naming the method and the parameter. */
struct selected select_method(const char *text);

void select_release(struct selected *selected);

/* --methods: prints what there is. */
void select_list(void);

#endif
