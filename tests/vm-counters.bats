# SPDX-License-Identifier: GPL-2.0-or-later
# vm-counters without a hypervisor: files of a Debian guest with Linux 6.1 (fixtures/sysroot, as they were), libvirt's
# own test driver, and an ssh that goes nowhere. A real guest is in vm-counters-guest.bats.
load helper

ROOT=$FIXTURES/sysroot
URI=test:///default
UUID=6695eb01-f6a4-8304-79aa-97f2502e193f

# values [VM]: counter=value of the records on standard input.
values() { awk -F, -v vm="${1:-}" 'NR > 1 && (vm == "" || $2 == vm) { print $3 "=" $4 }'; }

# known: those of the lines on standard input that are counters of --list.
known() { awk -F= 'NR == FNR { split($0, word, " "); listed[word[1]]; next } $1 in listed' <(vm-counters --list) -; }

# fake_ssh SCRIPT: what `ssh` does here; the command for the other side is in $command.
fake_ssh() {
	mkdir -p fake
	printf '#!/bin/bash\necho "$*" >>%q/called\nfor command; do :; done\n%s\n' "$PWD" "$1" >fake/ssh
	chmod +x fake/ssh
	PATH=$PWD/fake:$PATH
}

# A libvirt with one domain `win` on which libosinfo noted Windows, and `web`.
domains() {
	cat >test.xml <<-'XML'
		<node><domain type='test'><name>win</name><memory unit='GiB'>2</memory><os><type>hvm</type></os>
		<metadata><libosinfo:libosinfo xmlns:libosinfo="http://libosinfo.org/xmlns/libvirt/domain/1.0">
		<libosinfo:os id="http://microsoft.com/win/10"/></libosinfo:libosinfo></metadata><devices><memballoon model='virtio'/></devices></domain>
		<domain type='test'><name>web</name><memory unit='GiB'>2</memory><os><type>hvm</type></os>
		<devices><memballoon model='virtio'/></devices></domain></node>
	XML
	URI=test://$PWD/test.xml
}

@test "vm-counters: a guest's counters are those of its /proc, by the names of Linux" {
	run --separate-stderr -0 vm-counters -s vm1=guest:local -R "$ROOT" --cache=off -n 1 -P
	{
		sed -nE 's/^([^:]+): +([0-9]+).*/\1=\2/p' "$ROOT/proc/meminfo"
		sed 's/ /=/' "$ROOT/proc/vmstat"
		sed -E 's/^(some|full) .*total=/pressure.\1_us=/' "$ROOT/proc/pressure/memory"
	} | known | LC_ALL=C sort >theirs
	values vm1 <<<"$output" | LC_ALL=C sort >ours
	same theirs ours
	is "$(wc -l <ours) $(grep -c '^[A-Z]' ours) $(grep pressure.some ours)" '57 30 pressure.some_us=4095854'
	is "$stderr" ''
}

@test "vm-counters: the working set by each rule for caches" {
	local rule
	for rule in full active none available; do
		vm-counters -s vm1=guest:local -R "$ROOT" --cache=$rule -n 1 -P | values | grep wss
	done >sets
	# 223632 of memory; 187184 free, 9044 reclaimable, no page cache on the lists; 190424 available
	file_is sets $'wss.full_kib=36448\nwss.active_kib=27404\nwss.none_kib=27404\nwss.available_kib=33208'
	is "$(vm-counters -s vm1=guest:local -R "$ROOT" -n 1 -P | values | grep wss)" wss.available_kib=33208
	run --separate-stderr -64 vm-counters -s guest:local --cache=most
	stderr_is "vm-counters: --cache: 'most' is not one of full, active, none, available, off; try 'vm-counters --help'"
}

@test "vm-counters: a control group's memory, statistics, swap and pressure" {
	run --separate-stderr -0 vm-counters -s cgroup:load -R "$ROOT" -n 1 -P
	{
		sed 's/^/memory.stat./; s/ /=/' "$ROOT/sys/fs/cgroup/load/memory.stat"
		echo memory.current=7593984
		echo memory.swap.current=0
		sed -E 's/^(some|full) .*total=/memory.pressure.\1_us=/' "$ROOT/sys/fs/cgroup/load/memory.pressure"
	} | known | LC_ALL=C sort >theirs
	values load <<<"$output" | LC_ALL=C sort >ours
	same theirs ours
	is "$(wc -l <ours) $(grep anon= ours | head -n 1)" '25 memory.stat.active_anon=4096'
	run --separate-stderr -66 vm-counters -s cgroup:none -R "$ROOT" -P
	stderr_is "vm-counters: cgroup:none: no such group in $ROOT/sys/fs/cgroup/none"
	mkdir -p sys/fs/cgroup/old
	run --separate-stderr -69 vm-counters -s cgroup:old -R "$PWD" -P
	stderr_is "vm-counters: cgroup:old: no memory.stat, so no memory controller (version 2) in $PWD/sys/fs/cgroup/old"
}

