# SPDX-License-Identifier: GPL-2.0-or-later
# Hosts with an older kernel: wss-trace, linked statically, inside emulated guests with Debian's Linux 6.1. It has no
# PAGEMAP_SCAN and no idle page tracking, so `process` works by soft-dirty bits. One is an AMD host that has KVM, nested
# (emulated SVM), and guests of its own; there wss-trace is the one of bin/, with libvirt.
# Both run once, in setup_file; each test looks at a part of what came out.
load ../helper
load ../windows

# in_guest NAME BOOT-OPTION... <JOB: runs the job in a guest. What it leaves in its folder comes into
# $BATS_FILE_TMPDIR/NAME.
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

old_host() {
	initrd=()
	in_guest host -M 512 <<-JOB
		$words
		wss-trace >list
		huge_pages never
		load_on small 100ms:4000w*1+50 --also 100ms:3000r*1
		wss-trace --probe process:\$pid >probe
		wss-trace -s process:\$pid -p 1s -P -n 4 --max-overhead 0% >small.csv
		failing wss-trace -s process:\$pid?mechanism=idle -o none >idle 2>&1
		failing wss-trace -s process:\$pid?mechanism=uffd -o none >uffd 2>&1
		load_off
		load_on once 1s:20000w
		wss-trace -v -s process:\$pid -p 1s -P -n 5 --max-overhead 0% 2>once.err >once.csv
		load_off
		load_on stall 1s:60000w:uniform@30000 --also 8s:16000w*1
		wss-trace -s process:\$pid -p 1s -P -f 10s --max-overhead 0% | { sleep 5; cat; } >stall.csv
		load_off
		huge_pages madvise
		load_on huge --huge=madvise 50ms:10w*1+1000,50ms:1r*1+8000
		wss-trace -s process:\$pid -p 1s -P -n 3 --max-overhead 0% >huge.csv
		load_off
	JOB
}

