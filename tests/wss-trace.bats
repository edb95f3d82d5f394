# SPDX-License-Identifier: GPL-2.0-or-later
# wss-trace itself and its sources model and replay; process and microvm have files of their own.
load helper

@test "wss-trace: the model's rows, one by one" {
	run --separate-stderr -0 wss-trace -s 'vm1=model:1s:3w,1s:2r+10?memory=1GiB' -p 1s -n 2 -P
	stdout_is 't_ns,vm,vcpu,event,gfn,pages,arg,lost
0,vm1,,begin,,,,
0,vm1,,blind,,,0,
0,vm1,,write,65536,3,,
1000000000,vm1,,size,,262144,262144,
1000000000,vm1,,tick,,,1000000000,
1000000000,vm1,,read,65546,2,,
2000000000,vm1,,size,,262144,262144,
2000000000,vm1,,tick,,,1000000000,
2000000000,vm1,,end,,,,'
	stderr_is ''
}

@test "wss-trace: a model with noise and page tables declares both" {
	# 513 pages need two page tables; 8 KiB of noise are two pages
	run --separate-stderr -0 wss-trace -s 'model:1s:513w?noise=8KiB&tables=yes' -n 1 -P
	stdout_is 't_ns,vm,vcpu,event,gfn,pages,arg,lost
0,model,,begin,,,,
0,model,,blind,,,0,
0,model,,write,65536,513,,
1000000000,model,,write,0,2,,
1000000000,model,,write,2,2,,
1000000000,model,,table,2,2,,
1000000000,model,,size,,524288,524288,
1000000000,model,,tick,,,1000000000,
1000000000,model,,end,,,,'
}

@test "wss-trace: a model that sees writes only hides reads and says so" {
	run --separate-stderr -0 wss-trace -s 'model:1s:5rw,1s:5r?see=writes' -n 2 -P
	is "$(printf '%s\n' "$output" | column event | sort | uniq -c | tr -s ' ' | tr '\n' ';')" \
		' 1 begin; 1 blind; 1 end; 2 size; 2 tick; 1 write;'
	is "$(printf '%s\n' "$output" | grep blind)" '0,model,,blind,,,1,'
}

@test "wss-trace: the same command gives the same bytes, another seed others" {
	wss-trace -s model:1s:1000w:uniform -n 3 > a.gz
	wss-trace -s model:1s:1000w:uniform -n 3 > b.gz
	wss-trace -s model:1s:1000w:uniform -n 3 --seed 2 > c.gz
	cmp a.gz b.gz
	run ! cmp -s a.gz c.gz
}

@test "wss-trace: a replay is the recording, also of several VMs and of two streams in one file" {
	wss-trace -s a=model:1s:7w -s b=model:1s:9rw -n 4 -o ab.gz
	wss-trace -s replay:ab.gz -P > again.csv
	same <(zcat ab.gz) again.csv
	wss-trace -s c=model:1s:5w -n 2 -o c.gz
	cat ab.gz c.gz > all.gz
	wss-trace -s replay:all.gz -P > all.csv
	same <(zcat ab.gz; zcat c.gz | tail -n +2) all.csv
}

@test "wss-trace: targets that are called the same are refused" {
	run --separate-stderr -64 wss-trace -s model:1s:1w -s model:1s:2w
	stderr_is "wss-trace: two targets are called 'model'; give one another name: -s NAME=model:1s:2w; try 'wss-trace --help'"
}

@test "wss-trace: says what is wrong with -s" {
	run --separate-stderr -64 wss-trace -s nothing:1
	stderr_is "wss-trace: -s: no source 'nothing'; 'wss-trace' alone lists them; try 'wss-trace --help'"
	run --separate-stderr -64 wss-trace -s model
	stderr_is "wss-trace: -s: 'model' is not SOURCE:SPEC; try 'wss-trace --help'"
	run --separate-stderr -64 wss-trace -s =model:1s:1w
	stderr_is "wss-trace: -s: bad name in '=model:1s:1w'; try 'wss-trace --help'"
	run --separate-stderr -64 wss-trace -s 'model:1s:1w?colour=red'
	stderr_is "wss-trace: -s model: unknown option 'colour=red'; try 'wss-trace --help'"
	run --separate-stderr -64 wss-trace -s 'model:1s:1w?tables=perhaps'
	stderr_is "wss-trace: tables: 'perhaps' is neither 'yes' nor 'no'; try 'wss-trace --help'"
}

