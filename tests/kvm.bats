# SPDX-License-Identifier: GPL-2.0-or-later
# Source kvm without KVM: what it refuses, and why. The real thing is in beds/kvm.bats; its parsers are in unit.bats.
load helper

# qemu_that SCRIPT: starts what looks like QEMU on ./qmp; SCRIPT is Python and sets `answers`, text by command.
qemu_that() {
	cat >qemu.py <<-END
		import json, socket
		answers = {
		    'qmp_capabilities': {}, 'query-name': {'name': 'small'}, 'query-kvm': {'enabled': True, 'present': True},
		    'query-dirty-rate': {'status': 'unstarted'}, 'query-memory-size-summary': {'base-memory': 1 << 28},
		    'query-balloon': {'actual': 1 << 27},
		}
		lines = {
		    'info migrate': '',
		    'info mtree -f': 'FlatView #0\r\n AS "memory", root: system\r\n'
		        '  0000000000000000-000000000fffffff (prio 0, ram): pc.ram KVM\r\n',
		    'info memdev': 'memory backend: pc.ram\r\n', 'gpa2hva 0x0': 'Host virtual address for 0x0 (pc.ram) is 0x10000000\r\n',
		    'gpa2hva 0xffff000': 'Host virtual address for 0xffff000 (pc.ram) is 0x1ffff000\r\n',
		}
		greeting = {'QMP': {}}
		$1
		server = socket.socket(socket.AF_UNIX)
		server.bind('qmp')
		server.listen()
		while True:
		    client = server.accept()[0].makefile('rw')
		    def say(what):
		        client.write((what if isinstance(what, str) else json.dumps(what)) + '\r\n')
		        client.flush()
		    if greeting:
		        say(greeting)
		    for line in client:
		        command = json.loads(line)
		        name = command['execute']
		        say({'event': 'STOP', 'timestamp': {}})
		        if name == 'human-monitor-command':
		            say({'return': lines.get(command['arguments']['command-line'], 'unknown command')})
		        elif name in answers:
		            say({'return': answers[name]} if not isinstance(answers[name], str) else answers[name])
		        else:
		            say({'error': {'class': 'CommandNotFound', 'desc': f'The command {name} has not been found'}})
	END
	python3 qemu.py 3>&- &
	later_kill $!
	qemu=$!
	until_true test -S qmp
}

# refused CODE TEXT: what kvm:./qmp says.
refused() {
	run --separate-stderr "-$1" wss-trace -P -s "kvm:$PWD/qmp"
	stderr_is "wss-trace: kvm:$PWD/qmp: $2"
	is "$(wc -l <<<"$output")" 1
}

@test "wss-trace kvm: a target that is not one is refused by name" {
	run --separate-stderr -64 wss-trace -P -s kvm:0
	stderr_is "wss-trace: kvm: bad PID '0': need the number of a process"
	run --separate-stderr -66 wss-trace -P -s kvm:2147483647
	stderr_is 'wss-trace: kvm:2147483647: no process 2147483647'
	run --separate-stderr -69 wss-trace -P -s kvm:$$
	stderr_is "wss-trace: kvm:$$: process $$ has no virtual machine of KVM"
	run --separate-stderr -69 wss-trace --probe kvm:$$
	stderr_is "wss-trace: kvm:$$: process $$ has no virtual machine of KVM"
	run --separate-stderr -66 wss-trace -P -s kvm:/no/socket
	stderr_is 'wss-trace: kvm:/no/socket: no QEMU answers here: No such file or directory'
	run --separate-stderr -64 wss-trace -P -s "kvm:$$?bufer=1MiB"
	stderr_is "wss-trace: -s kvm: unknown option 'bufer=1MiB'; try 'wss-trace --help'"
	run --separate-stderr -64 wss-trace -P -s "kvm:$$?buffer=1KiB"
	[[ "$stderr" == *buffer*1KiB* ]]
}

@test "wss-trace kvm: with QEMU periods are whole seconds, 1s to 60s" {
	for period in 100ms 1500ms 61s auto; do
		run --separate-stderr -64 wss-trace -P -p $period -s kvm:/no/socket
		stderr_is "wss-trace: -s kvm:/no/socket: QEMU logs dirty pages for whole seconds, 1s to 60s; give such a --period; try 'wss-trace --help'"
	done
	run --separate-stderr -66 wss-trace -P -p 60s -s kvm:/no/socket
}

@test "wss-trace kvm: what a QEMU is asked before anything is done to it" {
	qemu_that ''
	refused 69 "process $qemu has no virtual machine of KVM" # all else is as it should be
	run --separate-stderr -69 wss-trace --probe "kvm:$PWD/qmp"
	stderr_is "wss-trace: kvm:$PWD/qmp: process $qemu has no virtual machine of KVM"
}