# The host's files are its root, and what is written there is forgotten: QEMU and libvirt are started from them. The
# guest inside has 96 MiB.
kvm_host() {
	local inside=$BATS_FILE_TMPDIR/inside kernel
	kernel=$("$TOP/scripts/guest/kernel" cloud)
	cat >"$inside.job" <<-'JOB'
		#!/bin/sh
		cd /dev/virtio-ports
		wss-load -P --frames=/tmp/frames 100ms:2000w*1+50 >wss.truth &
		pid=$!
		read go <wss.stop
		kill -INT $pid
		wait $pid
		cat /tmp/frames >wss.frames
	JOB
	"$TOP/scripts/guest/initrd" -f "$TOP/bin/wss-load" -j "$inside.job" -o "$inside.initrd"
	libvirt_job >"$inside.libvirt"
	initrd=(-k amd64 -m 9p -m 9pnet_virtio -m overlay -m kvm_amd)
	in_guest kvm -k amd64 -M 1024 -- -cpu EPYC,+svm \
		-virtfs local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap <<-JOB
		$words
		wss-trace >list
		wss-trace -q -P -s microvm:1s:5000w -p 1s -n 3 >microvm-1s.csv
		for log in get clear ring; do
			wss-trace -q -P -s microvm:1s:5000w?log=\$log -p 100ms -n 10 >microvm-\$log.csv
		done
		huge_pages never
		mkdir /host /below /above
		mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,ro,cache=loose host /below
		mount -t tmpfs none /above
		mkdir /above/files /above/work
		mount -t overlay -o lowerdir=/below,upperdir=/above/files,workdir=/above/work none /host
		for d in proc sys dev; do mount --bind /\$d /host/\$d; done
		mount -t tmpfs none /host/run
		mkfifo /host/run/stop.in /host/run/stop.out
		port() { echo "-chardev \$2,id=\$1 -device virtserialport,chardev=\${1},name=wss.\$1"; }
		chroot /host qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot -machine q35 \
			-accel kvm -cpu host -m 96 -kernel '$kernel/vmlinuz' -initrd '$inside.initrd' \
			-append 'console=ttyS0 quiet panic=-1 ports=wss.truth,wss.frames,wss.stop' \
			-serial file:/run/console \
			-device virtio-serial-pci \$(port truth file,path=/run/truth) \
			\$(port frames file,path=/run/frames) \$(port stop pipe,path=/run/stop) &
		qemu=\$!
		n=0
		until [ -e /host/run/truth ] && [ \$(wc -l </host/run/truth) -ge 3 ]; do
			sleep 0.2
			n=\$((n + 1))
			[ \$n -lt 300 ] || { cat /host/run/console >&2; break; }
		done
		cat /proc/\$qemu/maps >maps
		wss-trace -s process:\$qemu -p 1s -P -n 4 --max-overhead 0% >guest.csv
		echo >/host/run/stop.in
		wait \$qemu
		cp /host/run/truth /host/run/frames .
		mkdir /host/run/out
		chroot /host env PATH='$PATH' HOME='$HOME' XDG_CACHE_HOME='${XDG_CACHE_HOME:-$HOME/.cache}' TOP='$TOP' \
			bash '$inside.libvirt' '$inside.job' >libvirt.log 2>&1
		cp /host/run/out/* .
	JOB
}

# Prints the script that runs in the host with KVM: the same guest again, now under libvirt, traced.
libvirt_job() {
	cat <<-'END'
		cd /run/out
		. "$TOP/tests/guests.bash"
		chmod 666 /dev/kvm # libvirt's guests are not root's
		echo kvm >"$XDG_CACHE_HOME/wss-tools/accel-$(uname -n)-$(uname -r)" # to find that out would take long
		libvirt_up
		[ -z "$GUEST_CANNOT" ] || { echo "$GUEST_CANNOT" >inner.cannot; exit; }
		edit_xml="/'wss.stop'/s/type='file'/type='pipe'/" \
			guest_define inner -M 96 -p wss.truth -p wss.frames -p wss.stop <"$1"
		mkfifo -m 666 "$LV/inner.wss.stop.in" "$LV/inner.wss.stop.out"
		vir start inner
		until_said 60 lines "$LV/inner.wss.truth" 3 || cat "$LV/inner.console"
		wss-trace --probe "libvirt:inner?uri=$URI" >inner.probe
		wss-trace -v -s "libvirt:inner?uri=$URI" -p 1s -P -n 4 --max-overhead 0% >inner.csv 2>inner.err
		echo >"$LV/inner.wss.stop.in"
		off() { [ "$(vir domstate inner)" = 'shut off' ]; }
		until_said 30 off
		cp "$LV/inner.wss.frames" inner.frames
		libvirt_down
	END
}

setup_file() {
	export KERNELS_CANNOT='' STATIC=$TOP/build-static/bin/wss-trace
	{
		"$TOP/scripts/guest/kernel" cloud && "$TOP/scripts/guest/kernel" amd64 && command -v qemu-system-x86_64
	} >/dev/null || { KERNELS_CANNOT='no kernel or QEMU for a guest'; return 0; }
	make -C "$TOP" static >/dev/null
	old_host
	kvm_host
}

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	[ -z "$KERNELS_CANNOT" ] || cannot "$KERNELS_CANNOT"
	HOST=$BATS_FILE_TMPDIR/host KVM=$BATS_FILE_TMPDIR/kvm
}

# wrote FILE [COLUMN]: pages that the load wrote, by address (2) or frame number (3).
wrote() { tr -d '\r' <"$1" | awk -F, -v c="${2:-2}" 'NR > 1 && $4 == 1 { print $c }' | sort >wrote; }
# seen TRACE [FROM TO [BASE]]: pages of its writes, in all windows, or of windows FROM to TO, from page BASE on.
seen() {
	awk -F, -v from="${2:-1}" -v to="${3:-1000}" -v base="${4:-0}" '
		BEGIN { w = 1 }
		$4 == "tick" { w++ }
		$4 == "write" && w >= from && w <= to { for (g = $5; g < $5 + $6; g++) n[sprintf("%.0f", g - base)] }
		END { for (g in n) print g }' "$1" | sort >seen
}
missing() { comm -23 wrote seen | wc -l; }
extra() { comm -13 wrote seen | wc -l; }
blind() { awk -F, '$4 == "blind" { print $7 }' "$1"; }

@test "wss-trace on Linux 6.1: without a target, what works is listed first, and why the rest does not" {
	is "$(awk '!/^ / { print $1 }' "$HOST/list" | uniq | xargs)" 'works not'
	why() { grep -A1 "^$1:" "$2" | tail -1 | sed 's/^ *//'; }
	is "$(why 'works *process' "$HOST/list")" 'soft-dirty bits: clear_refs and pagemap'
	is "$(why 'not here *microvm' "$HOST/list")" \
		'no /dev/kvm here; needs a processor that virtualizes and kvm_intel or kvm_amd'
	is "$(why 'not here *libvirt' "$HOST/list")" 'not built: needs libvirt-dev'
	is "$(why 'not here *xen' "$HOST/list")" 'not built: needs libxen-dev'
	# In a host that has KVM, the micro guest too.
	[[ "$(why 'works *microvm' "$KVM/list")" == 'a guest of our own on /dev/kvm; '*'found by write faults'* ]]
	is "$(why 'works *process' "$KVM/list")" 'soft-dirty bits: clear_refs and pagemap'
}

@test "wss-trace on Linux 6.1: soft-dirty bits are chosen; the other mechanisms say why not" {
	grep -qx 'how         soft-dirty bits: clear_refs and pagemap' "$HOST/probe"
	grep -qx ' *units under 2 MiB in huge pages' "$HOST/probe"
	same <(sed 's/process:[0-9]*/process:PID/' "$HOST/idle" "$HOST/uffd") - <<-'END'
		wss-trace: process:PID: idle: no idle page tracking in this kernel; needs CONFIG_IDLE_PAGE_TRACKING
		exit 69
		wss-trace: process:PID: uffd: no asynchronous write protection in this kernel; needs Linux 6.7
		exit 69
	END
}

