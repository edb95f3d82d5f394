/* SPDX-License-Identifier: GPL-2.0-or-later */
/* selftest - tries a mechanism of track.h on a child of ours: versions and files say too little of a kernel. */
#ifndef WSS_SELFTEST_H
#define WSS_SELFTEST_H

#include <stdint.h>

struct selftest {
	uint64_t cost_ns;      /* a first write to a watched page costs so much more */
	char cannot[120];      /* why it does not work, and what would help; empty = it works */
};

/* Done once, and remembered. */
const struct selftest *selftest_uffd(void);
const struct selftest *selftest_soft_dirty(void);
/* Only says whether the kernel has it: nothing here uses it. */
const struct selftest *selftest_idle(void);

#endif