@test "vm-counters: exits of a VM of KVM by reason, until it ends" {
	local kvm=sys/kernel/debug/kvm/4242-11
	mkdir -p $kvm
	echo 1205 >$kvm/exits
	echo 700 >$kvm/io_exits
	echo 2002 >$kvm/pages_4k
	echo 9 >$kvm/no_such_counter
	run --separate-stderr -0 vm-counters -s vm1=kvm:4242 -R "$PWD" -n 1 -P
	is "$(values vm1 <<<"$output")" $'kvm.exits=1205\nkvm.io_exits=700\nkvm.pages_4k=2002'
	run --separate-stderr -66 vm-counters -s kvm:424 -R "$PWD" -P
	stderr_is 'vm-counters: kvm:424: no VM of KVM belongs to that process'
	run --separate-stderr -69 vm-counters -s kvm:424 -R "$ROOT" -P
	stderr_is "vm-counters: kvm:424: cannot read $ROOT/sys/kernel/debug/kvm; needs root, debugfs mounted, and KVM on this host: No such file or directory"
	vm-counters -s vm1=kvm:4242 -R "$PWD" -p 10ms -f 10s -P >out 2>err &
	local pid=$! status=0
	later_kill $pid
	until_true grep -q kvm.exits out
	rm -r $kvm
	wait $pid || status=$?
	is "$status" 69
	file_is err 'vm-counters: vm1: the VM ended'
}

@test "vm-counters: a domain of libvirt has what virsh says" {
	run --separate-stderr -0 vm-counters -s "libvirt:test?uri=$URI" -n 1 -P
	is "$(values test <<<"$output" | grep -v cpu.time)" "wss.available_kib=1048576
balloon.swap_in=0
balloon.swap_out=0
balloon.major_fault=0
balloon.minor_fault=0
balloon.unused=1048576
balloon.available=2097152
balloon.usable=1048576
balloon.last-update=627319920
balloon.disk_caches=262144
balloon.hugetlb_pgalloc=0
balloon.hugetlb_pgfail=0
balloon.current=2097152
balloon.maximum=8388608
balloon.rss=1048576"
	virsh -c $URI dommemstat test | awk 'NF { print $2 }' | sort >theirs
	values test <<<"$output" | grep balloon | grep -v maximum | cut -d= -f2 | sort >ours
	same theirs ours
	is "$(vm-counters -s "libvirt:$UUID?uri=$URI" -n 1 -P | column vm | sort -u)" test
	run --separate-stderr -66 vm-counters -s "libvirt:none?uri=$URI" -P
	stderr_is "vm-counters: libvirt:none: no such domain; 'virsh list' shows those that run"
	run --separate-stderr -69 vm-counters -s 'libvirt:web?uri=qemu+unix:///session?socket=/none' -P
	stderr_is "vm-counters: libvirt:web: libvirt at qemu+unix:///session?socket=/none does not answer: Failed to connect socket to '/none': No such file or directory"
}

@test "vm-counters: what Windows calls available has its cache in it; libosinfo or ?guest= says what runs" {
	domains
	is "$(vm-counters -s "libvirt:win?uri=$URI" --cache=active -n 1 -P | values | grep wss)" wss.active_kib=1048576
	is "$(vm-counters -s "libvirt:win?uri=$URI" --cache=full -n 1 -P | values | grep -c wss)" 0
	is "$(vm-counters -s "libvirt:web?uri=$URI" --cache=active -n 1 -P | values | grep -c wss)" 0
	is "$(vm-counters -s "libvirt:web?uri=$URI" --cache=full -n 1 -P | values | grep wss)" wss.full_kib=1048576
	is "$(vm-counters -s "libvirt:web?guest=windows&uri=$URI" --cache=active -n 1 -P | values | grep wss)" wss.active_kib=1048576
	is "$(vm-counters -s "libvirt:win?guest=linux&uri=$URI" --cache=full -n 1 -P | values | grep wss)" wss.full_kib=1048576
	run --separate-stderr -64 vm-counters -s "libvirt:win?guest=hurd&uri=$URI" -P
	stderr_is "vm-counters: -s libvirt:win: guest=hurd is neither linux nor windows; try 'vm-counters --help'"
}

