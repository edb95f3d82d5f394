# SPDX-License-Identifier: GPL-2.0-or-later
# make demo where no guest can be run; with a guest it is run by hand and its output stands in README.md: each of its parts
# is tested in libvirt.bats and guest-balloon.bats.
load helper
# bats file_tags=slow,alone

demo() { # ON
	run --separate-stderr -0 env DEMO_ON="$1" DEMO_SECONDS=4 "$TOP/scripts/demo"
	# one line a second, the first may come before the truth
	between 3 "$(printf '%s\n' "$output" | grep -cE '^ +[0-9]+ +100 +(99|100) +[+-]0\.[0-9] +- +- ')" 4
	is "$(head -c 4 "$TOP/build/demo/demo.png" | tail -c 3)" PNG
}

@test "demo: on a tiny guest of our own the estimates are the truth" {
	wss-trace --probe microvm:1s:1w || cannot 'no usable /dev/kvm'
	demo microvm
	printf '%s\n' "$output" | grep -qE '^threshold:1 +4 +4 +0\.00 '
}

@test "demo: on a program of this machine" {
	wss-trace --probe "process:$$" || cannot 'processes cannot be traced'
	demo process
}

@test "demo: where a guest cannot be started it says so and goes on without" {
	wss-trace --probe microvm:1s:1w || cannot 'no usable /dev/kvm'
	# libvirt runs, but no guest can be defined
	mkdir stubs
	printf '#!/bin/sh\ncase "$*" in *define*) exit 1 ;; esac\nexec %s "$@"\n' "$(command -v virsh)" >stubs/virsh
	chmod +x stubs/virsh
	PATH=$PWD/stubs:$PATH demo ''
	printf '%s\n' "$stderr" | grep -qx 'demo: no guest can be run under libvirt here'
	[[ $stderr != *'swapped in'* ]]
}
