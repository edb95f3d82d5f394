# SPDX-License-Identifier: GPL-2.0-or-later
# The source `xen` where there is no Xen: that is told, and how. What it does on Xen is in beds/xen.bats.
load helper

need_xen_source() {
	wss-trace | grep -A1 ' xen:DOMAIN' | grep -q 'not built' && cannot 'built without libxen-dev'
	[ ! -e /proc/xen ] || cannot 'this is a Xen host'
}

none='no Xen here; needs the control domain (dom0) of a Xen host'

@test "xen: no Xen is 69, in the list, as a target, with --probe, --release and --enable" {
	need_xen_source
	run --separate-stderr -0 wss-trace
	grep -A1 '^not here *xen:DOMAIN ' <<<"$output" | grep -qx " *$none"
	run --separate-stderr -69 wss-trace -s xen:web -n 1 -o t.gz
	stderr_is "wss-trace: xen:web: $none"
	run --separate-stderr -69 wss-trace -s xen:all -n 1 -o t.gz
	stderr_is "wss-trace: xen:all: $none"
	local option
	for option in probe release enable; do
		run --separate-stderr -69 wss-trace --$option xen:web
		stderr_is "wss-trace: xen:web: $none"
		is "$output" ''
	done
}

@test "xen: no permission is 77, an unknown option 64" {
	need_xen_source
	# As if there were the device, for others.
	run --separate-stderr -77 strace -qq -o trace -P /dev/xen/privcmd -e inject=openat:error=EACCES wss-trace -s xen:web -n 1 -o t.gz
	stderr_is 'wss-trace: xen:web: /dev/xen/privcmd: Permission denied; needs root'
	grep -q INJECTED trace
	run --separate-stderr -64 wss-trace -s xen:web?mechanism=uffd -n 1 -o t.gz
	stderr_is "wss-trace: -s xen: unknown option 'mechanism=uffd'; try 'wss-trace --help'"
	run --separate-stderr -64 wss-trace --probe xen:web?x=1
	stderr_is "wss-trace: -s xen: unknown option 'x=1'; try 'wss-trace --help'"
}

@test "wss-trace: --enable of a source that leaves nothing on is 64" {
	run --separate-stderr -64 wss-trace --enable model:1s:10w
	stderr_is "wss-trace: --enable: source model has no log that can be left on; try 'wss-trace --help'"
}
