# SPDX-License-Identifier: GPL-2.0-or-later
# The reader and the writer of records, through a program that reads any kind and writes it again.
load helper
# Programs for the inner shells are in single quotes, and bats sets stderr.
# shellcheck disable=SC2016,SC2154

PATH=$BUILD/helpers:$PATH
HEADER=t_ns,window_ns,vm,set_kib,touched_kib,written_kib
COUNT=t_ns,window_ns,vm,asid,gfn,pages,writes,reads,accesses,lost,memory_pages,actual_pages,asked_ns,blind

# both CODE MESSAGE ARGUMENT...: what `records ARGUMENT...` says and its exit code, the same by the fast lane and by libcsv.
both() {
	local code=$1 message=$2
	shift 2
	run --separate-stderr "-$code" records -P "$@"
	stderr_is "$message"
	run --separate-stderr "-$code" records -P --slow "$@"
	stderr_is "$message"
}

# truth ROW...: truth.csv with these rows. Its first row is right, so what is tried stands in line 3.
truth() {
	printf '%s\n' "$HEADER" 1,1,vm,4,4,4 "$@" >truth.csv
}

# refused ROW REASON: this row in line 3 is refused for this reason, and the row before it has been written.
refused() {
	truth "$1" 9,9,vm,9,9,9
	both 65 "records: truth.csv: line 3: $2" truth.csv
	stdout_is "$HEADER
1,1,vm,4,4,4"
}

# accepted ROW [AS]: this row is read, and written as it is (or so).
accepted() {
	truth "$1"
	both 0 '' truth.csv
	stdout_is "$HEADER
1,1,vm,4,4,4
${2:-$1}"
}

# ---- the format ----

@test "records: header lines are those published" {
	run -0 record-tables headers
	same "$FIXTURES/headers.txt" <(echo "$output")
}

@test "records: every kind goes through the reader and the writer unchanged, plain and gzip" {
	local kind
	while IFS=: read -r kind _; do
		[ -e "$FIXTURES/$kind.csv" ] || continue # left to tests/unit/record.c
		records -P "$FIXTURES/$kind.csv" >plain
		same "$FIXTURES/$kind.csv" plain
		records "$FIXTURES/$kind.csv" >"$kind.gz"
		records -P --slow "$kind.gz" >plain
		same "$FIXTURES/$kind.csv" plain
	done <"$FIXTURES/headers.txt"
}

@test "records: zcat, Python and Miller read what we write" {
	local kind
	for kind in event target; do
		records "$FIXTURES/$kind.csv" >$kind.gz
		zcat $kind.gz >out
		same "$FIXTURES/$kind.csv" out
		python3 -c 'import csv, gzip, sys
rows = csv.reader(gzip.open(sys.argv[1], "rt", newline=""), strict=True)
csv.writer(sys.stdout, lineterminator="\n").writerows(rows)' $kind.gz >out
		same "$FIXTURES/$kind.csv" out
		mlr --csv --gzin --quote-original cat $kind.gz >out 2>/dev/null || mlr --csv --gzin cat $kind.gz >out
		same "$FIXTURES/$kind.csv" out
	done
}

@test "records: members hold whole lines, and are closed at 256 KiB" {
	# 29 bytes a row: 20000 rows are 580 kB, so three members.
	{
		echo "$HEADER"
		yes 1000000000,1,vm1,400,40,40 | head -20000
	} >truth.csv
	records truth.csv >truth.gz
	python3 - <<-'END'
		import zlib
		data, members = open("truth.gz", "rb").read(), []
		while data:
		    d = zlib.decompressobj(31)
		    members.append(d.decompress(data))
		    assert d.eof
		    data = d.unused_data
		assert all(m.endswith(b"\n") for m in members)
		assert all(256 * 1024 <= len(m) < 256 * 1024 + 29 for m in members[:-1]), list(map(len, members))
		assert len(members) == 3, len(members)
	END
}

# ---- streams put together ----

@test "records: gzip streams put one behind the other are one stream" {
	records "$FIXTURES/truth.csv" >a.gz
	cat a.gz a.gz a.gz >b.gz
	{
		cat "$FIXTURES/truth.csv"
		tail -n +2 "$FIXTURES/truth.csv"
		tail -n +2 "$FIXTURES/truth.csv"
	} >expected
	records -P b.gz >out
	same expected out
	records -P --slow - <b.gz >out
	same expected out
}

