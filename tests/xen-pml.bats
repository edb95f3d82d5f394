# SPDX-License-Identifier: GPL-2.0-or-later
# The source `xen-pml` where there is no Xen; tests/beds/xen-pml.bats has the rest.
load helper

need_xen_source() {
	wss-trace | grep -A1 ' xen-pml:DOMAIN' | grep -q 'not built' && cannot 'built without libxen-dev'
	[ ! -e /proc/xen ] || cannot 'this is a Xen host'
}

# patched FILE: what the series of patches makes of a file that it brings.
patched() {
	local patch
	while read -r patch; do
		awk -v file="$1" '/^diff --git / { there = $3 == "a/" file } there' "$TOP/hv-patches/xen-4.17/$patch"
	done <"$TOP/hv-patches/xen-4.17/series" >series.patch
	patch -sp1 <series.patch
	cat "$1"
}

@test "xen-pml: the patches and wss-trace mean the same interface" {
	patched xen/include/public/pml-domctl.h >header
	same header "$TOP/src/wss-trace/xen/pml-domctl.h"
}

@test "xen-pml: bad options are told" {
	need_xen_source
	run --separate-stderr -64 wss-trace -P -s 'xen-pml:one?buffers=3'
	stderr_is "wss-trace: -s xen-pml: buffers: '3' is too large: at most 2; try 'wss-trace --help'"
	run --separate-stderr -64 wss-trace -P -s 'xen-pml:one?entries=0'
	run --separate-stderr -64 wss-trace -P -s 'xen-pml:one?bufers=1'
	stderr_is "wss-trace: -s xen-pml: unknown option 'bufers=1'; try 'wss-trace --help'"
}

@test "xen-pml: without Xen it says what it needs" {
	need_xen_source
	run --separate-stderr -69 wss-trace -P -s xen-pml:one
	stderr_is 'wss-trace: xen-pml:one: no Xen here; needs the control domain (dom0) of a Xen host'
}
