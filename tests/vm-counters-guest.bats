# SPDX-License-Identifier: GPL-2.0-or-later
# vm-counters on a real guest of libvirt: its balloon driver, its guest agent, its secure shell, its disk, and its end.
# bats file_tags=slow
load helper
load guests

setup_file() {
	local file files=() programs=(/usr/sbin/qemu-ga /usr/sbin/dropbear)
	libvirt_up
	for file in "${programs[@]}"; do
		[ -n "$GUEST_CANNOT" ] || [ -e "$file" ] || GUEST_CANNOT="no $file"
	done
	[ -z "$GUEST_CANNOT" ] || return 0
	ssh-keygen -q -t ed25519 -N '' -f "$BATS_FILE_TMPDIR/key"
	cat >"$BATS_FILE_TMPDIR/job" <<-JOB
		#!/bin/sh
		wss-load -P 1s:10240rw >/dev/null &
		mkdir -p /var/run /dev/pts /etc/dropbear /.ssh
		echo root:x:0:0:root:/:/bin/sh >/etc/passwd
		echo $(cat "$BATS_FILE_TMPDIR/key.pub") >/.ssh/authorized_keys
		chmod 700 / /.ssh
		ifconfig eth0 10.0.2.15 up
		/bin/ld-linux* --library-path /bin /bin/dropbear -R -s
		exec /bin/ld-linux* --library-path /bin /bin/qemu-ga -m virtio-serial -t /tmp -p /dev/virtio-ports/org.qemu.guest_agent.0
	JOB
	# These are no static programs: their libraries and the loader go with them.
	while read -r file; do files+=(-f "$file"); done < <(ldd "${programs[@]}" | grep -o '/[^ ]*' | grep -v : | sort -u; printf '%s\n' "${programs[@]}" "$TOP/bin/wss-load")
	"$TOP/scripts/guest/initrd" "${files[@]}" -m virtio_net -j "$BATS_FILE_TMPDIR/job" -o "$BATS_FILE_TMPDIR/initrd"
	"$TOP/scripts/guest/domain" -d "$LV" -n web -i "$BATS_FILE_TMPDIR/initrd" -M 256 >"$BATS_FILE_TMPDIR/xml"
	truncate -s 1M "$LV/disk"
	chmod 666 "$LV/disk"
	sed -i "s|</devices>|<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>\
<disk type='file' device='disk'><source file='$LV/disk'/><target dev='vda' bus='virtio'/></disk></devices>|" "$BATS_FILE_TMPDIR/xml"
	# Only QEMU itself leads from a port of ours to one of its guest.
	PORT=$(free_port)
	export PORT
	sed -i "s|<domain |&xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0' |
		s|</domain>|<qemu:commandline><qemu:arg value='-netdev'/><qemu:arg value='user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:$PORT-:22'/>\
<qemu:arg value='-device'/><qemu:arg value='virtio-net-pci,netdev=net,addr=0x1e'/></qemu:commandline>&|" "$BATS_FILE_TMPDIR/xml"
	vir define "$BATS_FILE_TMPDIR/xml"
	vir start web
}

free_port() {
	local port
	until port=$((20000 + RANDOM % 10000)) && ! (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
	echo $port
}

teardown_file() { libvirt_down; }

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	need_guests
	until_said 60 agent guest-ping
}

agent() { vir qemu-agent-command web "{\"execute\":\"$1\"}"; }

# Nothing changed while we looked: the guest stands still, and what is asked costs little processor time.
look() {
	vir domstats web >before
	vm-counters -s "libvirt:web?uri=$URI" -n 1 -P >counters
	vir domstats web >after
	cmp before after
}

@test "vm-counters: each value of a guest is what virsh domstats says at the same time" {
	vir suspend web
	until_said 60 look
	vir resume web
	sed 's/^  //; s/^\(vcpu\|block\)\.0\./\1./' before | LC_ALL=C sort >theirs
	sed -n 's/^[^,]*,web,\(.*\),\([0-9]*\)$/\1=\2/p' counters | grep -v '^wss\.' | LC_ALL=C sort >ours
	is "$(LC_ALL=C comm -23 ours theirs)" ''
	# and none is left out: of memory, of processors, of the disk
	grep -E '^(balloon|cpu\.(time|user|system)|vcpu\.(time|wait|delay)|block\.(rd|wr)|block\.fl\.reqs)' theirs >should
	is "$(LC_ALL=C comm -13 ours should)" ''
	between 20 "$(wc -l <should)" 40
}

