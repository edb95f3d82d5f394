# SPDX-License-Identifier: GPL-2.0-or-later
load helper

COUNTER=t_ns,vm,counter,value
TRUTH=t_ns,window_ns,vm,set_kib,touched_kib,written_kib
S=000000000

# recording N [VM [EXTRA]]: N seconds of a law without errors, in ./counters and ./truth (appended to):
#   truth = 1000 + 2 * AnonPages + 3 * (pgfault per second) - 5 * kvm.pages_4k
# AnonPages runs through multiples of 7 modulo 101, the faults a second are multiples of 11 modulo 97, the pages of 13
# modulo 89. EXTRA is an awk statement for more.
recording() {
	[ -e counters ] || { echo $COUNTER >counters; echo $TRUTH >truth; }
	awk -v n="$1" -v vm="${2-a}" 'BEGIN {
		for (t = 1; t <= n; t++) {
			anon = 100 + t * 7 % 101; rate = t * 11 % 97; pages = t * 13 % 89; faults += rate
			row("AnonPages", anon); row("pgfault", faults); row("kvm.pages_4k", pages); row("MemTotal", 5000)
			'"${3-}"'
			kib = 1000 + 2 * anon + 3 * rate - 5 * pages
			print t "000000000,1000000000," vm "," kib + 1 "," kib "," kib - 1 >>"truth"
		}
	}
	function row(name, value) { print t "000000000," vm "," name "," value >>"counters" }'
}

# law MODEL: what the model says, a line each: the constant for all counters at 0, and each counter's factor.
law() {
	awk '$1 == "constant" { k = $2 }
	     $1 == "counter" { line[++n] = sprintf("%s %s %.6f", $2, $8, $3 / $5); k -= $3 * $4 / $5 }
	     END { printf "%.6f\n", k; for (i = 1; i <= n; i++) print line[i] }' "$1"
}

@test "wss-fit: finds the law that made the truth, of levels and of rates, by each way" {
	recording 100
	for way in ordinary robust; do
		wss-fit --truth truth --way $way counters >model
		law model >got
		file_is got '1000.000000
level AnonPages 2.000000
rate pgfault 3.000000
level kvm.pages_4k -5.000000'
	done
	# The first window has no rate yet. Of 99 others each fourth twentieth is control.
	is "$(grep -c . model)" 20
	grep -qx 'learning n 74 r2 1.0000 rmse_kib 0 relative 0.0000 under .*' model
	grep -q '^control n 25 r2 1.0000 ' model
	grep -qx 'dropped 1' model
	wss-fit --truth truth --way ridge counters | law - | awk '{ printf "%.1f\n", $NF }' | xargs >got
	file_is got '1000.0 2.0 3.0 -5.0'
}

@test "wss-fit: the truth's other figures, other names, samples of standard input" {
	recording 60
	wss-fit --truth truth --against set counters | law - | head -n 1 >got
	wss-fit --truth truth --against written counters | law - | head -n 1 >>got
	sed -i s/,a,/,load,/ truth
	wss-fit --truth truth <counters | law - | head -n 1 >>got
	recording 60 b
	wss-fit -q --truth truth --vm a=load counters >model
	law model | head -n 1 >>got
	file_is got '1001.000000
999.000000
1000.000000
1000.000000'
	grep -qx 'dropped 2' model
}

@test "wss-fit: counters of the guest, of virtualization, by name" {
	recording 60
	is "$(wss-fit --truth truth --use guest counters | law - | cut -d' ' -f2 | tail -n +2 | xargs)" 'AnonPages pgfault'
	is "$(wss-fit --truth truth --use virtualization counters | law - | cut -d' ' -f2 | tail -n +2 | xargs)" 'kvm.pages_4k'
	is "$(wss-fit --truth truth --use 'pgf*,AnonPages' counters | law - | cut -d' ' -f2 | tail -n +2 | xargs)" 'AnonPages pgfault'
}

# The spreads of the terms: 2 * 101, 3 * 97, 5 * 89 in uniform numbers.
@test "wss-fit: selects the counters that say most, one by one" {
	recording 200
	is "$(wss-fit --truth truth --select 1 counters | law - | cut -d' ' -f2 | tail -n +2 | xargs)" 'kvm.pages_4k'
	is "$(wss-fit --truth truth --select 2 counters | law - | cut -d' ' -f2 | tail -n +2 | xargs)" 'kvm.pages_4k pgfault'
	is "$(wss-fit --truth truth --select 9 counters | law - | cut -d' ' -f2 | tail -n +2 | xargs)" 'kvm.pages_4k pgfault AnonPages'
}

@test "wss-fit: constant counters and combinations of others are left out, and named with -v" {
	recording 60 a 'row("Twice", 2 * anon + 40);'
	run --separate-stderr -0 wss-fit -v --truth truth counters
	stderr_is "wss-fit: counter 'MemTotal' is constant: left out
wss-fit: counter 'Twice' is a combination of the ones before it: left out
wss-fit: both: 44 samples to learn from, 15 to control, 1 windows without all counters, 3 of 5 counters"
}

