# SPDX-License-Identifier: GPL-2.0-or-later
# Hosts with an older kernel: wss-trace, linked statically, inside emulated guests with Debian's Linux 6.1. It has no
# PAGEMAP_SCAN and no idle page tracking, so `process` works by soft-dirty bits. One is an AMD host that has KVM, nested
# (emulated SVM), and guests of its own; there wss-trace is the one of bin/, with libvirt.
# Both run once, in setup_file; each test looks at a part of what came out.
load ../helper
load ../hosts
load ../windows

old_host() {
	initrd=()
	in_guest host -M 512 <<-JOB
		wss-trace >list
		huge_pages never
		load_on small 100ms:4000w*1+50 --also 100ms:3000r*1
		wss-trace --probe process:\$pid >probe
		wss-trace -s process:\$pid -p 1s -P -n 4 --max-overhead 0% >small.csv
		failing wss-trace -s process:\$pid?mechanism=idle -o none >idle 2>&1
		failing wss-trace -s process:\$pid?mechanism=uffd -o none >uffd 2>&1
		load_off
		load_on once 4s:40000w*1
		wss-trace -v -s process:\$pid -p 1s -P -n 6 --max-overhead 0% 2>once.err >once.csv
		load_off
		load_on stall 1s:60000w:uniform@20000 --also 8s:16000w*1
		wss-trace -v -s process:\$pid -p 1s -P -f 12s --max-overhead 0% 2>stall.err | { sleep 5; cat; } >stall.csv
		load_off
		huge_pages madvise
		load_on huge --huge=madvise 50ms:10w*1+1000,50ms:1r*1+8000
		wss-trace -s process:\$pid -p 1s -P -n 3 --max-overhead 0% >huge.csv
		load_off
	JOB
}

kvm_host() {
	local inside=$BATS_FILE_TMPDIR/inside
	guest_inside inside '100ms:2000w*1+50'
	{
		libvirt_words
		cat <<-'END'
			domain_on inner "$1"
			wss-trace --probe "libvirt:inner?uri=$URI" >inner.probe
			wss-trace -v -s "libvirt:inner?uri=$URI" -p 2s -P -n 4 --max-overhead 0% >inner.csv 2>inner.err
			domain_off inner
			libvirt_down
		END
	} >"$inside.libvirt"
	in_kvm_host kvm <<-JOB
		wss-trace >list
		wss-trace -q -P -s microvm:1s:5000w -p 1s -n 3 >microvm-1s.csv
		for log in get clear ring; do
			wss-trace -q -P -s microvm:1s:5000w?log=\$log -p 100ms -n 10 >microvm-\$log.csv
		done
		huge_pages never
		files_of_this_machine
		guest_on inside
		cat /proc/\$qemu/maps >maps
		wss-trace -s process:\$qemu -p 2s -P -n 4 --max-overhead 0% >guest.csv
		guest_off inside \$qemu
		in_files bash '$inside.libvirt' '$inside.initrd' >libvirt.log 2>&1
		cp /host/run/out/* .
	JOB
}

setup_file() {
	hosts_up
	[ -z "$HOSTS_CANNOT" ] || return 0
	old_host
	kvm_host
}

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	need_hosts
	HOST=$BATS_FILE_TMPDIR/host KVM=$BATS_FILE_TMPDIR/kvm
}

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

# look_us FILE: how long wss-trace -v says that a look took, the median.
look_us() { sed -n 's/.* looks, \([0-9]*\) us each .*/\1/p' "$1"; }

@test "wss-trace on Linux 6.1: of pages written once, few fall between the reading and the clearing" {
	# 40000 pages, one after the other in 4 s: no page twice in a period, however late it ends. Each is written in 6 s.
	wrote "$HOST/once.frames"
	is "$(wc -l <wrote)" 40000
	seen "$HOST/once.csv"
	# Those that fell between one reading and clearing are neighbours.
	comm -23 wrote seen | sort -n | awk '$1 - last > 1000 { if (n) print n; n = 0 } { n++; last = $1 } END { if (n) print n }' |
		sort -nr >missed
	look_us=$(look_us "$HOST/once.err")
	echo "# missed $(xargs <missed) of 40000, a look takes $look_us us" >&3
	# 10000 pages are written each second, so many of them during one look; two of the six looks may be held up
	between 0 "$(sed -n 3p missed | grep . || echo 0)" $((3 * 10000 * look_us / 1000000))
}

@test "wss-trace on Linux 6.1: a reader that stalls does not make the clearing wait" {
	# 16000 pages are written once in 8 s each. In the first 5 s of 12 wss-trace cannot get rid of its rows: those
	# of the other load fill the pipe.
	awk -F, '$4 == "tick" { if (last && $1 - last > 2e9) late++; last = $1 } END { exit !late }' "$HOST/stall.csv"
	head -1 "$HOST/stall.frames" >slow.frames
	tail -16000 "$HOST/stall.frames" >>slow.frames
	wrote slow.frames
	is "$(wc -l <wrote)" 16000
	seen "$HOST/stall.csv"
	look_us=$(look_us "$HOST/stall.err")
	echo "# missed $(missing) of 16000, a look takes $look_us us" >&3
	# 2000 are written each second, so many of them during each of 12 looks; where the clearing waits for 3 s, 6000
	most=$((2 * 12 * 2000 * look_us / 1000000))
	between 0 "$(missing)" $((most < 3000 ? most : 3000))
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
	wrote "$KVM/inside.frames" 3
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
	[ ! -e "$KVM/cannot" ] || cannot "$(cat "$KVM/cannot")"
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
