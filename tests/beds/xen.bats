# SPDX-License-Identifier: GPL-2.0-or-later
# In the dom0 of Debian's Xen.
# bed: xen
load ../helper
load ../xen

@test "xen: a PVH guest runs wss-load and tells its frames" {
	xl list | grep -q '^Domain-0 '
	xen_load one -- 100ms:1000w*1
	is "$(xen_frames one | awk -F, 'NR > 1 && $4 == 1' | wc -l)" 1000
	xl list | grep -q '^one '
	xen_destroy one
	run ! xl domid one
}