# bats test_tags=slow
@test "vm-counters: through ssh the same counters, with one ssh for all samples" {
	fake_ssh 'cd / && exec sh -c "$command"'
	vm-counters -s web=ssh:host.example.org -s here=guest:local -p 500ms -n 3 -P >out
	is "$(grep -c . called)" 1
	[[ $(cat called) == '-T -oBatchMode=yes -- host.example.org while '* ]]
	is "$(grep -c web,MemTotal out)" 3
	values web <out | cut -d= -f1 | sort -u >ours
	values here <out | cut -d= -f1 | sort -u >local
	same local ours
	is "$(values web <out | grep MemTotal | sort -u)" "$(values here <out | grep MemTotal | sort -u)"
	is "$(awk -F, '$2 == "web" { if ($1 < last) print "back"; last = $1 }' out)" ''
}

# bats test_tags=slow
@test "vm-counters: an ssh that ends, ends its part; alone it is an error" {
	fake_ssh 'exit 255'
	run --separate-stderr -69 vm-counters -s web=ssh:host -P
	stderr_is 'vm-counters: web: ssh ended'
	run --separate-stderr -0 vm-counters -s web=ssh:host -s here=guest:local -p 1s -n 2 -P
	stderr_is 'vm-counters: warning: web: ssh ended'
	is "$(grep -c here,MemTotal <<<"$output")" 2
	run --separate-stderr -69 env PATH=/nowhere "$(command -v vm-counters)" -s web=ssh:host -P
	stderr_is 'vm-counters: ssh:host: cannot start ssh: No such file or directory'
}

# bats test_tags=slow
@test "vm-counters: a guest that does not answer keeps nobody waiting, and leaves no ssh behind" {
	fake_ssh 'echo $$ >pid; read -r _; printf "==> proc/meminfo\nMemTotal: 5 kB\n"; exec sleep 100'
	run --separate-stderr -0 vm-counters -s web=ssh:host -s here=guest:local -p 500ms -n 4 -P
	stderr_is 'vm-counters: warning: web: no sample: it has not answered within the period'
	is "$(grep -c here,MemTotal <<<"$output") $(grep -c web, <<<"$output")" '4 0'
	until_true gone "$(cat pid)"
}
gone() { ! kill -0 "$1"; }

@test "vm-counters: a count that fell has no value once; a level may fall" {
	cp -r "$ROOT" root
	vm-counters -s vm1=guest:local -R root -p 10ms -P >out &
	later_kill $!
	until_true grep -q 'vm1,pgfault,[0-9]' out
	# in place, as the kernel does
	sed 's/^pgfault .*/pgfault 7/' "$ROOT/proc/vmstat" >smaller
	sed 's/^MemFree: .*/MemFree: 7 kB/' "$ROOT/proc/meminfo" >less
	cat less >root/proc/meminfo
	until_true grep -q 'vm1,MemFree,7$' out
	cat smaller >root/proc/vmstat
	until_true grep -q 'vm1,pgfault,7$' out
	is "$(grep -o 'pgfault,7*$' out | head -n 2)" $'pgfault,\npgfault,7'
	is "$(grep -c 'MemFree,$' out)" 0
}

@test "vm-counters: -n samples and no more, the first at once; -f by time; gzip" {
	run --separate-stderr -0 timeout 10 vm-counters -s guest:local -R "$ROOT" -p 1h -n 1 -P
	is "$(grep -c MemTotal <<<"$output")" 1
	vm-counters -s guest:local -R "$ROOT" -p 50ms -n 5 | column counter | grep -c MemTotal >n
	file_is n 5
	vm-counters -s guest:local -R "$ROOT" -p 20ms -f 100ms -P >out
	between 1 "$(grep -c MemTotal out)" 5
}

@test "vm-counters: SIGINT ends it in order" {
	vm-counters -s guest:local -R "$ROOT" -p 20ms >out.gz &
	local pid=$!
	later_kill $pid
	until_true grep -q . out.gz
	kill -INT $pid
	wait $pid
	gzip -t out.gz
}

