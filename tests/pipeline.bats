# SPDX-License-Identifier: GPL-2.0-or-later
# The programs together.
load helper

pipeline() { # SPEC PERIODS METHOD
	wss-trace -s "$1" -p 1s -n "$2" | wss-count | wss-estimate -m "$3" -P
}

@test "pipeline: 76,800 pages written each second are 307200 KiB in every row" {
	pipeline model:1s:76800w 5 threshold:1 > out.csv
	is "$(column wss_kib < out.csv | tr '\n' ' ')" '307200 307200 307200 307200 307200 '
}

@test "pipeline: an idle VM is seen as idle, not as silent" {
	pipeline model:1s:0w 4 threshold:1 > out.csv
	is "$(column wss_kib < out.csv | tr '\n' ' ')" '0 0 0 0 '
}

# bats test_tags=slow
@test "pipeline: the published two-phase load: 38,400 pages, then 76,800" {
	# [seeds: ComPAS'18 poster, experiment 2] 150 MB = 153600 KiB, 300 MB = 307200 KiB
	wss-trace -s model:two-phase -n 600 | wss-count | wss-estimate -m threshold:1 -P |
		column wss_kib | uniq > values
	is "$(head -2 values | tr '\n' ' ')" '153600 307200 '
}

@test "pipeline: streams are read by zcat, Python's csv and Miller as they are" {
	wss-trace -s 'a, "b"=model:1s:10w' -n 2 -o t.gz
	wss-count t.gz > c.gz
	is "$(zcat c.gz | grep -c .)" 5
	python3 - <<-'P'
		import csv, gzip
		rows = list(csv.DictReader(gzip.open("c.gz", "rt", newline="")))
		assert [r["vm"] for r in rows] == ['a, "b"'] * 4, rows
		assert [r["pages"] for r in rows] == ["10", "10", "10", "10"], rows
	P
	is "$(mlr --icsv --ojson --gzin filter 'is_empty($gfn)' then cut -f pages c.gz | tr -d ' \n')" \
		'[{"pages":10},{"pages":10}]'
}

@test "pipeline: two streams one after the other are a stream" {
	wss-trace -s a=model:1s:10w -n 2 -o a.gz
	wss-trace -s b=model:1s:20w -n 2 -o b.gz
	cat a.gz b.gz | wss-count | wss-estimate -P | column wss_kib > values
	file_is values '40
40
80
80'
}

@test "pipeline: a reader that goes away ends it quietly" {
	set +o pipefail
	for _ in 1 2 3; do
		wss-trace -s model:1ms:100w -p 1ms -P 2> err | head -1 > out
		is "${PIPESTATUS[0]}" 141
	done
	file_is out 't_ns,vm,vcpu,event,gfn,pages,arg,lost'
	is "$(cat err)" ''
}

# A pipeline on a real clock in a process group of its own, writing out.csv; its group is in $group.
live() { # PERIOD
	set -m
	(wss-trace -s model:"$1":1000w -p "$1" --pace | wss-count | wss-estimate | balloon-tune -P > out.csv; echo "${PIPESTATUS[*]}" > status) 2> err &
	group=$!
	set +m
}

@test "pipeline: Ctrl-C ends it cleanly, with every finished window" {
	# bats test_tags=slow
	live 100ms
	until_true eval '[ "$(wc -l < out.csv)" -gt 5 ]'
	kill -INT -- "-$group"
	until_true test -s status
	is "$(cat status)" '0 0 0 0'
	is "$(cat err)" ''
	# each row whole, 100 ms apart, none missing
	is "$(column t_ns < out.csv | awk '{ print $1 - last; last = $1 }' | sort -u)" 100000000
}

@test "pipeline: a row leaves balloon-tune within 100 ms of the end of its period (p99 of 30)" {
	# bats test_tags=slow
	mkfifo clock
	# Plain programs that do the same beside them: what a busy machine makes those wait, a row may be later.
	rows() {
		local i us
		for i in {1..30}; do
			us=$((before / 1000 + i * 100000 - ${EPOCHREALTIME/./}))
			[ $us -le 0 ] || read -r -t "$(printf '0.%06d' $us)" <> clock || :
			echo $((i * 100000000))
		done
	}
	late() {
		while IFS=, read -r t_ns _; do
			[ "$t_ns" = t_ns ] || echo "$((${EPOCHREALTIME/./}000 - before - t_ns))"
		done | sort -n
	}
	in_time() {
		before=${EPOCHREALTIME/./}000
		rows | cat | cat | cat | late > plain_ns 3>&- &
		wss-trace -s model:100ms:1000w -p 100ms -n 30 --pace | wss-count | wss-estimate | balloon-tune -P | late > late_ns
		wait $!
		# The start of the programs is in each figure; the worst of 30 is the 99th percentile.
		is "$(wc -l < plain_ns) $(wc -l < late_ns)" '30 30' &&
			between 0 "$(tail -1 late_ns)" $((100000000 + $(tail -1 plain_ns)))
	}
	in_time || in_time || in_time # what is held back is so each time
}
