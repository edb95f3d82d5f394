# SPDX-License-Identifier: GPL-2.0-or-later
# balloon-set and vm-counters on domains of a real Xen. One PVH guest of 256 MiB, `web`, with a disk and a network interface;
# it runs each line that it is told, and says `did N` behind the Nth.
# bed: xen
load ../helper
load ../xen

HEAD=t_ns,vm,method,wss_kib,gap_kib,target_kib,actual_kib,memory_kib,reason

# The scripts that connect devices, in place of Xen's own, which are slow under emulation.
hotplug() {
	cat >"$BATS_FILE_TMPDIR/vbd" <<-'END'
		#!/bin/sh
		[ "$1" != add ] || xenstore-write "$XENBUS_PATH/physical-device" 7:0 "$XENBUS_PATH/physical-device-path" /dev/loop0 \
			"$XENBUS_PATH/hotplug-status" connected
	END
	cat >"$BATS_FILE_TMPDIR/vif" <<-'END'
		#!/bin/sh
		[ "$1" != online ] || { ip link set "$vif" up && ip addr add 10.0.0.1/24 dev "$vif" &&
			xenstore-write "$XENBUS_PATH/hotplug-status" connected; }
	END
	chmod +x "$BATS_FILE_TMPDIR/vbd" "$BATS_FILE_TMPDIR/vif"
}