@test "vm-counters: several readers tell of one VM, the guest itself makes the working set" {
	run --separate-stderr -0 vm-counters -s "libvirt:test?uri=$URI" -s test=guest:local -R "$ROOT" -n 1 -P
	is "$(grep -c ,wss <<<"$output") $(grep -o 'wss.*' <<<"$output")" '1 wss.available_kib,33208'
	is "$(grep -c 'test,balloon.rss' <<<"$output")" 1
	run --separate-stderr -64 vm-counters -s a=guest:local -s a=ssh:host -P
	stderr_is "vm-counters: guest:local and ssh:host are both called 'a'; give one another name: -s NAME=ssh:host; try 'vm-counters --help'"
	run --separate-stderr -64 vm-counters -s "libvirt:test?uri=$URI" -s "libvirt:$UUID?uri=$URI" -P
	stderr_is "vm-counters: libvirt:test and libvirt:$UUID are both called 'test'; give one another name: -s NAME=libvirt:$UUID; try 'vm-counters --help'"
}

@test "vm-counters: wrong words are refused" {
	run --separate-stderr -64 vm-counters -s guest -P
	stderr_is "vm-counters: -s: 'guest' is not READER:SPEC; try 'vm-counters --help'"
	run --separate-stderr -64 vm-counters -s guest: -P
	stderr_is "vm-counters: -s: 'guest:' is not READER:SPEC; try 'vm-counters --help'"
	run --separate-stderr -64 vm-counters -s dog:spec -P
	stderr_is "vm-counters: -s: no reader 'dog'; 'vm-counters' alone lists them; try 'vm-counters --help'"
	run --separate-stderr -64 vm-counters -s guest:other -P
	stderr_is "vm-counters: -s guest:other: only guest:local can be read; others by ssh: or agent:; try 'vm-counters --help'"
	run --separate-stderr -64 vm-counters -s =guest:local -P
	stderr_is "vm-counters: -s: bad name in '=guest:local'; try 'vm-counters --help'"
	run --separate-stderr -64 vm-counters -s 'guest:local?uri=x' -P
	stderr_is "vm-counters: -s guest: unknown option 'uri=x'; try 'vm-counters --help'"
	run --separate-stderr -69 vm-counters -s guest:local -R /none -P
	stderr_is 'vm-counters: guest:local: cannot read /none/proc/meminfo: No such file or directory'
}

@test "vm-counters: where there is no Xen, it says so" {
	run --separate-stderr -69 vm-counters -s xen:web -P
	stderr_is 'vm-counters: xen:web: no Xen here; needs the control domain (dom0) of a Xen host'
}

@test "vm-counters: alone it lists its readers; --list its counters, each once" {
	run --separate-stderr -0 vm-counters
	is "$(awk '{ print $1 }' <<<"$output")" $'agent:DOMAIN\ncgroup:PATH\nguest:local\nkvm:PID\nlibvirt:DOMAIN\nssh:HOST\nxen:DOMAIN'
	run --separate-stderr -0 vm-counters --list
	is "$(awk '{ print $1 }' <<<"$output" | sort | uniq -d)" ''
	is "$(awk '$2 != "level" && $2 != "count" || $3 != "guest" && $3 != "host" || NF < 5' <<<"$output")" ''
	is "$(grep -E '^(pswpin|MemFree|cpu.time) ' <<<"$output" | awk '{ print $1, $2, $3, $4 }')" \
		$'MemFree level guest KiB\npswpin count guest pages\ncpu.time count host ns'
}

@test "vm-counters: wss-estimate and wss-fit read what it writes, and take an empty value for none" {
	local n
	vm-counters -s vm1=guest:local -R "$ROOT" -n 1 -P | sed '2,$s/^[0-9]*/5/' >counters
	echo 6,vm1,Committed_AS, >>counters
	wss-trace -s vm1=model:1s:10w -n 2 | wss-count -o counts
	# Committed_AS of the fixture
	is "$(wss-estimate -m self-ballooning -c counters counts | column wss_kib | xargs)" '13680 13680'
	for n in 10 20 30 40 50 60; do echo "$n,vm1,MemFree,$n"; done | sed "1i $(head -n 1 counters)" >with
	sed 's/MemFree,[35]/&1/' with >other
	wss-fit --homogeneity with other >expected
	sed -i '3a 25,vm1,MemFree,' with
	wss-fit --homogeneity with other >got
	same expected got
}
