# SPDX-License-Identifier: GPL-2.0-or-later
# make demo where no guest can be run; with a guest it is run by hand and its output stands in README.md: each of its parts
# is tested in libvirt.bats and guest-balloon.bats.
load helper
# bats file_tags=slow

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