# Faults start again from 0 at 21 s. Pages are not there from 31 to 45 s, that is known too old from 41 s on (age 10 s).
# What counts up is told from its name, or from what it does.
@test "wss-fit: resets, gaps and counters of unknown names" {
	recording 100 a 'row("my_count", 1000 + faults);'
	awk -F, -v OFS=, '$3 == "pgfault" && $1 == "20000000000" { base = $4 } $3 == "pgfault" && base && $1 > 20e9 { $4 -= base }
		$3 == "pgfault" && $1 == "21000000000" { $4 = 3 } $3 != "kvm.pages_4k" || $1 <= 30e9 || $1 > 45e9' counters >holes
	wss-fit -v --truth truth --use pgfault,my_count holes >model 2>err
	grep -qx 'dropped 3' model || grep dropped model >&2
	is "$(law model | cut -d' ' -f1,2 | tail -n +2 | xargs)" 'rate pgfault rate my_count'
	wss-fit --truth truth --use 'kvm.pages_4k' holes >model
	grep -qx 'dropped 5' model
	wss-fit --truth truth --use 'kvm.pages_4k' --age 2s holes >model
	grep -qx 'dropped 13' model
}

# At 20 s vm-counters has seen that the faults began anew, and says no value: neither that window nor the next has a rate,
# though the count is higher again at once. Pages were not reported at 30 s.
@test "wss-fit: counters without a value" {
	recording 60
	sed -i "s/^\(20$S,a,pgfault\),.*/\1,/; s/^\(30$S,a,kvm.pages_4k\),.*/\1,/" counters
	awk -F, -v OFS=, '$3 == "pgfault" && $1 > 20e9 { $4 += 100000 } 1' counters >anew
	wss-fit --truth truth anew >model
	law model >got
	file_is got '1000.000000
level AnonPages 2.000000
rate pgfault 3.000000
level kvm.pages_4k -5.000000'
	grep -qx 'dropped 4' model
	run -0 wss-fit --homogeneity anew anew
	is "$(grep -c ' alike$' <<<"$output")" 3
}

@test "wss-fit: counters that one VM has not, or not most of the time, do not cost its samples" {
	recording 60
	recording 60 b 'if (t > 40) row("Late", anon);'
	sed -i '/,b,kvm/d' counters
	run --separate-stderr -0 wss-fit -v --truth truth counters
	stderr_is "wss-fit: counter 'kvm.pages_4k' is not known in most windows of VM 'b': left out
wss-fit: counter 'Late' is not known in most windows of VM 'a': left out
wss-fit: counter 'MemTotal' is constant: left out
wss-fit: both: 88 samples to learn from, 30 to control, 2 windows without all counters, 2 of 3 counters"
}

# b follows another law: a model of a does not fit it.
@test "wss-fit: control samples may be VMs, which are not learned from" {
	recording 60
	recording 60 b 'anon += 500;'
	wss-fit --truth truth --control vm:b counters >model
	law model | head -n 1 >got
	file_is got 1000.000000
	grep -q '^learning n 59 r2 1.0000' model
	grep -q '^control n 59 r2 -.* rmse_kib 1000 .* under 1.0000 inside 0.0000$' model
	wss-fit --truth truth --control 0% counters >model
	grep -qx 'control n 0' model
}

# The truth is above the law by 100 in every fourth window. Cost 1 is wrong by 75 below and 25 above; the higher the cost,
# the nearer to the upper one: 1/4 * c * (100 - u) = 3/4 * u at u = 100 c / (c + 3).
@test "wss-fit: errors below the truth may cost more" {
	recording 400 a 'if (t % 4 == 0) anon += 50;'
	for cost in 1 9 97; do
		wss-fit --truth truth --use AnonPages,pgfault,kvm.pages_4k --under-cost $cost counters | law - | awk 'NR == 1 { printf "%.0f\n", $1 }'
	done | xargs >got
	read -r one nine many <got
	between 1020 "$one" 1030
	between 1070 "$nine" 1080
	between 1095 "$many" 1099
}

@test "wss-fit: --compare, a table of guest, virtualization and both" {
	recording 100
	run --separate-stderr -0 wss-fit --truth truth --compare counters
	is "${lines[0]}" 'use             counters  samples         n       R2   RMSE MiB  error %  under %  in 90 %'
	is "$(tail -n +2 <<<"$output" | awk '{ print $1, $2, $3, $4 }' | xargs -n 12)" 'guest 2 learning 74 guest 2 cross 74 guest 2 control 25
virtualization 1 learning 75 virtualization 1 cross 75 virtualization 1 control 25
both 3 learning 74 both 3 cross 74 both 3 control 25'
	# Neither side alone explains the truth; both do.
	is "$(awk '$5 < 0.9 { print $1 }' <<<"$output" | sort | uniq -c | xargs)" '3 guest 3 virtualization'
	is "$(awk '$1 == "both" { print $5, $6, $7 }' <<<"$output" | sort -u)" '1.0000 0.00 0.00'
}

