# SPDX-License-Identifier: GPL-2.0-or-later
# For beds in which an emulated guest is a host, loaded behind helper: with tools of ours, with this machine's files, with KVM
# and guests of its own. The kernels are Debian's Linux 6.1.

need_kernels() {
	"$TOP/scripts/guest/kernel" cloud && "$TOP/scripts/guest/kernel" amd64 && command -v qemu-system-x86_64
} >/dev/null

# in_guest NAME BOOT-OPTION... <JOB: runs the job in a guest. What it leaves in its folder comes into
# $BATS_FILE_TMPDIR/NAME. The array initrd holds options of scripts/guest/initrd.
in_guest() {
	local name=$1 work=$BATS_FILE_TMPDIR/$1
	shift
	mkdir "$work"
	{
		printf '#!/bin/sh\nmkdir /tmp/out\ncd /tmp/out\nexec 2>err\n'
		cat
		printf 'tar c . >/dev/virtio-ports/wss.out\n'
	} >"$work.job"
	"$TOP/scripts/guest/initrd" "${initrd[@]}" -f "$STATIC" -f "$TOP/bin/wss-load" \
		-j "$work.job" -o "$work.initrd"
	"$TOP/scripts/guest/boot" -a tcg -t 240 -i "$work.initrd" -p wss.out="$work.tar" "$@" \
		</dev/null >"$work.console" 2>"$work.warnings" || :
	[ -s "$work.tar" ] || { tail "$work.console" >&2; return 1; }
	tar -xf "$work.tar" -C "$work"
}

# in_kvm_guest NAME BOOT-OPTION... <JOB: the same, in a host that has KVM (emulated SVM).
in_kvm_guest() {
	local name=$1
	shift
	local -a initrd=(-k amd64 -m 9p -m 9pnet_virtio -m overlay -m kvm_amd)
	in_guest "$name" -k amd64 -M 1024 "$@" -- -cpu EPYC,+svm \
		-virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap
}

# For the jobs: load_on NAME ARGUMENT... starts wss-load, its number in $pid, and waits until two windows are over;
# load_off ends it.
words='
load_on() {
	name=$1
	shift
	wss-load -P --frames=$name.frames "$@" >$name.truth &
	pid=$!
	until [ $(wc -l <$name.truth) -ge 3 ]; do sleep 0.1; done
}
load_off() { kill -INT $pid; wait $pid; }
huge_pages() { echo $1 >/sys/kernel/mm/transparent_hugepage/enabled; }
failing() { "$@"; echo "exit $?"; }
'

# For jobs in a host that has KVM: files_of_the_host makes this machine'"'"'s files its own, in /host, where what is written is
# forgotten; in_files COMMAND... runs something there, with this machine'"'"'s environment.
# qemu NAME LOAD OPTION... starts a guest of 96 MiB in them that runs the load until quit NAME, its QEMU in $qemu_NAME; up NAME
# waits until that runs. Its files are in /host/run/NAME.*: truth, frames.
kvm_words="
files_of_the_host() {
	mkdir /host /below /above
	mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,ro,cache=loose host /below
	mount -t tmpfs none /above
	mkdir /above/files /above/work
	mount -t overlay -o lowerdir=/below,upperdir=/above/files,workdir=/above/work none /host
	for d in proc sys dev; do mount --bind /\$d /host/\$d; done
	mount -t tmpfs none /host/run
}
"