setup_file() {
	local kernel drivers xenstore library files=()
	kernel=$("$TOP/scripts/guest/kernel" amd64)
	drivers=$(echo "$kernel"/lib/modules/*/kernel/drivers)
	for module in loop xen_blkback xen_netback; do modprobe -d "$kernel" $module; done
	truncate -s 8M "$BATS_FILE_TMPDIR/disk"
	losetup /dev/loop0 "$BATS_FILE_TMPDIR/disk"
	hotplug
	# xenstore-write for the guest, with its libraries
	xenstore=$("$TOP/scripts/guest/xen")/tools/usr/bin/xenstore
	for library in $(ldd "$xenstore" | grep -o '/[^ ]*'); do files+=(-f "$library"); done
	printf '#!/bin/sh\nexec /bin/ld-linux-x86-64.so.2 --library-path /bin /bin/xenstore write "$@"\n' >"$BATS_FILE_TMPDIR/xenstore-write"
	chmod +x "$BATS_FILE_TMPDIR/xenstore-write"
	xen_guest web -M 256 -f "$xenstore" -f "$BATS_FILE_TMPDIR/xenstore-write" "${files[@]}" -f "$drivers/block/xen-blkfront.ko" \
		-f "$drivers/net/xen-netfront.ko" -x "disk = [ 'format=raw,vdev=xvda,access=rw,script=$BATS_FILE_TMPDIR/vbd,target=/dev/loop0' ]" \
		-x "vif = [ 'script=$BATS_FILE_TMPDIR/vif' ]" <<-'END'
			#!/bin/sh
			insmod /bin/xen-blkfront.ko
			insmod /bin/xen-netfront.ko
			n=0
			echo did $n
			while read -r line; do
				eval "$line"
				n=$((n + 1))
				echo did $n
			done
		END
	until_said 120 xen_said web 'did 0'
}

teardown_file() { xl destroy web 2>/dev/null || :; }

# tell LINE: the guest runs it; waits until it has.
tell() {
	local n
	n=$(xen_console web | grep -c '^did ')
	xen_tell web "$1"
	until_said 120 xen_said web "did $n"
}

# balloon_set KIB [OPTION...]: one target for web; the ack without its time in $output.
balloon_set() {
	run --separate-stderr balloon-set -a xen -P --follow 60s --state "$BATS_FILE_TMPDIR/state" "${@:2}" < <(printf '%s\n' $HEAD "1,web,m,,,$1,,,follow")
	output=$(tail -n +2 <<<"$output" | cut -d, -f2-)
}

mib() { xl list web | awk 'NR == 2 { print $3 }'; }
has_mib() { [ "$(mib)" -eq "$1" ]; }
value() { awk -F, -v name="$1" '$3 == name { print $4 }' "${2:-now}"; }
# web of xentop: CPU(sec) MEM(k) VCPUS VBD_RD VBD_WR VBD_RSECT VBD_WSECT
top() { xentop -b -i 1 -f | awk '$1 == "web" { print $3, $5, $9, $15, $16, $17, $18 }'; }

@test "vm-counters: memory and processors of a domain are those of xl and xentop at the same time" {
	local before after # xl rounds to the nearest 0.1 s
	before=$(xl vcpu-list web | awk 'NR == 2 { print $6 * 1000 - 50 }')
	vm-counters -s xen:web -n 1 -P >now
	after=$(xl vcpu-list web | awk 'NR == 2 { print $6 * 1000 + 50 }')
	is "$(value balloon.current) $(value vcpu.current)" "$(top | cut -d' ' -f2,3)"
	is "$(value balloon.maximum)" "$(xl list -l web | sed -n 's/.*"max_memkb": \([0-9]*\).*/\1/p')"
	is "$(value vcpu.maximum)" 1
	between "$before" $(($(value cpu.time) / 1000000)) "$after"
	between "$before" $(($(value vcpu.time) / 1000000)) "$after"
	# by its number and its UUID, the same domain
	for spec in "$(xl domid web)" "$(xl list -v web | awk 'NR == 2 { print $7 }')"; do
		is "$(vm-counters -s "xen:$spec" -n 1 -P | column vm | sort -u)" web
	done
	run --separate-stderr -66 vm-counters -s xen:none -P
	stderr_is "vm-counters: xen:none: no such domain; 'xl list' shows those that run"
}

@test "vm-counters: disks and networks of a domain are those of xentop and of the guest; without devices there are no rows" {
	tell 'dd if=/dev/zero of=/dev/xvda bs=64k count=16 2>/dev/null; sync; dd if=/dev/xvda of=/dev/null bs=64k count=32 skip=32 2>/dev/null'
	tell 'ifconfig eth0 10.0.0.2 up; ping -c 3 10.0.0.1 >/dev/null; ifconfig eth0 down'
	tell 'sed "s/^/stat /" /sys/class/net/eth0/statistics/tx_packets'
	vm-counters -s xen:web -n 1 -P >now
	read -r _ _ _ reads writes read_sectors written_sectors < <(top)
	is "$(value block.rd.reqs) $(value block.wr.reqs)" "$reads $writes"
	is "$(value block.rd.bytes) $(value block.wr.bytes)" "$((read_sectors * 512)) $((written_sectors * 512))"
	between $((32 * 65536)) "$(value block.rd.bytes)" $((8 << 20))
	is "$(value block.wr.bytes)" $((16 * 65536))
	is "$(value net.tx.pkts)" "$(xen_console web | sed -n 's/^stat //p' | tail -1)"
	between 3 "$(value net.tx.pkts)" 100
	between 3 "$(value net.rx.pkts)" 100
	between $((3 * 84)) "$(value net.tx.bytes)" 10000
	vm-counters -s dom0=xen:0 -n 1 -P >dom0
	is "$(grep -cE ',(block|net)\.' dom0) $(grep -c ,cpu.time, dom0)" '0 1'
}

@test "balloon-set: 256 to 160 MiB and back" {
	is "$(mib)" 256
	balloon_set 163840
	is "$output" web,163840,262144,no-usable
	balloon_set 163840 --trust-lower-bound
	is "$output" web,163840,262144,dry-run
	is "$(mib)" 256
	balloon_set 163840 --apply --trust-lower-bound
	is "$output" web,163840,163840,done
	is "$status $stderr" '0 '
	is "$(mib) $(top | cut -d' ' -f2)" "160 $((163840 + 64))" # 16 pages are not its guest's memory
	balloon_set 262144 --apply
	is "$output" web,262144,262144,done
	is "$(mib)" 256
	# a larger target also where xl had lowered the limit
	xl mem-set web 160
	until_said 120 has_mib 160
	balloon_set 262144 --apply
	is "$output" web,262144,262144,done
}

@test "balloon-set: without a word of the guest a domain does not shrink; targets that cannot be" {
	balloon_set 163840 --apply
	is "$output" web,163840,262144,no-usable
	stderr_is 'balloon-set: warning: web: not changed: its guest does not write into xenstore what it can give; balloon-set(1), XEN, says how'
	balloon_set 262145 --apply
	is "$output" web,262145,262144,above-max
	balloon_set 0 --apply
	is "$output" web,0,262144,zero
	run --separate-stderr balloon-set -a xen -P --apply --trust-lower-bound --state state < <(printf '%s\n' $HEAD 1,Domain-0,m,,,500000,,,follow 1,none,m,,,500000,,,follow)
	is "$(tail -n +2 <<<"$output" | cut -d, -f2- | sort)" $'Domain-0,500000,1048576,no-balloon\nnone,500000,,no-vm'
	stderr_is 'balloon-set: warning: Domain-0: not changed: it is the control domain'
	[ ! -e state ]
	is "$(mib)" 256
}

@test "balloon-set: a guest says through xenstore what it can give, and keeps its floor; what is old is not believed" {
	local key actual now
	key=/local/domain/$(xen_id web)/data/usable_kib
	said_since() { [ "$(xenstore-read "$key" | cut -d' ' -f2)" -gt "$1" ]; }
	# the line of the manual page, but more often than it says: the emulated guest can be slow
	tell "$(sed -n 's/sleep 5/sleep 1/; s/ 5"; done/ 30"; done/; /^while sleep/p' "$TOP/man/balloon-set.1") & loop=\$!"
	until_said 120 xenstore-exists "$key"
	balloon_set 204800 --apply
	is "$output" web,204800,204800,done
	balloon_set 20480 --apply # what it said before it had given that is not believed
	is "$(cut -d, -f1,2,4 <<<"$output")" web,20480,floor
	actual=$(cut -d, -f3 <<<"$output")
	# It has what it cannot give, and 64 MiB: it can still give so much, or a little less.
	now=$(date +%s)
	until_said 120 said_since "$now"
	between 40000 "$(xenstore-read "$key" | cut -d' ' -f1)" 70000
	between 90000 "$actual" 160000
	tell 'kill $loop'
	balloon_set 262144 --apply
	for said in "200000 $(($(date +%s) - 9)) 2" "200000 $(date +%s) 0" 200000; do
		xenstore-write "$key" "$said"
		balloon_set 163840 --apply
		is "$output" web,163840,262144,no-usable
	done
	xenstore-rm "$key"
}

@test "balloon-set: what a killed one changed is given back" {
	mkfifo targets
	balloon-set -a xen -P --apply --trust-lower-bound --state "$BATS_FILE_TMPDIR/state" targets >acks &
	later_kill $!
	exec 5>targets
	printf '%s\n' $HEAD 1,web,m,,,163840,,,follow >&5
	until_said 120 grep -q done acks
	kill -KILL $!
	exec 5>&-
	is "$(mib)" 160
	run --separate-stderr -0 balloon-set -a xen --restore -P --state "$BATS_FILE_TMPDIR/state" web
	is "$(tail -1 <<<"$output" | cut -d, -f2-)" web,262144,262144,done
	is "$(mib)" 256
	is "$(ls "$BATS_FILE_TMPDIR/state")" ''
}

@test "balloon-set: a guest that does not follow is told, and asked no more" {
	xl pause web
	balloon_set 163840 --apply --trust-lower-bound --follow 2s
	is "$output" web,163840,262144,stuck
	is "$status" 75
	is "$(xenstore-read "/local/domain/$(xen_id web)/memory/target")" 262144
	xl unpause web
}

@test "vm-counters: a domain that is destroyed ends its stream; balloon-set forgets it" {
	vm-counters -s xen:web -p 200ms -P >now 2>said &
	later_kill $!
	until_true grep -q ,web, now
	xl destroy web
	status=0
	wait $! || status=$?
	is $status 69
	file_is said 'vm-counters: web: it was destroyed'
	run --separate-stderr -0 balloon-set -a xen --restore -P --state "$BATS_FILE_TMPDIR/state"
	stderr_is 'balloon-set: warning: web: does not run any more; forgotten'
	is "$(ls "$BATS_FILE_TMPDIR/state")" ''
}

@test "balloon-set: a domain of Xen through libvirt, and its counters" {
	local driver xen uri=xen:///system
	driver=$(echo /usr/lib/*/libvirt/connection-driver/libvirt_driver_libxl.so)
	[ -e "$driver" ] || cannot "no libvirt-daemon-driver-xen"
	xen=$("$TOP/scripts/guest/xen")
	mkdir -p drivers /run/libvirt /var/log/libvirt/libxl
	cp "$driver" drivers/
	# It has to know the processor, and QEMU's emulated ones lack a feature that all its models have.
	sed -i "/<feature name='vme'/d" /usr/share/libvirt/cpu_map/x86_{486,qemu64,pentium,kvm64,qemu32}.xml
	printf '%s\n' 'auth_unix_rw = "none"' 'auth_unix_ro = "none"' 'unix_sock_group = "root"' >conf
	LIBVIRT_DRIVER_DIR=$PWD/drivers libvirtd --config "$PWD/conf" >log 2>&1 3>&- 4>&- &
	later_kill $!
	until_said 120 virsh -q -c $uri list
	cat >two.xml <<-END
		<domain type='xen'><name>two</name><memory unit='MiB'>192</memory><vcpu>1</vcpu>
		<os><type arch='x86_64' machine='xenpvh'>xenpvh</type><kernel>$xen/vmlinux</kernel>
		<initrd>$BATS_FILE_TMPDIR/web.guest.initrd</initrd>
		<cmdline>console=hvc0 quiet panic=-1 mitigations=off nokaslr cryptomgr.notests</cmdline></os>
		<features><acpi/></features><on_poweroff>destroy</on_poweroff><on_reboot>destroy</on_reboot><on_crash>destroy</on_crash>
		<devices><console type='pty'><target type='xen' port='0'/></console></devices></domain>
	END
	virsh -q -c $uri create two.xml
	until_said 120 xen_said two 'did 0'
	set_two() {
		run --separate-stderr balloon-set -c $uri -P --state state --apply "${@:2}" < <(printf '%s\n' $HEAD "1,two,m,,,$1,,,follow")
		output=$(tail -n +2 <<<"$output" | cut -d, -f2-)
	}
	set_two 131072
	is "$output" two,131072,196608,no-usable
	stderr_is 'balloon-set: warning: two: not changed: libvirt does not know what a guest of Xen can give; -a xen may'
	set_two 131072 --trust-lower-bound
	is "$output" two,131072,131072,done
	is "$(xl list two | awk 'NR == 2 { print $3 }')" 128
	vm-counters -s "libvirt:two?uri=$uri" -n 1 -P >now
	is "$(value balloon.current) $(value balloon.maximum)" "$((131072 + 64)) 196608"
	run --separate-stderr -0 balloon-set -c $uri --restore -P --state state
	is "$(tail -1 <<<"$output" | cut -d, -f2-)" two,196608,196608,done
	virsh -q -c $uri destroy two
}