# 1..10 and 1..10 are the same. 1..10 and 101..110 are apart: Kruskal-Wallis 12/(20*21) * (55^2/10 + 155^2/10) - 3*21 =
# 14.2857, p 0.000157; Anderson-Darling T 9.86, p 0.000065: beyond the table, along its last step. With Holm's correction of the
# six the smallest counts 6 times, the next 5 times. A rate of 5 a second all the time is constant.
@test "wss-fit: --homogeneity, which counters are alike in all files" {
	for file in 1 2; do
		echo $COUNTER >$file
		for t in 1 2 3 4 5 6 7 8 9 10; do
			echo "$t$S,a,Cached,$t"
			echo "$t$S,a,AnonPages,$((t + file * 100))"
			echo "$t$S,a,pgfault,$((t * 5))"
		done >>$file
	done
	run --separate-stderr -0 wss-fit --homogeneity 1 2
	stdout_is "counter    kind   shape p  middle p  spread p  distance  verdict
Cached     level   1.0000    1.0000    1.0000     0.000  alike
AnonPages  level   0.0004    0.0008    1.0000     1.000  differ
pgfault    rate         -         -         -         -  not tested: constant, or too few values
1 alike, 0 differ little, 1 differ, 1 not tested"
	run --separate-stderr -65 wss-fit --homogeneity --use 'guest*' 1 2
	stderr_is "wss-fit: 1: no counter that --use asks for"
}

@test "wss-fit: a model is written whole or not at all" {
	recording 60
	echo old >model
	run --separate-stderr -74 strace -qq -o log -e inject=fsync:error=ENOSPC wss-fit --truth truth counters -o model
	stderr_is "wss-fit: cannot write model: No space left on device"
	file_is model old
	is "$(echo model*)" model
	wss-fit --truth truth counters -o model
	is "$(head -n 1 model)" 'wss-model 1'
	is "$(tail -n 1 model)" 'end'
	is "$(echo model*)" model
	run --separate-stderr -74 wss-fit --truth truth counters -o nowhere/model
	stderr_is "wss-fit: cannot write nowhere/model: No such file or directory"
	run -74 bash -c 'wss-fit --truth truth counters >/dev/full'
}

# fails CODE MESSAGE ARGUMENT...
fails() {
	local code=$1 message=$2
	shift 2
	run --separate-stderr "-$code" wss-fit "$@"
	stderr_is "wss-fit: $message"
	[ -z "$output" ]
}

@test "wss-fit: what it cannot learn from" {
	recording 8 # in which AnonPages and kvm.pages_4k just rise, both as the time
	fails 65 "too few samples: 5 to learn from, and 2 counters need 10; record for longer, or use --select" --truth truth counters
	fails 65 "no counter says anything: they are constant, not known, or of no use" --truth truth --use MemTotal counters
	fails 65 "no counter says anything: they are constant, not known, or of no use" --truth truth --use nothing counters
	rm counters truth
	recording 60
	echo $COUNTER >none
	fails 65 "none: line 1: no counter: nothing to look at" --truth truth none
	echo $TRUTH >none
	fails 65 "none: no row: nothing to learn from" --truth none counters
	fails 65 "truth: line 1: truth records, need counter records" --truth truth truth
	fails 65 "counters: line 1: counter records, need truth records" --truth counters counters
	sed 's/,a,/,b,/' truth >two
	tail -n +2 truth | sed 's/,a,/,c,/' >>two
	run --separate-stderr -65 wss-fit --truth two counters
	stderr_is "wss-fit: warning: VM 'a' is not in the truth; say which it is with --vm 'a=TRUTHNAME'
wss-fit: no VM of the counters is in the truth"
	sed '5s/,[0-9]*$/,nan/' counters >bad
	fails 65 "bad: line 5: column 'value': bad value 'nan'" --truth truth bad
	{ cat counters; echo "1$S,a,AnonPages,5"; } >back
	fails 65 "back: line $(wc -l <back): column 't_ns': goes back from 60000000000 to 1000000000 for VM 'a'" --truth truth back
	fails 66 "cannot read nowhere: No such file or directory" --truth truth nowhere
}

@test "wss-fit: options that do not fit" {
	recording 60
	local help="; try 'wss-fit --help'"
	fails 64 "--truth: is needed$help" counters
	fails 64 "--way: bad value 'best': need ordinary, ridge or robust$help" --truth truth --way best counters
	fails 64 "--against: bad value 'all': need touched, written or set$help" --truth truth --against all counters
	fails 64 "--vm: bad value 'a': need NAME=TRUTHNAME$help" --truth truth --vm a counters
	fails 64 "--control: bad value '95%': need a share up to 90%, or vm:NAME$help" --truth truth --control 95% counters
	fails 64 "--control: bad value 'vm:': need a share up to 90%, or vm:NAME$help" --truth truth --control vm: counters
	fails 64 "--under-cost: not with --way robust, which takes no side$help" --truth truth --way robust --under-cost 2 counters
	fails 64 "--homogeneity: not with --truth or --compare$help" --truth truth --homogeneity counters counters
	fails 64 "--homogeneity: needs two files or more, one for each guest system$help" --homogeneity counters
	fails 64 "--truth: standard input has the counters already$help" --truth -
}
