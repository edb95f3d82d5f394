# SPDX-License-Identifier: GPL-2.0-or-later
# A real Linux guest under emulation (scripts/guest/): the one that `make check` boots without libvirt.
load helper

# job TEXT: what the guest runs.
job() { printf '#!/bin/sh\n%s\n' "$1" >job; }

need_guest() {
	"$TOP/scripts/guest/kernel" cloud >/dev/null || cannot 'no kernel for a guest'
	command -v qemu-system-x86_64 >/dev/null || cannot 'no qemu-system-x86_64'
}

# bats test_tags=slow
@test "guest: boots, runs a job, what it writes to a port arrives, powers off" {
	need_guest
	job 'echo from the guest >/dev/virtio-ports/wss.out; exit 3'
	"$TOP/scripts/guest/initrd" -j job -o initrd
	"$TOP/scripts/guest/boot" -i initrd -p wss.out=out </dev/null | tr -d '\r' >console
	file_is out 'from the guest'
	is "$(grep ^guest: console)" "$(printf '%s\n' 'guest: up' 'guest: job ended: 3')"
}

@test "guest: an initrd with a program that is not there is refused" {
	need_guest
	job :
	run --separate-stderr -69 "$TOP/scripts/guest/initrd" -j job -f ./none -o initrd
	stderr_is 'guest initrd: no ./none; build it first'
	[ ! -e initrd ]
}