@test "vm-counters: the guest agent and the balloon driver report the same memory" {
	local total
	vm-counters -s "libvirt:web?uri=$URI" -s "web=agent:web?uri=$URI" -n 1 -P >counters
	total=$(grep -o 'MemTotal,.*' counters)
	is "balloon.available,${total#*,}" "$(grep -o 'balloon.available,.*' counters)"
	# the guest's own figures make the working set, once: MemTotal - MemAvailable
	is "$(grep -c ',wss\.' counters)" 1
	is "$(awk -F, '{ v[$3] = $4 } END { print v["MemTotal"] - v["MemAvailable"] }' counters)" \
		"$(awk -F, '/wss.available_kib/ { print $4 }' counters)"
	grep -q ',pgfault,[1-9]' counters
	grep -q ',pressure.some_us,[0-9]' counters
}

@test "vm-counters: through a secure shell, the guest's agent and the guest's files say the same" {
	# Instead of entries in ~/.ssh/config.
	mkdir shim
	printf '#!/bin/sh\nexec %s -F %q "$@"\n' "$(command -v ssh)" "$PWD/config" >shim/ssh
	chmod +x shim/ssh
	cat >config <<-CONFIG
		Host web.example.org
		HostName 127.0.0.1
		Port $PORT
		User root
		IdentityFile $BATS_FILE_TMPDIR/key
		StrictHostKeyChecking accept-new
		UserKnownHostsFile $PWD/known
		LogLevel ERROR
	CONFIG
	until_said 60 shim/ssh -oBatchMode=yes web.example.org true
	PATH=$PWD/shim:$PATH vm-counters -s web=ssh:web.example.org -p 1s -P >shell 3>&- &
	later_kill $!
	samples() { [ "$(grep -c ',AnonPages,' shell)" -ge "$1" ]; }
	until_said 60 samples 3 # a login takes long on a busy machine
	kill -INT $!
	wait $!
	vm-counters -s "web=agent:web?uri=$URI" -n 1 -P >agent
	names() { sed -n 's/^[^,]*,web,\([^,]*\),.*/\1/p' "$1" | sort -u; }
	is "$(names shell | wc -l)" "$(names agent | wc -l)"
	same <(names agent) <(names shell)
	is "$(grep -o 'MemTotal,.*' shell | sort -u)" "$(grep -o 'MemTotal,.*' agent)"
	# Its load goes on: 40 MiB are anonymous memory, and the guest's time passes.
	is "$(awk -F, '$3 == "AnonPages" && $4 < 40960' shell)" ''
	is "$(awk -F, '$1 + 0 < last { print "back" } { last = $1 + 0 }' shell)" ''
}

@test "vm-counters: the working set of a guest grows by what a program in it takes" {
	# 10,240 pages are 40 MiB; a guest that does nothing has less than 32 MiB that it cannot spare
	takes() {
		vm-counters -s "agent:web?uri=$URI" --cache=none -n 1 -P >counters
		[ "$(awk -F, '/wss.none_kib/ { print $4 }' counters)" -ge 40960 ]
	}
	until_said 60 takes # it has to fill its memory first
	between 40960 "$(awk -F, '/wss.none_kib/ { print $4 }' counters)" 73728
}

@test "vm-counters: a guest that ends, ends its part; alone it is an error" {
	local pid alone n status=0
	vm-counters -s here=guest:local -s "libvirt:web?uri=$URI" -s "web=agent:web?uri=$URI" -p 100ms -f 60s -P >both 2>errors &
	pid=$!
	later_kill $pid
	vm-counters -s "libvirt:web?uri=$URI" -p 100ms -f 60s -P >alone.csv 2>alone.errors &
	alone=$!
	later_kill $alone
	until_true grep -q web both
	until_true grep -q web alone.csv
	vir destroy web
	until_said 60 has_line errors 'vm-counters: warning: web: it does not run any more'
	wait $alone || status=$?
	is "$status" 69
	# libvirt may lose QEMU in the middle of an answer before it knows that it ended: a sample less, with a warning.
	is "$(grep -v 'warning: web: no sample: ' alone.errors)" 'vm-counters: web: it does not run any more'
	n=$(wc -l <both)
	until_true lines both $((n + 100))
	kill -INT $pid
	wait $pid
	run ! grep -q ,web, <(tail -n 60 both)
}
