# SPDX-License-Identifier: GPL-2.0-or-later
load helper

# guest PASSES: makes the image `bios`.
guest() {
	command -v qemu-system-x86_64 >/dev/null || cannot "no qemu-system-x86_64"
	as --32 --defsym "PASSES=$1" -o guest.o "$FIXTURES/touch-guest.S"
	ld -m elf_i386 -Ttext=0xf0000 --oformat=binary -o bios guest.o
}

qemu=(qemu-system-x86_64 -accel tcg -M pc -m 64 -nodefaults -display none -bios bios -device isa-debug-exit)

@test "wss-plugin: a guest's reads and writes are exact, and the same every time" {
	# A pass is 1024 + 512 pages and 4614 instructions; 200 passes are 922,800, in periods of 100,000.
	guest 200
	for i in 1 2; do
		run -1 timeout 60 "${qemu[@]}" -icount shift=0 -plugin "$BUILD/wss-plugin.so,out=run$i.csv,period=100us,name=touch"
	done
	same run1.csv run2.csv
	run --separate-stderr -0 wss-trace -s replay:run1.csv -P
	same run1.csv <(echo "$output")
	wss-count -P run1.csv > counts.csv
	# The first period also sees what the processor read to get into protected mode.
	is "$(awk -F, '$5 == "" { print $6 }' counts.csv | tail -n +2 | sort | uniq -c | xargs)" "8 1536"
	is "$(grep ^500000, run1.csv | cut -d, -f4- | paste -sd/)" "read,2048,512,,/write,256,1024,,/tick,,,100000,"
	is "$(tail -1 run1.csv | cut -d, -f2-)" "touch,,end,,,,"
}

# bats test_tags=slow
@test "wss-trace: source plugin, a running guest, period by period" {
	guest 0
	"${qemu[@]}" -plugin "$BUILD/wss-plugin.so,socket=sock" 3>&- & later_kill $!
	until_true test -S sock
	run --separate-stderr -0 bash -c "wss-trace -s vm1=plugin:sock?memory=64MiB -p 500ms -n 3 -P > trace.csv"
	stderr_is ""
	# The first window may see the guest's start; 1536 pages in each of the others.
	is "$(wss-count -P trace.csv | wss-estimate -m threshold -P | column wss_kib | tail -n +2 | xargs)" "6144 6144"
	is "$(grep -c ',size,,16384,16384,' trace.csv)" 3
	is "$(grep -c ',blind,,,6,' trace.csv)" 1
	# again, and QEMU ends in between
	wss-trace -s plugin:sock -p 100ms -P > again.csv 2> said 3>&- & pid=$!
	until_true grep -q ,tick, again.csv
	kill -TERM "${kill_later# }"
	status=0
	wait "$pid" || status=$?
	is "$status" 69
	is "$(tail -1 again.csv | cut -d, -f4)" end
}

@test "wss-trace: source plugin, nobody there" {
	run --separate-stderr -66 wss-trace -s plugin:none -P
	stderr_is "wss-trace: plugin:none: no QEMU answers here: No such file or directory"
	run --separate-stderr -66 wss-trace --probe plugin:none
	stderr_is "wss-trace: plugin:none: no such socket; start QEMU with -plugin wss-plugin.so,socket=PATH"
	run --separate-stderr -64 wss-trace -s 'plugin:none?size=1' -P
	stderr_is "wss-trace: -s plugin: unknown option 'size=1'; try 'wss-trace --help'"
}

# bats test_tags=slow
@test "wss-trace: source plugin sees every page of a load in a Linux guest, and little else" {
	"$TOP/scripts/guest/kernel" cloud >/dev/null || cannot 'no kernel for a guest'
	command -v qemu-system-x86_64 >/dev/null || cannot "no qemu-system-x86_64"
	# 40 MiB once a second, until it is told to stop; the periods of 3 s begin when the load is under way.
	cat > job <<-'END'
		wss-load -P --frames=/frames 1s:10240w > /dev/virtio-ports/truth &
		for port in /sys/class/virtio-ports/*; do
			[ "$(cat $port/name)" != told ] || read go < /dev/${port##*/}
		done
		kill -INT $!
		wait $!
		cat /frames > /dev/virtio-ports/frames
	END
	mkfifo told.in told.out
	"$TOP/scripts/guest/initrd" -f "$TOP/bin/wss-load" -j job -o initrd
	"$TOP/scripts/guest/boot" -a tcg -i initrd -p truth=truth.csv -p frames=frames.csv -- \
		-chardev pipe,id=told,path=told -device virtserialport,chardev=told,name=told \
		-plugin "$BUILD/wss-plugin.so,socket=$PWD/sock" < /dev/null > console 2>&1 3>&- &
	later_kill $!
	until_true grep -q ,40960,40960 truth.csv
	wss-trace -s linux=plugin:sock -p 3s -n 2 -P | wss-count -P > counts.csv
	echo stop > told.in
	until_true grep -q 'guest: job ended: 0' console
	# frames that were written in each window, and those of the load
	windows=$(awk -F, 'NR > 1 && $5 == "" { print $1 }' counts.csv)
	is "$(wc -w <<< "$windows")" 2
	for t in $windows; do
		awk -F, -v t="$t" '$1 == t && $5 != "" && $7 > 0 { for (i = 0; i < $6; i++) print $5 + i }' counts.csv | sort -u > seen
		tr -d '\r' < frames.csv | column pfn | sort -u > load
		is "$(wc -l < load)" 10240
		is "$(comm -13 seen load | wc -l)" 0
		# What the kernel and the rest of the load wrote: 77 and 93 pages when measured.
		between 1 "$(comm -23 seen load | wc -l)" 400
	done
}