@test "records: several files, plain and gzip, are one stream" {
	records "$FIXTURES/truth.csv" >a.gz
	{
		cat "$FIXTURES/truth.csv"
		tail -n +2 "$FIXTURES/truth.csv"
	} >expected
	records -P a.gz "$FIXTURES/truth.csv" >out
	same expected out
	records -P "$FIXTURES/truth.csv" - <a.gz >out
	same expected out
}

@test "records: files of two kinds are refused" {
	cp "$FIXTURES/truth.csv" "$FIXTURES/count.csv" .
	both 65 'records: count.csv: line 1: count records, need truth records' truth.csv count.csv
}

@test "records: streams of two kinds put one behind the other are refused" {
	cat "$FIXTURES/truth.csv" "$FIXTURES/count.csv" >both.csv
	both 65 'records: both.csv: line 4: 14 columns, the header has 6' both.csv
}

# ---- the header line ----

@test "records: a kind that was not asked for is refused" {
	cp "$FIXTURES/count.csv" .
	both 65 'records: count.csv: line 1: count records, need truth records' -k truth count.csv
}

@test "records: a missing column is named" {
	printf 't_ns,window_ns,vm,set_kib,touched_kib\n' >a.csv
	both 65 "records: a.csv: line 1: column 6 is missing, need 'written_kib': no truth records" -k truth a.csv
}

@test "records: a renamed column is named" {
	printf 't_ns,len_ns,vm,set_kib,touched_kib,written_kib\n' >a.csv
	both 65 "records: a.csv: line 1: column 2 is 'len_ns', not 'window_ns': no truth records" -k truth a.csv
}

@test "records: columns in another order are refused" {
	printf 'window_ns,t_ns,vm,set_kib,touched_kib,written_kib\n' >a.csv
	both 65 'records: a.csv: line 1: no header line of truth records' -k truth a.csv
}

@test "records: the further columns of a newer writer are skipped" {
	printf '%s,new,"ne""w,er"\n1,1,vm,4,4,4,x,\n2,1,vm,4,4,4,,"a,b"\n' "$HEADER" >a.csv
	both 0 '' a.csv
	stdout_is "$HEADER
1,1,vm,4,4,4
2,1,vm,4,4,4"
	printf '%s,new\n1,1,vm,4,4,4\n' "$HEADER" >a.csv
	both 65 'records: a.csv: line 2: 6 columns, the header has 7' a.csv
}

@test "records: at most 64 columns" {
	printf '%s%s\n' "$HEADER" "$(printf ',c%d' {7..64})" >a.csv
	both 0 '' a.csv
	printf '%s%s\n' "$HEADER" "$(printf ',c%d' {7..65})" >a.csv
	both 65 'records: a.csv: line 1: 65 columns, at most 64' a.csv
}

@test "records: data without a header line is refused" {
	echo 1,1,vm,4,4,4 >a.csv
	both 65 'records: a.csv: line 1: no header line of truth records' -k truth a.csv
}

@test "records: empty input is an error, only a header is not" {
	: >a.csv
	gzip -c a.csv >a.gz
	both 65 'records: a.csv: empty: no header line' a.csv
	both 65 'records: a.gz: empty: no header line' a.gz
	both 65 'records: standard input: empty: no header line' </dev/null
	echo "$HEADER" >a.csv
	both 0 '' a.csv
	stdout_is "$HEADER"
	echo >a.csv
	both 65 'records: a.csv: line 1: no header line of truth records' -k truth a.csv
}

# ---- rows ----

@test "records: bad numbers are named with file, line and column" {
	refused 12x,1,vm,4,4,4 "column 't_ns': bad value '12x'"
	refused -1,1,vm,4,4,4 "column 't_ns': bad value '-1'"
	refused +1,1,vm,4,4,4 "column 't_ns': bad value '+1'"
	refused ' 1,1,vm,4,4,4' "column 't_ns': bad value ' 1'"
	refused 1,1,vm,4,4,4.0 "column 'written_kib': bad value '4.0'"
	refused 1,1,vm,4,0x4,4 "column 'touched_kib': bad value '0x4'"
	refused 1,1,vm,4,1e3,4 "column 'touched_kib': bad value '1e3'"
	refused 1,1,vm,4,,4 "column 'touched_kib': empty"
	refused ,1,vm,4,4,4 "column 't_ns': empty"
	refused 1,1,vm,4,4, "column 'written_kib': empty"
}

