/* SPDX-License-Identifier: GPL-2.0-or-later */
/* counter - the counters that vm-counters knows (counter.def): what kind of number each is, and whose. */
#ifndef WSS_COUNTER_H
#define WSS_COUNTER_H

#include <stddef.h>

struct counter_decl {
	const char *name;
	enum { COUNTER_LEVEL, COUNTER_COUNT } kind; /* what is now; or counted up since some beginning: differences matter */
	enum { COUNTER_GUEST, COUNTER_HOST } side;  /* the guest's system knows it; or who runs the guest does */
	const char *unit, *help;
};

/* In the order of counter.def. */
extern const struct counter_decl counter_table[];
extern const size_t counter_total;

/* NULL: no such counter. */
const struct counter_decl *counter_find(const char *name, size_t len);

#endif