@test "wss-trace kvm: an emulated guest is refused: QEMU would crash" {
	qemu_that "answers['query-kvm'] = {'enabled': False, 'present': True}"
	refused 69 'it is emulated (TCG), not run by KVM'
}

@test "wss-trace kvm: a migration that is going on is left alone" {
	qemu_that "lines['info migrate'] = 'Migration status: active\\r\\n'"
	refused 69 'a migration or a snapshot is in progress; try again when that is over'
}

@test "wss-trace kvm: somebody else's measurement is left alone" {
	qemu_that "answers['query-dirty-rate'] = {'status': 'measuring'}"
	refused 69 'somebody measures its dirty rate, or another wss-trace did; try again in a minute'
}

@test "wss-trace kvm: a QEMU that cannot log is named as too old" {
	qemu_that "del answers['query-dirty-rate']"
	refused 69 'its QEMU cannot log dirty pages on demand; needs QEMU 6.2'
}

@test "wss-trace kvm: a QEMU that does not say where the RAM is, is refused" {
	qemu_that "lines['info mtree -f'] = 'nothing'"
	refused 69 "QEMU does not say where the guest's RAM is (info mtree -f, info memdev)"
}

# bats test_tags=slow
@test "wss-trace kvm: what is no QEMU is told from one" {
	qemu_that "greeting = 'HTTP/1.1 400 Bad Request'"
	run --separate-stderr -69 timeout 30 wss-trace -P -s "kvm:$PWD/qmp"
	stderr_is "wss-trace: kvm:$PWD/qmp: no greeting from QEMU; another program may hold its monitor"
}

# in_kernel COMMAND: runs the shell's COMMAND where /sys/kernel/tracing is an empty folder of ours.
in_kernel() {
	unshare -m sh -c 'mount -t tmpfs none /sys/kernel/tracing && mount -t tmpfs none /sys/kernel/debug && eval "$1"' sh "$1"
}

@test "wss-trace kvm: what the kernel lacks is said, in the list too" {
	in_kernel : 2>/dev/null || cannot 'needs root, to hide the real tracing'
	why() { in_kernel "$1; wss-trace" | awk '/kvm:DOMAIN/ { getline; sub(/^ */, ""); print }'; }
	is "$(why :)" 'no tracefs here; mount -t tracefs none /sys/kernel/tracing'
	is "$(why 'mkdir /sys/kernel/tracing/instances')" 'no probes in this kernel; needs CONFIG_KPROBE_EVENTS'
	is "$(why 'mkdir -p /sys/kernel/tracing/instances /sys/kernel/tracing/kprobe_events')" \
		'the kernel does not let us set probes: Is a directory'
	is "$(why 'cd /sys/kernel/tracing; mkdir instances; >kprobe_events; printf "0 T main\n0 t a_mark_page_dirty_in_slot\n" >syms;
		mount --bind syms /proc/kallsyms')" 'no KVM in this kernel; load kvm_intel or kvm_amd'
	is "$(why 'cd /sys/kernel/tracing; mkdir instances; >kprobe_events; printf "0 t mark_page_dirty_in_slot\t[kvm]\n" >syms;
		mount --bind syms /proc/kallsyms')" \
		"this kernel's KVM does not say which guest a dirty page is of; needs Linux 5.12"
	is "$(setpriv --reuid 65534 --clear-groups wss-trace | awk '/kvm:DOMAIN/ { getline; sub(/^ */, ""); print }')" \
		"the kernel's tracing is root's; needs root"
}

@test "wss-trace kvm: --release finds what dead runs left, and leaves the rest" {
	in_kernel : 2>/dev/null || cannot 'needs root, to hide the real tracing'
	sleep 100 3>&- &
	later_kill $!
	start=$(awk '{ print $22 }' "/proc/$!/stat")
	in_kernel "cd /sys/kernel/tracing; mkdir -p instances/wss_$!_${start}_0 instances/wss_$!_1_0 instances/wss_2147483647_5_1 \
		instances/wss instances/foo_1_2_3; echo 'p:wss_2147483647_5/dirty kvm:f' >kprobe_events
		echo 'p:wss_$!_$start/dirty kvm:f' >>kprobe_events; echo 'p:other/dirty f' >>kprobe_events
		wss-trace --release kvm:x; ls instances; tail -n +4 kprobe_events" >out
	file_is out "kvm:x: 3 released
foo_1_2_3
wss
wss_$!_${start}_0
-:wss_2147483647_5/dirty"
}