@test "records: numbers go to 2^64-2; 2^64-1 and 2^64 are too large" {
	accepted 1,1,vm,4,4,18446744073709551614
	refused 1,1,vm,4,4,18446744073709551615 "column 'written_kib': too large '18446744073709551615'"
	refused 1,1,vm,4,4,18446744073709551616 "column 'written_kib': too large '18446744073709551616'"
	refused 1,1,vm,4,4,18446744073709551620 "column 'written_kib': too large '18446744073709551620'"
	refused 1,1,vm,4,4,99999999999999999999999 "column 'written_kib': too large '99999999999999999999999'"
	accepted 1,1,vm,4,4,9999999999999999999
	accepted 1,1,vm,4,4,10000000000000000000
	accepted 0001,1,vm,4,4,0000000000000000000000007 1,1,vm,4,4,7
}

@test "records: rows with too few or too many columns are refused" {
	refused 1,1,vm,4,4 '5 columns, the header has 6'
	refused 1,1,vm,4,4,4,4 '7 columns, the header has 6'
	refused 1,1,vm,4,4,4, '7 columns, the header has 6'
	refused '' '0 columns, the header has 6'
	refused "$(printf '1,%.0s' {1..200})" '201 columns, at most 64'
}

@test "records: a name may hold commas, quotes, blanks at its ends and other bytes" {
	accepted '1,1,"a,b",4,4,4'
	accepted '1,1,"a""b",4,4,4'
	accepted '1,1,"""",4,4,4'
	accepted '1,1," a ",4,4,4'
	accepted '1,1, a ,4,4,4' '1,1," a ",4,4,4'
	accepted '1,1,a b,4,4,4'
	accepted '1,1,"vm",4,4,4' 1,1,vm,4,4,4
	accepted '"1","1",vm,4,4,"4"' 1,1,vm,4,4,4
	accepted $'1,1,h\xc3\xa9,4,4,4'
	accepted $'1,1,\xff\xfe,4,4,4'
	accepted "1,1,$(printf 'x%.0s' {1..255}),4,4,4"
	refused "1,1,$(printf 'x%.0s' {1..256}),4,4,4" \
		"column 'vm': longer than 255 bytes '$(printf 'x%.0s' {1..64})'"
	refused 1,1,,4,4,4 "column 'vm': empty"
	refused '1,1,"",4,4,4' "column 'vm': empty"
}

@test "records: bad quotes are refused" {
	refused '1,1,"vm,4,4,4' 'bad quotes'
	refused '1,1,"v"m,4,4,4' 'bad quotes'
	refused '1,1,v"m,4,4,4' 'bad quotes'
}

@test "records: control characters are refused, and do not reach the terminal" {
	refused $'1,1,v\tm,4,4,4' "column 'vm': control character 'v?m'"
	refused $'1,1,\x1b[2J,4,4,4' "column 'vm': control character '?[2J'"
	refused $'1,1,v\x7f,4,4,4' "column 'vm': control character 'v?'"
	refused $'1,1,v\rm,4,4,4' "column 'vm': control character 'v?m'"
	refused $'1,1,vm,4\r4,4' '5 columns, the header has 6'
	refused $'1,1,vm,4,4,4\r\r' "column 'written_kib': bad value '4?'"
	refused $'1,1,vm,4,4,\xff' "column 'written_kib': bad value '?'"
}

@test "records: lines may end in CR LF" {
	printf '%s\r\n1,1,vm,4,4,4\r\n2,1,"vm",4,4,4\r\n' "$HEADER" >a.csv
	both 0 '' a.csv
	stdout_is "$HEADER
1,1,vm,4,4,4
2,1,vm,4,4,4"
	cat a.csv a.csv "$FIXTURES/truth.csv" >b.csv
	both 0 '' b.csv
}

