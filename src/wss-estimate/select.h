/* SPDX-License-Identifier: GPL-2.0-or-later */
/* select - the methods a user asked for with -m NAME[:PARAMETERS]. */
#ifndef WSS_SELECT_H
#define WSS_SELECT_H

#include "method.h"

struct selected {
	const struct method *method;
	const char *text;      /* as given: the method column */
	uint64_t value[METHOD_PARAMETERS_MAX];
};

/* Reads one -m. Dies (EX_USAGE) naming the method and the parameter. */
struct selected select_method(const char *text);

/* --methods: prints what there is. */
void select_list(void);

#endif
