# SPDX-License-Identifier: GPL-2.0-or-later
# For beds in which an emulated guest is the host, loaded behind helper: Debian's Linux 6.1, with the static wss-trace, and with
# KVM (emulated SVM) and guests of its own.

# hosts_up: what is needed; else HOSTS_CANNOT says what is missing. need_hosts skips then.
hosts_up() {
	export HOSTS_CANNOT='' STATIC=$TOP/build-static/bin/wss-trace
	{
		"$TOP/scripts/guest/kernel" cloud && "$TOP/scripts/guest/kernel" amd64 && command -v qemu-system-x86_64
	} >/dev/null || { HOSTS_CANNOT='no kernel or QEMU for a guest'; return 0; }
	make -C "$TOP" static >/dev/null
}
need_hosts() { [ -z "$HOSTS_CANNOT" ] || cannot "$HOSTS_CANNOT"; }

# in_guest NAME BOOT-OPTION... <JOB: runs the job in a guest. What it leaves in its folder comes into
# $BATS_FILE_TMPDIR/NAME. The array initrd has options of scripts/guest/initrd.
in_guest() {
	local name=$1 work=$BATS_FILE_TMPDIR/$1
	shift
	mkdir "$work"
	{
		printf '#!/bin/sh\nmkdir /tmp/out\ncd /tmp/out\nexec 2>err\n%s\n' "$words"
		cat
		printf 'tar c . >/dev/virtio-ports/wss.out\n'
	} >"$work.job"
	"$TOP/scripts/guest/initrd" "${initrd[@]}" -f "$STATIC" -f "$TOP/bin/wss-load" \
		-j "$work.job" -o "$work.initrd"
	"$TOP/scripts/guest/boot" -a tcg -t 900 -i "$work.initrd" -p wss.out="$work.tar" "$@" \
		</dev/null >"$work.console" 2>"$work.warnings" || :
	[ -s "$work.tar" ] || { tail "$work.console" >&2; return 1; }
	tar -xf "$work.tar" -C "$work"
}