@test "wss-trace on Linux 6.1: process sees all pages that wss-load wrote in each window, and few others" {
	wrote "$HOST/small.frames"
	is "$(wc -l <wrote)" 4000
	is "$(blind "$HOST/small.csv")" 31 # reads, DMA, order, frame numbers, units
	for window in 1 2 3 4; do
		seen "$HOST/small.csv" $window $window
		is "$(missing)" 0
		between 0 "$(extra)" 64 # its counters, stack and buffers
	done
}

@test "wss-trace on Linux 6.1: of a huge page, all 512 pages are told when one was written" {
	wrote "$HOST/huge.frames"
	# ten pages in a row lie in one huge page, or in two
	awk '{ for (n = 0; n < 512; n++) printf "%.0f\n", int($1 / 512) * 512 + n }' wrote | sort -u >units
	[ "$(wc -l <units)" = 512 ] || is "$(wc -l <units)" 1024
	for window in 1 2 3; do
		seen "$HOST/huge.csv" $window $window
		mv units wrote
		is "$(missing)" 0
		between 0 "$(extra)" 64
		mv wrote units
	done
	is "$(blind "$HOST/huge.csv")" 31
}

@test "wss-trace on Linux 6.1: of pages written once in a period, few fall between the reading and the clearing" {
	wrote "$HOST/once.frames"
	for window in 1 2 3 4 5; do
		seen "$HOST/once.csv" $window $window
		missing
	done | sort -n >missed
	look_us=$(sed -n 's/.* looks, \([0-9]*\) us each .*/\1/p' "$HOST/once.err")
	echo "# missed $(xargs <missed) of 20000, a look takes $look_us us" >&3
	# 20000 pages are written each second, so many of them during one look; the median, as a look may be held up
	between 0 "$(sed -n 3p missed)" $((3 * 20000 * look_us / 1000000))
}

@test "wss-trace on Linux 6.1: a reader that stalls does not make the clearing wait" {
	# 16000 pages are written once in 8 s each. In the first 5 s of 10 wss-trace cannot get rid of its rows: those
	# of the other load fill the pipe.
	awk -F, '$4 == "tick" { if (last && $1 - last > 2e9) late++; last = $1 } END { exit !late }' "$HOST/stall.csv"
	head -1 "$HOST/stall.frames" >slow.frames
	tail -16000 "$HOST/stall.frames" >>slow.frames
	wrote slow.frames
	is "$(wc -l <wrote)" 16000
	seen "$HOST/stall.csv"
	echo "# missed $(missing) of 16000" >&3
	between 0 "$(missing)" 320 # 2 %, as above
}

@test "wss-trace on nested KVM: microvm is exact in every window, by each kind of log" {
	wss-trace -q -P -s model:1s:5000w -p 1s -n 6 >made.csv
	is "$(exact_windows "$KVM/microvm-1s.csv" made.csv 3)" 15000
	wss-trace -q -P -s model:1s:5000w -p 100ms -n 200 >made.csv
	for log in get clear ring; do
		between 5000 "$(exact_windows "$KVM/microvm-$log.csv" made.csv 10)" 100000
	done
}

@test "wss-trace on nested KVM: process sees all frames that a load in the guest wrote, by soft-dirty bits" {
	wrote "$KVM/frames" 3
	is "$(wc -l <wrote)" 2000
	# Its RAM is the mapping of 96 MiB; all of it lies below the PCI hole.
	base=
	while read -r range _; do
		[ $((0x${range#*-} - 0x${range%-*})) != $((96 << 20)) ] || base=$((0x${range%-*} >> 12))
	done <"$KVM/maps"
	[ -n "$base" ]
	for window in 1 2 3 4; do
		seen "$KVM/guest.csv" $window $window "$base"
		is "$(missing)" 0
		# The guest's kernel and its truth, QEMU's stacks and heap: of 24576 pages.
		between 0 "$(extra)" 1000
	done
}

@test "wss-trace on nested KVM: libvirt sees all frames that a load in the guest wrote, by soft-dirty bits" {
	[ ! -e "$KVM/inner.cannot" ] || cannot "$(cat "$KVM/inner.cannot")"
	[ -s "$KVM/inner.frames" ] || { cat "$KVM/libvirt.log" "$KVM/inner.err" >&2; return 1; }
	grep -q ' 24576 pages watched by soft-dirty; ' "$KVM/inner.err"
	grep -q '^how .* watched by soft-dirty ' "$KVM/inner.probe"
	grep -qx "intrusive   write-protects QEMU's memory each period" "$KVM/inner.probe"
	is "$(blind "$KVM/inner.csv")" 21 # reads, order, units; neither DMA nor frame numbers
	wrote "$KVM/inner.frames" 3
	is "$(wc -l <wrote)" 2000
	for window in 1 2 3 4; do
		seen "$KVM/inner.csv" $window $window
		is "$(missing)" 0
		echo "# $(extra) frames more than the 2000" >&3
		between 0 "$(extra)" 1000 # the guest's kernel and its truth, of 24576
	done
}