@test "records: words that are in no list are refused" {
	{
		head -1 "$FIXTURES/event.csv"
		echo 1,vm,,writ,1,1,,
	} >a.csv
	both 65 "records: a.csv: line 2: column 'event': bad value 'writ'" a.csv
	sed -i 's/writ/writes/' a.csv
	both 65 "records: a.csv: line 2: column 'event': bad value 'writes'" a.csv
	sed -i 's/writes//' a.csv
	both 65 "records: a.csv: line 2: column 'event': empty" a.csv
}

@test "records: frames beyond 2^48 are refused" {
	local head
	head=$(head -1 "$FIXTURES/event.csv")
	try() {
		printf '%s\n%s\n' "$head" "$1" >a.csv
		both "$2" "$3" a.csv
	}
	try 1,vm,,write,281474976710655,1,, 0 ''
	try 1,vm,,write,281474976710655,,, 0 ''
	try 1,vm,,write,0,281474976710656,, 0 ''
	try 1,vm,,write,281474976710656,1,, 65 \
		"records: a.csv: line 2: column 'gfn': too large '281474976710656'"
	try 1,vm,,write,281474976710655,2,, 65 "records: a.csv: line 2: column 'pages': bad value '2'"
	try 1,vm,,write,0,281474976710657,, 65 "records: a.csv: line 2: column 'pages': bad value '281474976710657'"
	try 1,vm,,write,0,0,, 65 "records: a.csv: line 2: column 'pages': bad value '0'"
	head=$COUNT
	try 1,1,vm,,,0,,,,,,,, 0 ''
	try 1,1,vm,,5,0,,,,,,,, 65 "records: a.csv: line 2: column 'pages': bad value '0'"
}

# ---- bytes ----

@test "records: a NUL byte is refused" {
	printf '%s\n1,1,v\0m,4,4,4\n' "$HEADER" >a.csv
	both 65 'records: a.csv: line 2: NUL byte' a.csv
	printf '%s\n1,1,vm,4,4,4\n\0\n' "$HEADER" | gzip >a.gz
	both 65 'records: a.gz: line 3: NUL byte' a.gz
}

@test "records: a line of 1 MiB is the longest, 16 MiB are refused without being read whole" {
	{
		echo "$HEADER"
		head -c 16777216 /dev/zero | tr '\0' 1
		echo
	} >a.csv
	gzip -c a.csv >a.gz
	[ "${WSS_SAN:-}" = 1 ] || ulimit -v 100000 # sanitizers take more than that for themselves
	both 65 'records: a.csv: line 2: longer than 1 MiB' a.csv
	both 65 'records: a.gz: line 2: longer than 1 MiB' a.gz
}

@test "records: input that is cut off is an error, and the whole rows before it are not lost" {
	printf '%s\n1,1,vm,4,4,4\n2,1,vm' "$HEADER" >a.csv
	both 65 'records: a.csv: line 3: cut off: no newline at the end' a.csv
	stdout_is "$HEADER
1,1,vm,4,4,4"
	printf '%s' "$HEADER" >a.csv
	both 65 'records: a.csv: line 1: cut off: no newline at the end' a.csv
}

@test "records: gzip that is cut off anywhere is an error" {
	records "$FIXTURES/truth.csv" >a.gz
	local n size
	size=$(stat -c %s a.gz)
	for ((n = 1; n < size; n++)); do
		head -c $n a.gz >cut.gz
		run --separate-stderr -65 records -P cut.gz
		[[ $stderr == 'records: cut.gz: after line '[0-3]': bad gzip data: cut off' ]] ||
			stderr_is 'records: cut.gz: after line N: bad gzip data: cut off'
	done
	# A whole member, then a cut one: all rows of the first are there.
	head -c 12 a.gz | cat a.gz - >cut.gz
	run --separate-stderr -65 records -P cut.gz
	same "$FIXTURES/truth.csv" <(echo "$output")
}

