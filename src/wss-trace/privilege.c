/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "privilege.h"

#include "diag.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

void privilege_keep(uint64_t capabilities)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct set[2] = { 0 };

	if (syscall(SYS_capget, &header, set) < 0)
		die_errno(EX_OSERR, "cannot read our capabilities");
	for (int i = 0; i < 2; i++) {
		set[i].permitted &= (uint32_t)(capabilities >> 32 * i);
		set[i].effective = set[i].permitted;
		set[i].inheritable = 0;
	}
	if (syscall(SYS_capset, &header, set) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		die_errno(EX_OSERR, "cannot give up capabilities");
}
