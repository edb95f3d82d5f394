# SPDX-License-Identifier: GPL-2.0-or-later
# balloon-set without a hypervisor: libvirt's own test driver, whose one domain `test` has 2 GiB of at most 8 and whose
# memory statistics are from 1989. Real guests are in guest-balloon.bats.
load helper

HEAD=t_ns,vm,method,wss_kib,gap_kib,target_kib,actual_kib,memory_kib,reason
UUID=6695eb01-f6a4-8304-79aa-97f2502e193f

# targets VM KIB [VM KIB]...: a stream of target records.
targets() {
	echo "$HEAD"
	while [ $# -gt 0 ]; do
		echo "1,$1,m,,,$2,,,follow"
		shift 2
	done
}

# set_targets TARGETS -- OPTION...: runs it; the acks without their time in $output.
balloon_set() {
	run --separate-stderr balloon-set -P -c "${URI:-test:///default}" --state state "$@"
	[ -z "$output" ] || output=$(echo "$output" | cut -d, -f2-)
}

# xml WHAT DEVICE: a test hypervisor with one domain that has WHAT and DEVICE.
xml() {
	cat >test.xml <<-XML
		<node><domain type='test'><name>web</name><memory unit='GiB'>2</memory>$1
		<os><type>hvm</type></os><devices>$2</devices></domain></node>
	XML
	URI=test://$PWD/test.xml
}

@test "balloon-set: changes nothing without --apply" {
	balloon_set < <(targets test 2228224)
	stdout_is $'vm,target_kib,actual_kib,result\ntest,2228224,2097152,dry-run'
	is "$status$stderr" 0
	[ ! -e state ]
}

@test "balloon-set: --apply sets, and stores UUID and original size before" {
	balloon_set --apply < <(targets test 2228224)
	stdout_is $'vm,target_kib,actual_kib,result\ntest,2228224,2228224,done'
	is "$status$stderr" 0
	file_is "state/$UUID" $'2097152\ntest:///default\ntest'
}

@test "balloon-set: writes gzip, as all do" {
	targets test 2228224 | balloon-set -c test:///default >acks
	is "$(gzip -dc acks | column result)" dry-run
}

@test "balloon-set: does not shrink on statistics that are missing or old; --trust-lower-bound does" {
	balloon_set --apply < <(targets test 2000000)
	stdout_is $'vm,target_kib,actual_kib,result\ntest,2000000,2097152,no-usable'
	stderr_is "balloon-set: warning: test: not changed: its guest is not asked what it can give; 'virsh dommemstat test --period 1 --live' makes it say so"
	xml '' "<memballoon model='virtio'><stats period='5'/></memballoon>"
	balloon_set --apply < <(targets web 2000000)
	stdout_is $'vm,target_kib,actual_kib,result\nweb,2000000,2097152,no-usable'
	stderr_is 'balloon-set: warning: web: not changed: its guest has not said lately what it can give'
	balloon_set --apply --trust-lower-bound < <(targets web 2000000)
	stdout_is $'vm,target_kib,actual_kib,result\nweb,2000000,2000000,done'
}

@test "balloon-set: targets that cannot be, and VMs that are not there, are acknowledged as such" {
	balloon_set --apply < <(targets test 0)
	stdout_is $'vm,target_kib,actual_kib,result\ntest,0,2097152,zero'
	balloon_set --apply < <(targets test 8388609)
	stdout_is $'vm,target_kib,actual_kib,result\ntest,8388609,2097152,above-max'
	balloon_set --apply < <(targets none 2097152)
	stdout_is $'vm,target_kib,actual_kib,result\nnone,2097152,,no-vm'
	is "$status" 0
	[ ! -e state ]
}

@test "balloon-set: a row without a target is no target" {
	balloon_set --apply < <(targets test '')
	stdout_is vm,target_kib,actual_kib,result
	balloon_set --apply < <(targets test 2228224 test '')
	stdout_is $'vm,target_kib,actual_kib,result\ntest,2228224,2228224,done'
}

@test "balloon-set: the newest target of a VM wins, and the input never waits" {
	# a thousand steps of 128 MiB up and down would take a thousand seconds
	balloon_set --apply --trust-lower-bound < <(targets test 2228224; for ((i = 0; i < 1000; i++)); do
		echo "1,test,m,,,8388608,,,follow"
		echo "1,test,m,,,2228224,,,follow"
	done)
	is "$(tail -n 1 <<<"$output")" test,2228224,2228224,done
}

# bats test_tags=slow
@test "balloon-set: at most 128 MiB in a second" {
	local begin=${EPOCHREALTIME/./}
	# 384 MiB: a step at 0, 1, 2 s
	balloon_set --apply < <(targets test $((2097152 + 3 * 131072)))
	is "$(tail -n 1 <<<"$output")" test,2490368,2490368,done
	between 2000000 $((${EPOCHREALTIME/./} - begin)) 10000000
}

# bats test_tags=slow,nosan
@test "balloon-set: a guest that only says it gave memory back is told apart, 75" {
	# A fake: the host goes on holding 2 GiB for the domain whatever it says it has.
	cat >lie.c <<-'LIE'
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <libvirt/libvirt.h>
		int virDomainMemoryStats(virDomainPtr dom, virDomainMemoryStatPtr stat, unsigned n, unsigned flags)
		{
			int (*real)(virDomainPtr, virDomainMemoryStatPtr, unsigned, unsigned) = dlsym(RTLD_NEXT, __func__);
			int got = real(dom, stat, n, flags);
			for (int i = 0; i < got; i++)
				if (stat[i].tag == VIR_DOMAIN_MEMORY_STAT_RSS)
					stat[i].val = 2097152;
			return got;
		}
	LIE
	cc -shared -fPIC -o lie.so lie.c -lvirt
	# steps of 128 MiB: after the second the host holds 256 MiB too much
	LD_PRELOAD=$PWD/lie.so balloon_set --apply --trust-lower-bound < <(targets test 1048576)
	stdout_is $'vm,target_kib,actual_kib,result\ntest,1048576,1835008,lying'
	stderr_is 'balloon-set: warning: test: its guest says it gave memory back, but the host still holds it'
	is "$status" 75
}

@test "balloon-set: refuses guests whose memory cannot be given back, in words" {
	local -A against=(
		["<memoryBacking><locked/></memoryBacking>|"]='pinned|its memory is locked'
		["<memoryBacking><hugepages/></memoryBacking>|"]='pinned|its memory is made of huge pages, which a balloon cannot give back'
		["|<hostdev mode='subsystem' type='pci'><source><address domain='0' bus='1' slot='0' function='0'/></source></hostdev>"]='pinned|a PCI device passed through (VFIO) pins its memory'
		["|<memballoon model='none'/>"]='no-balloon|it has no balloon device; add <memballoon model='"'virtio'>"
	)
	local key
	for key in "${!against[@]}"; do
		xml "${key%|*}" "${key#*|}"
		balloon_set --apply --trust-lower-bound < <(targets web 2000000)
		is "$(tail -n 1 <<<"$output")" "web,2000000,2097152,${against[$key]%%|*}"
		stderr_is "balloon-set: warning: web: not changed: ${against[$key]#*|}"
	done
}

@test "balloon-set: --stop-file: nothing is changed while it exists" {
	touch stop
	balloon_set --apply --stop-file stop < <(targets test 2228224)
	stdout_is $'vm,target_kib,actual_kib,result\ntest,2228224,2097152,stopped'
	rm stop
	balloon_set --apply --stop-file stop < <(targets test 2228224)
	stdout_is $'vm,target_kib,actual_kib,result\ntest,2228224,2228224,done'
}

@test "balloon-set: another VM under the name of one that was changed is left alone" {
	mkdir state
	printf '1048576\ntest:///default\ntest\n' >state/00000000-1111-2222-3333-444444444444
	balloon_set --apply < <(targets test 2228224)
	stdout_is $'vm,target_kib,actual_kib,result\ntest,2228224,2097152,other-vm'
	stderr_is "balloon-set: warning: test: not changed: it is not the VM of this name that was changed before; '--restore test' gives that one its memory back and forgets it"
	balloon_set --restore test
	stdout_is vm,target_kib,actual_kib,result
	stderr_is 'balloon-set: warning: test: does not run any more; forgotten'
	balloon_set --apply < <(targets test 2228224)
	stdout_is $'vm,target_kib,actual_kib,result\ntest,2228224,2228224,done'
}

@test "balloon-set: --restore gives back what was stored, to that VM, under whatever name, and forgets it" {
	mkdir state
	printf '2228224\ntest:///default\nold-name\n' >"state/$UUID"
	printf '2228224\nqemu:///system\nold-name\n' >state/00000000-1111-2222-3333-444444444444
	balloon_set --restore old-name
	stdout_is $'vm,target_kib,actual_kib,result\ntest,2228224,2228224,done'
	is "$status$stderr" 0
	is "$(ls state)" 00000000-1111-2222-3333-444444444444 # of another hypervisor
	balloon_set --restore old-name
	is "$status" 66
	stderr_is 'balloon-set: old-name: no original size of it is stored'
}

@test "balloon-set: a size that cannot be stored is not changed" {
	touch state
	balloon_set --apply < <(targets test 2228224)
	stdout_is $'vm,target_kib,actual_kib,result\ntest,2228224,2097152,error'
	stderr_is 'balloon-set: warning: test: not changed: cannot store its size in state: Not a directory; see --state'
}

@test "balloon-set: bad input ends it; what was asked before is acknowledged or not, but never half" {
	run --separate-stderr -65 balloon-set -P -c test:///default < <(targets test 2228224; echo bad)
	stderr_is 'balloon-set: standard input: line 3: 1 columns, the header has 9'
	run -0 grep -cv '^t_ns,vm,target_kib,actual_kib,result$\|^[0-9]*,test,2228224,2097152,dry-run$' <<<"$output" || [ "$output" = 0 ]
}

@test "balloon-set: libvirt that cannot be reached; actuator that is not there" {
	run --separate-stderr -69 balloon-set -P -c "qemu+unix:///session?socket=$PWD/none" </dev/null
	stderr_is "balloon-set: cannot reach libvirt at 'qemu+unix:///session?socket=$PWD/none': Failed to connect socket to '$PWD/none': No such file or directory"
	run --separate-stderr -64 balloon-set -a none </dev/null
	stderr_is "balloon-set: --actuator: no actuator 'none'; there is: libvirt xen; try 'balloon-set --help'"
	run --separate-stderr -69 balloon-set -a xen --state state -P </dev/null
	stderr_is 'balloon-set: no Xen here; needs the control domain (dom0) of a Xen host'
	run --separate-stderr -64 balloon-set -a xen -c xen:///system --state state -P </dev/null
	stderr_is "balloon-set: --connect: actuator xen drives the Xen host that it runs on; through libvirt: -a libvirt; try 'balloon-set --help'"
}
