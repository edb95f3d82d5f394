# SPDX-License-Identifier: GPL-2.0-or-later
# Xen with the patches of hv-patches/xen-4.17 on a processor that logs written pages itself (PML), which is Bochs's. One
# machine runs once, in setup_file; each test looks at a part of what came out. Its guest has a program of our own
# (tests/helpers/xen-guest.c) that writes the pages it is told to and keeps a list of them, and page tables.
load ../helper

setup_file() {
	local work=$BATS_FILE_TMPDIR xen
	xen=$("$TOP/scripts/guest/xen")
	patched=$("$TOP/hv-patches/xen-4.17/build") || cannot 'no patched Xen could be built'
	make -s -C "$TOP" WITHOUT=libvirt B=build-dom0 BIN=build-dom0/bin build-dom0/bin/wss-trace \
		build-dom0/helpers/xen-guest >&2
	pack "$patched/xl" "$TOP/build-dom0/bin/wss-trace" "$TOP/build-dom0/helpers/xen-guest" \
		"$xen/tools/usr/lib/xen-4.17/bin/xenstored"
	job >"$work/job"
	"$TOP/scripts/guest/initrd" -k amd64 -m xen_privcmd -m xen_evtchn -m xen_gntdev -m xen_gntalloc -m xenfs \
		-f "$work/programs.tar" -j "$work/job" -o "$work/initrd"
	# Of Debian's kernel Xen would first have to unpack xz: half a minute.
	"$TOP/scripts/guest/bochs" -k "$xen/vmlinux.gz" -x "$patched/xen" -t 560 -i "$work/initrd" -f "$work/out.tgz" >"$work/console" ||
		{ tail -n 40 "$work/console" >&2; return 1; }
	tar -C "$work" -xzf "$work/out.tgz"
	export patched
}

