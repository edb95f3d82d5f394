# SPDX-License-Identifier: GPL-2.0-or-later
# Page tables of real guests that are not the usual four levels: five, which only an emulated processor has here, and the
# three and two of 32-bit kernels.
load ../helper
load ../guests

PAGES=16384 # 64 MiB

setup_file() { libvirt_up; }
teardown_file() { libvirt_down; }

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	need_guests
}

# traced NAME [-k FLAVOUR] [MODEL FEATURE] <<COMMANDS: what the tables of a guest are while it does nothing and then runs the
# commands, each period for itself: t.csv. Emulated also where there is KVM, whose processor may lack the feature.
traced() {
	local name=$1 edit_xml="s/<domain type='kvm'>/<domain type='qemu'>/"
	shift
	[ -z "${feature:-}" ] ||
		edit_xml+="; s#<features>#<cpu mode='custom' match='exact' check='none'><model>qemu64</model><feature policy='require' name='$feature'/></cpu>&#"
	{
		echo '#!/bin/sh'
		echo 'echo never >/sys/kernel/mm/transparent_hugepage/enabled'
		echo 'exec >/dev/virtio-ports/wss.state'
		echo 'uname -m; grep -o -m 1 -w la57 /proc/cpuinfo; echo up; read go </dev/virtio-ports/wss.told'
		cat
		echo 'echo end; sleep 1000'
	} | guest_define "$name" "$@" -M 256 -p wss.state -p wss.frames -p wss.told
	vir start "$name"
	until_said 180 has_line "$LV/$name.wss.state" up
	wss-trace -s "libvirt:$name?uri=$URI&tables=4096" -p 500ms -P >t.csv 3>&- &
	tracer=$!
	later_kill $tracer
	until_said 60 idle_periods 4
	guest_tell "$name"
	until_said 180 has_line "$LV/$name.wss.state" end
	kill $tracer
	wait $tracer || is $? 143
	vir destroy "$name"
}

idle_periods() { [ "$(grep -c ,tick, t.csv)" -ge "$1" ]; }

# tables PERIOD: the frames that were page tables then, sorted as text. counts: how many there were in each period.
tables() {
	awk -F, -v period="$1" '
		$4 == "tick" { ticks++ }
		$4 == "table" && ticks + 1 == period { for (i = 0; i < ($6 == "" ? 1 : $6); i++) print $5 + i }' t.csv | sort
}
counts() {
	awk -F, '$4 == "tick" { print n + 0, ++period; n = 0 }
		$4 == "table" { n += ($6 == "" ? 1 : $6) }' t.csv | sort -n
}

# grew_by TABLES: so many more tables there were while the load ran, and a few for the program itself.
grew_by() {
	local least most
	least=$(counts | head -1 | cut -d' ' -f1)
	most=$(counts | tail -1 | cut -d' ' -f1)
	echo "# $least tables, with the load $most" >&3
	between 10 "$least" 300
	between "$1" $((most - least)) $(($1 + 30))
}

@test "wss-trace: page tables of five levels are found, and nothing else is taken for one" {
	feature=la57 traced five <<-JOB
		wss-load -P -f 5s 1s:${PAGES}w*3 --frames=/tmp/frames >/dev/null
		cat /tmp/frames >/dev/virtio-ports/wss.frames
	JOB
	has_line "$LV/five.wss.state" la57
	grew_by $((PAGES / 512))
	frames "$LV/five.wss.frames" >frames
	is "$(wc -l <frames)" $PAGES
	is "$(tables "$(counts | tail -1 | cut -d' ' -f2)" | comm -12 frames - | wc -l)" 0
}

@test "wss-trace: page tables of a 32-bit kernel with PAE are found: three levels, of which one is 32 bytes" {
	traced pae -k 686-pae <<-JOB
		timeout 5 dd if=/dev/zero of=/dev/null bs=$((PAGES * 4))K
	JOB
	has_line "$LV/pae.wss.state" i686
	grew_by $((PAGES / 512))
}

@test "wss-trace: page tables of a 32-bit kernel without PAE are found: two levels, of 1024 entries" {
	traced legacy -k 686 <<-JOB
		timeout 5 dd if=/dev/zero of=/dev/null bs=$((PAGES * 4))K
	JOB
	has_line "$LV/legacy.wss.state" i686
	grew_by $((PAGES / 1024))
}