@test "records: gzip in which a bit was turned is an error wherever it was" {
	records "$FIXTURES/truth.csv" >a.gz
	# Not in bytes 4 to 9 of the header: time, level, system, which nobody checks.
	python3 - <<-'END'
		import subprocess
		good = open("a.gz", "rb").read()
		for i in range(len(good)):
		    if 4 <= i <= 9:
		        continue
		    bad = bytearray(good)
		    bad[i] ^= 1 << i % 8
		    r = subprocess.run(["records", "-P", "-"], input=bad, capture_output=True)
		    assert r.returncode == 65 and r.stderr.count(b"\n") == 1, (i, r)
	END
}

@test "records: a wrong checksum is an error" {
	records "$FIXTURES/truth.csv" >a.gz
	printf '\1\2\3\4' | dd of=a.gz bs=1 conv=notrunc seek=$(($(stat -c %s a.gz) - 8)) status=none
	run --separate-stderr -65 records -P a.gz
	stderr_is 'records: a.gz: after line 0: bad gzip data: incorrect data check'
}

@test "records: rubbish behind a gzip member is an error, after the rows before it" {
	records "$FIXTURES/truth.csv" >a.gz
	echo rubbish >>a.gz
	both 65 'records: a.gz: after line 3: bad gzip data: incorrect header check' a.gz
	same "$FIXTURES/truth.csv" <(echo "$output")
	# A plain stream behind a gzip stream is no gzip either.
	records "$FIXTURES/truth.csv" | cat - "$FIXTURES/truth.csv" >a.gz
	both 65 'records: a.gz: after line 3: bad gzip data: incorrect header check' a.gz
}

# ---- files ----