# in_kvm_host NAME QEMU-OPTION... <JOB: the same, in a host that has KVM.
in_kvm_host() {
	local name=$1 initrd=(-k amd64 -m 9p -m 9pnet_virtio -m overlay -m kvm_amd)
	shift
	{
		kvm_words
		cat
	} | in_guest "$name" -k amd64 -M 1024 -t 900 -- -cpu EPYC,+svm \
		-virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap "$@"
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

# guest_inside NAME LOAD: prepares a guest for hosts with KVM: it runs the load until something comes from its port wss.stop.
guest_inside() {
	local inside=$BATS_FILE_TMPDIR/$1
	cat >"$inside.job" <<-JOB
		#!/bin/sh
		cd /dev/virtio-ports
		wss-load -P --frames=/tmp/frames $2 >wss.truth &
		pid=\$!
		read go <wss.stop
		kill -INT \$pid
		wait \$pid
		cat /tmp/frames >wss.frames
	JOB
	"$TOP/scripts/guest/initrd" -f "$TOP/bin/wss-load" -j "$inside.job" -o "$inside.initrd"
}

# Words for hosts with KVM:
# files_of_this_machine makes /host of them; what is written there is forgotten, and /host/run is empty. in_files COMMAND... runs
# something in them, libvirt for example.
# guest_on NAME OPTION... starts a guest of guest_inside with 96 MiB under QEMU, its number in $qemu, and waits until it is at work;
# what it says is in /host/run/NAME.*. guest_off NAME QEMU ends it; NAME.truth and NAME.frames are then here.
kvm_words() {
	local kernel
	kernel=$("$TOP/scripts/guest/kernel" cloud)
	cat <<-END
		files_of_this_machine() {
			mkdir /host /below /above
			mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,ro,cache=loose host /below
			mount -t tmpfs none /above
			mkdir /above/files /above/work
			mount -t overlay -o lowerdir=/below,upperdir=/above/files,workdir=/above/work none /host
			for d in proc sys dev; do mount --rbind /\$d /host/\$d; done
			mount -t tmpfs none /host/run
			mkdir /host/run/out
		}
		in_files() {
			chroot /host env PATH='$PATH' HOME='$HOME' XDG_CACHE_HOME='${XDG_CACHE_HOME:-$HOME/.cache}' TOP='$TOP' "\$@"
		}
		guest_port() { echo "-chardev \$3,id=\$1 -device virtserialport,chardev=\$1,name=wss.\$2"; }
		guest_on() {
			name=\$1
			shift
			mkfifo /host/run/\$name.stop.in /host/run/\$name.stop.out
			chroot /host qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot -machine q35 \\
				-accel kvm -cpu host -m 96 -kernel '$kernel/vmlinuz' -initrd '$BATS_FILE_TMPDIR/'\$name.initrd \\
				-append 'console=ttyS0 quiet panic=-1 ports=wss.truth,wss.frames,wss.stop' \\
				-serial file:/run/\$name.console -device virtio-serial-pci \\
				\$(guest_port a truth file,path=/run/\$name.truth) \\
				\$(guest_port b frames file,path=/run/\$name.frames) \\
				\$(guest_port c stop pipe,path=/run/\$name.stop) "\$@" &
			qemu=\$!
			n=0
			until [ -e /host/run/\$name.truth ] && [ \$(wc -l </host/run/\$name.truth) -ge 3 ]; do
				sleep 0.5
				n=\$((n + 1))
				[ \$n -lt 480 ] || { cat /host/run/\$name.console >&2; break; }
			done
		}
		guest_off() {
			echo >/host/run/\$1.stop.in
			wait \$2
			cp /host/run/\$1.truth /host/run/\$1.frames .
		}
	END
}

# A script for in_files bash begins with it: the guest NAME of guest_inside in the libvirt of tests/guests.bash.
libvirt_words() {
	cat <<-'END'
		cd /run/out
		. "$TOP/tests/guests.bash"
		chmod 666 /dev/kvm # libvirt's guests are not root's
		echo kvm >"$XDG_CACHE_HOME/wss-tools/accel-$(uname -n)-$(uname -r)" # to find that out would take long
		libvirt_up
		[ -z "$GUEST_CANNOT" ] || { echo "$GUEST_CANNOT" >cannot; exit; }
		domain_on() { # NAME INITRD
			"$TOP/scripts/guest/domain" -d "$LV" -n "$1" -i "$2" -M 96 -p wss.truth -p wss.frames -p wss.stop |
				sed "/'wss.stop'/s/type='file'/type='pipe'/" >"$1.xml"
			vir define "$1.xml"
			mkfifo -m 666 "$LV/$1.wss.stop.in" "$LV/$1.wss.stop.out"
			vir start "$1"
			until_said 120 lines "$LV/$1.wss.truth" 3 || cat "$LV/$1.console"
		}
		domain_is_off() { [ "$(vir domstate "$1")" = 'shut off' ]; }
		domain_off() {
			echo >"$LV/$1.wss.stop.in"
			until_said 120 domain_is_off "$1"
			cp "$LV/$1.wss.frames" "$1.frames"
		}
	END
}

# ---- what came out ----

# wrote FILE [COLUMN]: pages that the load wrote, by address (2) or frame number (3).
wrote() { tr -d '\r' <"$1" | awk -F, -v c="${2:-2}" 'NR > 1 && $4 == 1 { print $c }' | sort >wrote; }
# seen TRACE [FROM TO [BASE [VM]]]: pages of its writes, in all windows, or of windows FROM to TO, from page BASE on.
seen() {
	awk -F, -v from="${2:-1}" -v to="${3:-1000}" -v base="${4:-0}" -v vm="${5:-}" '
		BEGIN { w = 1 }
		vm != "" && $2 != vm { next }
		$4 == "tick" { w++ }
		$4 == "write" && w >= from && w <= to { for (g = $5; g < $5 + ($6 == "" ? 1 : $6); g++) n[sprintf("%.0f", g - base)] }
		END { for (g in n) print g }' "$1" | sort >seen
}
missing() { comm -23 wrote seen | wc -l; }
extra() { comm -13 wrote seen | wc -l; }
blind() { awk -F, -v vm="${2:-}" '$4 == "blind" && (vm == "" || $2 == vm) { print $7 }' "$1"; }