# pack PROGRAM...: with the libraries they need, as a root.
pack() {
	local root=$BATS_FILE_TMPDIR/programs library
	mkdir -p "$root/bin" "$root/lib" "$root/lib64" "$root/etc/xen"
	cp "$@" "$root/bin"
	: >"$root/etc/xen/xl.conf"
	ldd "$@" | awk '$3 ~ /^\// { print $3 }' | sort -u | while read -r library; do cp -L "$library" "$root/lib"; done
	cp -L /lib64/ld-linux-x86-64.so.2 "$root/lib64"
	strip "$root"/bin/* "$root"/lib/*
	tar -C "$root" -cf "$root.tar" .
}

# What dom0 does.
job() {
	cat <<-'JOB'
		#!/bin/sh
		tar -C / -xf /bin/programs.tar
		export LD_LIBRARY_PATH=/lib
		mkdir -p /tmp/out /run/xen /run/lock /run/xenstored /var/lock /var/lib/xenstored
		ln -s /run /var/run
		cd /tmp/out
		exec 2>err
		mount -t xenfs xenfs /proc/xen
		step() { echo "xen-pml: $1 $(cut -d ' ' -f 1 /proc/uptime)"; }
		step xenstored
		xenstored --pid-file /run/xenstored.pid
		until xl list >list; do sleep 0.1; done

		ticks() { grep -c ,tick, $1.csv; }
		next_tick() {
			local n=$(ticks $1)
			until [ $(ticks $1) -gt $n ] || ! kill -0 $tracer; do sleep 0.1; done
		}
		# begin NAME PERIOD [OPTIONS]: a trace; a period has just begun then.
		begin() {
			step $1
			: >$1.csv
			wss-trace -v -P -p $2 -s a=xen-pml:$id$3 >$1.csv 2>$1.err &
			tracer=$!
			next_tick $1
		}
		# end NAME: the period in which we are is over then.
		end() {
			next_tick $1
			kill -TERM $tracer
			wait $tracer
			echo $? >$1.status
		}
		# wrote NAME VCPU FIRST COUNT STEP
		wrote() {
			local name=$1
			shift
			xen-guest write $id $* >$name.list
		}
		try() {
			begin $1 700ms $2
			wrote $1 $3 $4 $5 $6
			end $1
		}

		xen-guest tables >tables
		id=$(xen-guest build)
		wss-trace --probe xen-pml:$id >probe
		wss-trace >sources
		step built
		try one '?buffers=1' 0 64 2000 7
		try two '?buffers=2' 0 64 2000 7
		try large '?buffers=2' 0 4096 2000 7
		try small '?entries=512' 0 64 2000 7

		try filter '?filter=on' 0 64 2000 7

		# What it takes to get entries into gzip. At the ends of three periods, of which the second has them: bytes so
		# far, and ns for which the tracer had the processor.
		written() { wc -c <cost.gz; }
		look() {
			local n=$(written)
			until [ $(written) -gt $n ] && [ "$(cut -d ' ' -f 3 /proc/$tracer/stat)" = S ] || ! kill -0 $tracer; do
				sleep 0.1
			done
			echo "$(written) $(cut -d ' ' -f 1 /proc/$tracer/schedstat)" >>cost
		}
		step cost
		wss-trace -v -p 2s -s a=xen-pml:$id -o cost.gz 2>cost.err &
		tracer=$!
		until [ -s cost.gz ] || ! kill -0 $tracer; do sleep 0.1; done
		look
		wrote cost 0 64 8000 3001
		look
		look
		kill -TERM $tracer
		wait $tracer

		begin often 50ms
		wrote often 0 64 4000 7
		end often

		begin hotplug 700ms
		xen-guest online $id
		wrote hotplug 1 64 2000 7
		end hotplug

		# A migration, before, while and after we trace.
		xl enable-log-dirty $id
		xl clean-dirty-log $id
		wrote before 0 64 600 7
		begin beside 300ms
		wrote while 0 1000 600 7
		next_tick beside
		xl collect-dirty-log $id >dirty.while
		xl clean-dirty-log $id
		xl collect-dirty-log $id >dirty.clean
		wrote again 0 2000 600 7
		end beside
		wrote after 0 3000 600 7
		xl collect-dirty-log $id >dirty.after
		# One that ends while we trace.
		begin outlives 700ms
		xl disable-log-dirty $id
		xl collect-dirty-log $id >dirty.off
		wrote outlives 0 64 2000 7
		end outlives

		begin killed 700ms
		wss-trace -P -s xen-pml:$id -n 1 >/dev/null 2>second.err
		echo $? >second.status
		kill -KILL $tracer
		wait $tracer
		wss-trace -P -s xen-pml:$id -n 1 >/dev/null 2>left.err
		echo $? >left.status
		wss-trace --release xen-pml:$id >/dev/null 2>release.err
		echo $? >release.status
		wss-trace --release xen-pml:$id 2>release-again.err
		try released '' 0 64 2000 7

		begin gone 500ms
		xen-guest destroy $id
		wait $tracer
		echo $? >gone.status
		wss-trace -P -s xen-pml:0 -n 1 >/dev/null 2>dom0.err
		xl dmesg >dmesg
		cat /proc/uptime >uptime
		stty 115200 raw -F /dev/ttyS1
		tar -czf /dev/ttyS1 .
	JOB
}

setup() {
	cd "$BATS_FILE_TMPDIR" || exit 1
}

# Frames that were logged, in order, one a line; of these, those that are no page tables.
logged() { awk -F, '$4 == "write" { for (i = 0; i < $6; i++) print $5 + i }' "$1.csv"; }
data_of() { logged "$1" | grep -vxFf tables; }
lost() { awk -F, '{ n += $8 } END { print n + 0 }' "$1.csv"; }
# What -v tells at the end.
figures() { sed -n 's/^wss-trace: a: \([0-9]* entries were\)/\1/p' "$1.err"; }

@test "xen-pml: the processor logs, and the patched hypervisor tells" {
	grep -q 'Page Modification Logging' dmesg
	grep -qx "how         the processor's page-modification log (PML), raw, from a patched hypervisor" probe
	grep -A1 '^works *xen-pml:DOMAIN' sources | grep -q 'from a patched hypervisor'
	run ! grep -E 'BUG|WARNING|ASSERT|Assertion' dmesg
}

# 2000 pages, and 4 of the guest's list and 1 of its answer; 7 steps apart, so that no two are neighbours.
@test "xen-pml: each page is logged once, in the order in which the guest wrote them by its own list, none is lost" {
	is "$(wc -l <one.list)" 2005
	is "$(cat one.status)" 0
	same one.list <(data_of one)
	is "$(lost one)" 0
	is "$(awk -F, '$4 == "write" { print $3 }' one.csv | uniq)" 0
}

# 2000 pages are in four of the lowest tables, 0 of them having been used since the dirty bits were cleared; list and answer
# are in the first of these. Above are one of each of three levels.
@test "xen-pml: page tables are logged too: the processor writes there" {
	is "$(logged one | grep -xFf tables | sort -n | xargs)" "$(seq 4 11 | xargs)"
}

@test "xen-pml: filter=on leaves them out in the hypervisor, and nothing else" {
	same filter.list <(logged filter)
	[[ "$(figures filter)" == '2005 entries were logged, 0 lost, 8 left out; 3 exits'* ]]
	# Those it was told: all that the guest has.
	for name in one filter; do
		awk -F, '$4 == "table" { for (i = 0; i < $6; i++) print $5 + i }' $name.csv | sort -nu >found
		same tables found
	done
}

# 2013 entries: three times 512 fill the buffer, and the rest is taken at the end of the period.
@test "xen-pml: exits for a full buffer; with two buffers its entries are drained while the guest runs" {
	is "$(figures one)" '2013 entries were logged, 0 lost, 0 left out; 3 exits for a full buffer; 1536 entries were drained while the guest waited, 0 while it ran'
	is "$(figures two)" '2013 entries were logged, 0 lost, 0 left out; 3 exits for a full buffer; 0 entries were drained while the guest waited, 1536 while it ran'
	same two.list <(data_of two)
}

@test "xen-pml: pages of 2 MiB are split, and each first write is in its place" {
	same large.list <(data_of large)
	is "$(lost large)" 0
}

# 8000 pages, no two of them neighbours, 16 of the list, 1 of the answer, and all 19 page tables. An instruction takes Bochs 20 ns.
@test "xen-pml: entries in gzip, and what one costs from the ring to there" {
	gzip -cd cost.gz >cost.csv
	same cost.list <(data_of cost)
	[[ "$(figures cost)" == '8036 entries were logged, 0 lost, '* ]]
	is "$(wc -l <cost)" 3
	awk '
		NR > 1 { bytes[NR] = $1 - bytes_before; ns[NR] = $2 - ns_before }
		{ bytes_before = $1; ns_before = $2 }
		END {
			printf "# bytes of an entry in gzip: %.2f\n", (bytes[2] - bytes[3]) / 8036
			printf "# instructions for an entry, from the ring to gzip: %.0f\n", (ns[2] - ns[3]) / 20 / 8036
		}' cost >&3
}

@test "xen-pml: a full ring keeps the oldest entries and counts the others" {
	is "$(lost small)" 1501
	same <(logged one | head -n 512) <(logged small)
}

@test "xen-pml: periods of 50 ms, while the guest writes: nothing is missing, all is in order" {
	between 3 "$(grep -c ,tick, often.csv)" 1000
	same <(awk '$1 >= 64' often.list) <(data_of often | awk '$1 >= 64')
	is "$(lost often)" 0
}

@test "xen-pml: a virtual processor that is plugged in while tracing is logged" {
	same hotplug.list <(data_of hotplug)
	is "$(awk -F, '$4 == "write" { print $3 }' hotplug.csv | uniq)" 1
}

# is_dirty LIST FILE: the frames of the list are in what xl printed.
is_dirty() {
	awk 'NR == FNR { if ($1 != "total") for (i = 0; i < $2; i++) dirty[$1 + i]; next } !($1 in dirty)' "$2" "$1" >missing
	is "$(wc -l <missing)" 0
}

@test "xl: enable-log-dirty, collect-dirty-log, clean-dirty-log, disable-log-dirty" {
	is_dirty before.list dirty.while
	is "$(cat dirty.clean)" 'total 0'
	is "$(cat dirty.off)" 'total 0'
}

@test "xen-pml: log-dirty mode goes on, and loses no page, before, while and after we trace" {
	is_dirty while.list dirty.while
	is_dirty again.list dirty.after
	is_dirty after.list dirty.after
	same <(cat while.list again.list | awk '$1 >= 64') <(data_of beside | awk '$1 >= 64')
	is "$(lost beside)" 0
}

@test "xen-pml: tracing goes on when log-dirty mode ends" {
	same outlives.list <(data_of outlives)
}

@test "xen-pml: a second tracer is refused; what a killed one left on is told, and --release ends it" {
	is "$(cat second.status left.status release.status | xargs)" '69 69 0'
	file_is second.err "wss-trace: xen-pml:1: its raw PML log is on: another program traces it, or one was killed and 'wss-trace --release' has to follow"
	same second.err left.err
	same released.list <(data_of released)
}

@test "xen-pml: a domain that is destroyed ends its trace" {
	is "$(cat gone.status)" 69
	is "$(tail -n 1 gone.csv | cut -d , -f 2,4)" a,end
	grep -qx 'wss-trace: a: it was destroyed' gone.err
	file_is dom0.err 'wss-trace: xen-pml:0: only HVM and PVH guests with hardware-assisted paging are logged by the processor'
}

@test "xen: the patched hypervisor does what Debian's does: log-dirty, ends of tracing, a migration" {
	# A bats of its own, which is not to find what this one has left for its parts.
	(
		unset "${!BATS_@}"
		PATH=$(tr : '\n' <<<"$PATH" | grep -v bats-core | paste -sd :)
		WSS_PATCHED=1 "$TOP/scripts/guest/dom0" -x "$patched/xen" -t 1500 -j bats -- --formatter tap \
			-f 'each of 8000 pages|after SIGTERM|a migration that begins wins|without the patches' "$TOP/tests/beds/xen.bats"
	) >tap || { cat tap; return 1; }
	is "$(grep -c '^ok' tap)" 4
}