@test "wss-trace: says what is wrong with options" {
	run --separate-stderr -64 wss-trace -p 5
	stderr_is "wss-trace: --period: bad value '5': need a number and ns, us, ms, s, min or h; try 'wss-trace --help'"
	run --separate-stderr -64 wss-trace -p 1us
	stderr_is "wss-trace: --period: '1us' is too small: at least 1ms; try 'wss-trace --help'"
	run --separate-stderr -64 wss-trace -p auto --max-overhead=0% -s model:1s:1w
	stderr_is "wss-trace: --period auto: needs a --max-overhead above 0%; try 'wss-trace --help'"
	run --separate-stderr -64 wss-trace -p auto -s model:1s:1w
	stderr_is "wss-trace: --period auto: source model costs nothing, in virtual time; give the period; try 'wss-trace --help'"
	run --separate-stderr -64 wss-trace -n 0
	stderr_is "wss-trace: --periods: '0' is too small: at least 1; try 'wss-trace --help'"
	run --separate-stderr -64 wss-trace --nonsense
	stderr_is "wss-trace: unknown option '--nonsense'; try 'wss-trace --help'"
	run --separate-stderr -64 wss-trace -p
	stderr_is "wss-trace: option '-p' needs an argument; try 'wss-trace --help'"
	run --separate-stderr -64 wss-trace extra
	stderr_is "wss-trace: unexpected 'extra'; try 'wss-trace --help'"
}

@test "wss-trace: a recording that goes back in time is refused, what came before is not lost" {
	printf 't_ns,vm,vcpu,event,gfn,pages,arg,lost\n5,a,,begin,,,,\n3,b,,begin,,,,\n4,a,,tick,,,1,\n' > back.csv
	run --separate-stderr -65 wss-trace -s replay:back.csv -P
	stderr_is "wss-trace: back.csv: line 4: column 't_ns': goes back from 5 to 4 for VM 'a'"
	stdout_is 't_ns,vm,vcpu,event,gfn,pages,arg,lost
5,a,,begin,,,,
3,b,,begin,,,,'
}

@test "wss-trace: no such recording" {
	run --separate-stderr -66 wss-trace -s replay:missing.gz
	stderr_is 'wss-trace: cannot read missing.gz: No such file or directory'
	run --separate-stderr -66 wss-trace --probe replay:missing.gz
	stderr_is 'wss-trace: replay:missing.gz: cannot be read'
}

@test "wss-trace: without a target it lists what works here, those that work first" {
	run --separate-stderr -0 wss-trace
	is "$(printf '%s\n' "$output" | awk '/^works/ { if (bad) exit 1 } /^not here/ { bad = 1 } END { print "ordered" }')" ordered
	printf '%s\n' "$output" | grep -q '^works       model:SCHEDULE'
}

@test "wss-trace: --probe tells and touches nothing" {
	run --separate-stderr -0 wss-trace --probe model:1s:1w
	stdout_is 'target      model
source      model
how         a schedule, in virtual time
intrusive   touches nothing
cannot see  nothing is hidden'
}

@test "wss-trace: periods on a real clock are those asked for" {
	# bats test_tags=slow
	wss-trace -s model:10ms:1w -p 10ms -n 100 --pace -o paced.gz
	# virtual time is exact whatever the pace is
	is "$(zcat paced.gz | awk -F, '$4 == "tick" { print $1 - last; last = $1 }' | sort -u)" 10000000
}

# ---- --simulate-pml ----

# pml SPEC [OPTION...]: the stream of one period of 1 s through a simulated log.
pml() { wss-trace --simulate-pml -s "model:$1" -n 1 -P "${@:2}"; }

@test "wss-trace: a hangup ends it in order, also when it comes twice; nohup keeps it from it" {
	wss-trace -P -s model:1s:10w --pace -p 10ms >t.csv &
	local pid=$!
	later_kill $pid
	until_true grep -q tick t.csv
	kill -STOP $pid
	kill -HUP $pid
	kill -CONT $pid
	kill -HUP $pid 2>/dev/null || :
	wait $pid
	is "$(tail -n 1 t.csv | cut -d, -f4)" end
	nohup wss-trace -P -s model:1s:10w --pace -p 10ms >on.csv 2>/dev/null &
	pid=$!
	later_kill $pid
	until_true grep -q tick on.csv
	kill -HUP $pid
	local n
	n=$(wc -l <on.csv)
	more() { [ "$(wc -l <on.csv)" -gt $((n + 10)) ]; }
	until_true more
}

@test "wss-trace: a simulated page-modification log exits when full, and shows pages in the order of their first write" {
	# 513 pages twice, 1 / 1026 s apart: the log is full after 512, and the write to the next one stops the processor first
	run --separate-stderr -0 wss-trace --simulate-pml -s 'vm=model:1s:513w*2' -n 1 -P -v
	stdout_is 't_ns,vm,vcpu,event,gfn,pages,arg,lost
0,vm,,begin,,,,
0,vm,,blind,,,1,
499025341,vm,0,write,65536,512,,
499025341,vm,0,full,,512,1,
1000000000,vm,0,write,66048,1,,
1000000000,vm,,size,,524288,524288,
1000000000,vm,,tick,,,1000000000,
1000000000,vm,,end,,,,'
	stderr_is 'wss-trace: vm: 513 entries logged, 1 times full, 1 exits, 0 lost
wss-trace: 1 periods of 1 targets'
}