@test "records: no such file, a folder, no permission" {
	both 66 'records: cannot read none.csv: No such file or directory' none.csv
	both 66 "records: cannot read $PWD: Is a directory" "$PWD"
	cp "$FIXTURES/truth.csv" closed.csv
	chmod 0 closed.csv
	if [ "$(id -u)" = 0 ]; then
		chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/* "$PWD" 2>/dev/null || :
		run --separate-stderr -77 setpriv --reuid=65534 --clear-groups "$BUILD/helpers/records" -P closed.csv
	else
		run --separate-stderr -77 records -P closed.csv
	fi
	stderr_is 'records: cannot read closed.csv: Permission denied'
}

@test "records: a second file that is not there is an error after the rows of the first" {
	cp "$FIXTURES/truth.csv" a.csv
	both 66 'records: cannot read none.csv: No such file or directory' a.csv none.csv
	same "$FIXTURES/truth.csv" <(echo "$output")
}

@test "records: a full disk is an error" {
	run --separate-stderr -74 bash -c 'records -P "$0" >/dev/full' "$FIXTURES/truth.csv"
	stderr_is 'records: cannot write standard output: No space left on device'
	run --separate-stderr -74 bash -c 'records "$0" >/dev/full' "$FIXTURES/truth.csv"
	stderr_is 'records: cannot write standard output: No space left on device'
	run --separate-stderr -74 records -P -o /dev/full "$FIXTURES/truth.csv"
	stderr_is 'records: cannot write /dev/full: No space left on device'
	run --separate-stderr -74 bash -c 'records --help >/dev/full'
	stderr_is 'records: cannot write standard output: No space left on device'
	run --separate-stderr -74 records -P -o none/out "$FIXTURES/truth.csv"
	stderr_is 'records: cannot write none/out: No such file or directory'
}

@test "records: a file that fills up while it is written is an error, and what is in it can be read" {
	[ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null || cannot 'needs root to mount a tmpfs'
	{
		echo "$HEADER"
		seq -f '%.0f,1,vm,4,4,4' 200000
	} >a.csv
	mkdir small
	# shellcheck disable=SC2016
	run --separate-stderr -74 unshare -m bash -c 'mount -t tmpfs -o size=64k small small
		records -P -o small/out a.csv; code=$?; cp small/out out; exit $code'
	stderr_is 'records: cannot write small/out: No space left on device'
	is "$(stat -c %s out)" 65536
	cmp -n 65536 a.csv out
}

@test "records: a closed standard output is an error, not silence" {
	run --separate-stderr -74 bash -c 'records -P "$0" >&-' "$FIXTURES/truth.csv"
	stderr_is 'records: cannot write standard output: Bad file descriptor'
	run --separate-stderr -74 bash -c 'records --help >&-'
	stderr_is 'records: cannot write standard output: Bad file descriptor'
}

@test "records: a closed standard input is an error, not an empty stream" {
	run --separate-stderr -74 bash -c 'records -P <&-'
	stderr_is 'records: cannot read standard input: Bad file descriptor'
}

@test "records: with descriptors 0 to 2 closed, no file is taken for one of them" {
	bash -c 'records -P -o out "$0" <&- >&- 2>&-' "$FIXTURES/truth.csv"
	same "$FIXTURES/truth.csv" out
}

@test "records: a reader that goes away ends us quietly" {
	{
		echo "$HEADER"
		seq -f '%.0f,1,vm,4,4,4' 300000
	} >a.csv
	run --separate-stderr -0 bash -c 'records -P a.csv | head -1; echo "${PIPESTATUS[0]}"'
	is "$output" "$HEADER
141"
	is "$stderr" ''
}

@test "records: gzip to a terminal is refused, plain text is not" {
	cp "$FIXTURES/truth.csv" a.csv
	run script -qec "records a.csv; echo code \$?" /dev/null </dev/null
	stdout_is "$(printf 'records: will not write gzip to a terminal; use -P, or -o FILE\r\ncode 64\r')"
	run script -qec "records -P a.csv" /dev/null </dev/null
	stdout_is "$(sed 's/$/\r/' a.csv)"
}

@test "records: output that cannot be written at once is waited for" {
	{
		echo "$HEADER"
		seq -f '%.0f,1,vm,4,4,4' 300000
	} >a.csv
	# The pipe does not block: a writer that does not look gets EAGAIN.
	python3 - >out <<-'END'
		import fcntl, os, subprocess, sys, termios, time
		r, w = os.pipe()
		os.set_blocking(w, False)
		p = subprocess.Popen(["records", "-P", "a.csv"], stdout=w)
		os.close(w)
		size = lambda request: int.from_bytes(fcntl.ioctl(r, request, bytes(4)), sys.byteorder)
		while p.poll() is None and size(termios.FIONREAD) < fcntl.fcntl(r, fcntl.F_GETPIPE_SZ) * 3 / 4:
		    time.sleep(0.01)
		while data := os.read(r, 65536):
		    sys.stdout.buffer.write(data)
		sys.exit(p.wait())
	END
	same a.csv out
}

# ---- live ----

@test "records: a row that was flushed arrives while the pipe is still open" {
	mkfifo in
	records -P <in >out &
	later_kill $!
	exec 7>in
	printf '%s\n1,1,vm,4,4,4\n' "$HEADER" | gzip >&7
	until_true grep -q ^1,1 out
	printf '%s\n2,1,vm,4,4,4\n' "$HEADER" | gzip >&7
	until_true grep -q ^2,1 out
	exec 7>&-
	wait $!
	file_is out "$HEADER
1,1,vm,4,4,4
2,1,vm,4,4,4"
}

@test "records: plain rows arrive one by one, also in pieces" {
	mkfifo in
	records -P <in >out &
	later_kill $!
	exec 7>in
	printf '%s\n1,1,vm' "$HEADER" >&7
	until_true grep -q t_ns out
	printf ',4,4,4\n' >&7
	until_true grep -q ^1,1,vm,4,4,4 out
	exec 7>&-
	wait $!
}

@test "records: SIGTERM ends a filter after the rows that have come" {
	mkfifo in
	records -P <in >out &
	local pid=$!
	later_kill $pid
	exec 7>in
	printf '%s\n1,1,vm,4,4,4\n' "$HEADER" >&7
	until_true grep -q ^1,1 out
	kill -TERM $pid
	wait $pid
	file_is out "$HEADER
1,1,vm,4,4,4"
	exec 7>&-
}

@test "records: a file that is read is not written over" {
	wss-trace -s model:1s:5w -n 2 | wss-count -o counts.gz
	cp counts.gz before.gz
	run --separate-stderr -64 wss-estimate -o counts.gz counts.gz
	stderr_is 'wss-estimate: counts.gz is input and output'
	cmp counts.gz before.gz
	# another file is, from its beginning
	yes | head -c 100000 >other
	wss-estimate -P -m threshold -o other counts.gz
	is "$(wc -l <other)" 3
}