@test "wss-trace: n first writes through a simulated log make ceil(n/512)-1 exits; 1024 entries halve them" {
	for n in 1 512 513 1024 1025 2000 8190 102400; do
		for entries in 512 1024; do
			printf '%s ' "$(pml "1s:${n}w?entries=$entries" | grep -c ',full,.*,1,$')"
		done
		echo "$n"
	done > got
	file_is got '0 0 1
0 0 512
1 0 513
1 0 1024
2 1 1025
3 1 2000
15 7 8190
199 99 102400'
}

@test "wss-trace: a write on a fresh walk is five entries of a simulated log, one behind the page-table filter" {
	run -0 pml '1s:1w?tables=yes&noise=4KiB'
	# the root, two levels, the table that names the page, the page; then the noise. wss-count can leave the tables out
	is "$(echo "$output" | grep -E 'write|table' | cut -d, -f4-6 | tr '\n' ' ')" \
		'write,4,1 write,3,1 write,2,1 write,1,1 write,65536,1 write,0,1 table,1,4 '
	pml '1s:1w?tables=yes&noise=4KiB' | wss-count -P | column gfn > got
	file_is got '0
65536
'
	run -0 pml '1s:1w?tables=yes&noise=4KiB&filter=yes'
	is "$(echo "$output" | grep -E 'write|table' | cut -d, -f4-6 | tr '\n' ' ')" 'write,65536,1 write,0,1 '
}

@test "wss-trace: each period of a simulated log begins with clean pages; what is read is in none" {
	run -0 wss-trace --simulate-pml -s 'model:1s:3w,1s:4r,1s:2rw' -n 3 -P
	is "$(echo "$output" | grep write)" '1000000000,model,0,write,65536,3,,
3000000000,model,0,write,65536,2,,'
}

@test "wss-trace: a log of walks shows reads too, an interrupt drops pages while its handler runs, and counts them" {
	# 1000 walks 1 ms apart, the handler takes 9.5 ms: 511 are logged, the next one interrupts, and nine more are dropped
	run -0 pml '1s:1000r?log=walk&full=interrupt&handler=9500us'
	stdout_is 't_ns,vm,vcpu,event,gfn,pages,arg,lost
0,model,,begin,,,,
0,model,,blind,,,0,
511000000,model,0,access,65536,511,,
511000000,model,0,full,,511,0,
1000000000,model,0,access,66057,479,,
1000000000,model,,size,,524288,524288,
1000000000,model,,tick,,,1000000000,10
1000000000,model,,end,,,,'
	# a second log takes over: nothing is dropped, and no exit is needed when the handler is quick enough
	run -0 pml '1s:10240w?full=switch&handler=50ms'
	is "$(echo "$output" | grep full | cut -d, -f6- | sort | uniq -c | tr -s ' ')" ' 19 512,0,'
	run -0 pml '1s:10240w?full=switch&handler=51ms'
	is "$(echo "$output" | grep full | cut -d, -f6- | sort | uniq -c | tr -s ' ' | tr '\n' ';')" ' 10 512,0,; 9 512,1,;'
	# few translations are walked often: 8 pages in 4 translations, always; in 8, once, and again for the first write
	is "$(pml '1s:8r*10?log=walk&tlb=4' | wss-count -P | tail -1 | cut -d, -f6)" 8
	is "$(pml '1s:8r*10?log=walk&tlb=4' | grep -c access)" 10
	is "$(pml '1s:8r*10?log=walk&tlb=8' | grep -c access)" 1
}

@test "wss-trace: options of a simulated log that are wrong are refused" {
	refuses() { run --separate-stderr -64 wss-trace "${@:2}" -n 1 -P; stderr_is "wss-trace: $1; try 'wss-trace --help'"; }
	refuses "-s model: 'log' is an option of --simulate-pml" -s 'model:1s:1w?log=walk'
	refuses '-s model: what --simulate-pml sees depends on the log: see log=, not see=' --simulate-pml -s 'model:1s:1w?see=all'
	refuses "-s model: bad full 'stop'; one of exit, interrupt, switch" --simulate-pml -s 'model:1s:1w?full=stop'
	refuses "-s model: bad log 'all'; one of dirty, walk" --simulate-pml -s 'model:1s:1w?log=all'
	refuses 'tlb: 6 is not a multiple of 4' --simulate-pml -s 'model:1s:1w?tlb=6'
	refuses "entries: '1' is too small: at least 2" --simulate-pml -s 'model:1s:1w?entries=1'
	refuses '--simulate-pml: source process is not a made-up VM; source model is' --simulate-pml -s process:1
}
