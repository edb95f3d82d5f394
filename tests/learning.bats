# SPDX-License-Identifier: GPL-2.0-or-later
# The learning set in share/, the models that are fitted to it, and what docs/learning.md says of them.
load helper

learn() { "$TOP/scripts/learn/$1" "${@:2}"; }
COUNTER=t_ns,vm,counter,value
TRUTH=t_ns,window_ns,vm,set_kib,touched_kib,written_kib
S=000000000

# By the clock of a host: the recording begins at 100 s, with two windows of 4 s. MemTotal never changes, balloon.last-update
# tells the time, the faults of the second window are not known.
recording() { # NAME
	{
		echo $COUNTER
		printf "%s,$1,%s\n" 92$S MemTotal,5000 92$S MemFree,900 92$S Cached,50 92$S pgfault,1000 92$S balloon.last-update,92 \
			99$S MemFree,800 99$S pgfault,1100 102$S pgfault,1500 103$S MemFree,700 103500000000 balloon.last-update,103 104001000000 Cached,70 \
			107$S pgfault, 107$S MemTotal,5000
	} | gzip >"made/$1.counters.gz"
	{ echo $TRUTH; echo "104$S,4$S,$1,8,8,4"; echo "108$S,4$S,$1,12,12,8"; } | gzip >"made/$1.truth.gz"
}

@test "learning: recordings become a table of what was known at the end of each window" {
	mkdir made
	recording cloud-512.idle
	recording amd64-512.idle
	learn join made >set.csv
	file_is set.csv "t_ns,window_ns,vm,touched_kib,written_kib,MemFree,Cached,pgfault
0,,cloud-512.idle,,,800,50,100
4$S,4$S,cloud-512.idle,8,4,700,50,500
8$S,4$S,cloud-512.idle,12,8,700,70,
0,,amd64-512.idle,,,800,50,100
4$S,4$S,amd64-512.idle,8,4,700,50,500
8$S,4$S,amd64-512.idle,12,8,700,70,"
	# What is too old is not known: 16 s before the second window's end.
	zcat made/cloud-512.idle.counters.gz | sed "/,MemFree,[78]00/d; /,Cached,70/d" | gzip >x
	mv x made/cloud-512.idle.counters.gz
	is "$(learn join made | sed -n 4p)" "8$S,4$S,cloud-512.idle,12,8,,,"
}

@test "learning: a table becomes records, of all guests and of each" {
	mkdir made
	recording cloud-512.idle
	recording amd64-512.idle
	learn join made >set.csv
	learn unfold set.csv out
	{ echo $TRUTH; for vm in cloud amd64; do echo "4$S,4$S,$vm-512.idle,8,8,4"; echo "8$S,4$S,$vm-512.idle,12,12,8"; done; } | same - out/truth.csv
	is "$(sed -n '1p;5,7p;10p' out/counters.csv | xargs)" "$COUNTER 4$S,cloud-512.idle,MemFree,700 4$S,cloud-512.idle,Cached,50 4$S,cloud-512.idle,pgfault,500 8$S,cloud-512.idle,pgfault,"
	{ cat out/cloud-512.csv; sed 1d out/amd64-512.csv; } | same - out/counters.csv
	wss-fit --homogeneity out/cloud-512.csv out/amd64-512.csv >/dev/null
}

# models_alike A B: the same counters in the same order; numbers may differ in the tenth digit, as between two processors.
models_alike() {
	paste -d '\n' "$1" "$2" | awk '
		NR % 2 { n = split($0, f, " "); next }
		{
			bad = NF != n
			for (i = 1; i <= NF && !bad; i++)
				bad = $i != f[i] && ($i !~ /^-?[0-9.e+-]+$/ || ($i - f[i]) ^ 2 > ($i * 1e-10) ^ 2)
			if (bad) { print "other in line " NR / 2 ": " $0; exit 1 }
		}' >&2 && is "$(wc -l <"$1")" "$(wc -l <"$2")"
}

@test "learning: the models that are installed are those of the learning set that is" {
	learn report -m -s .
	for model in guest libvirt; do models_alike $model.model "$TOP/share/$model.model"; done
	# It would be seen when they were not.
	sed 's/^constant 6/constant 7/; s/^constant [1-5]/constant 6/' guest.model >other
	run ! models_alike other "$TOP/share/guest.model"
	make -s -C "$TOP" install-models DESTDIR="$PWD/to" PREFIX=/p >/dev/null
	is "$(cd to/p/share/wss-tools && echo *)" 'guest.model learning-set.csv learning-set.txt libvirt.model unfold'
}

# rmse: of all VMs together, KiB.
rmse() {
	gzip -cdf | awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		$at["rmse_kib"] != "" { n += $at["scored_windows"]; sum += $at["scored_windows"] * $at["rmse_kib"] ^ 2 }
		END { printf "%d", sqrt(sum / n) }'
}

@test "learning: what is installed can be applied, and is nearer than a formula" {
	"$TOP/scripts/learn/unfold" "$TOP/share/learning-set.csv" .
	awk -F, -v OFS=, 'NR == 1 { print "t_ns,window_ns,vm,asid,gfn,pages,writes,reads,accesses,lost,memory_pages,actual_pages,asked_ns,blind" }
		NR > 1 { print $1, $2, $3, "", "", 0, "", "", "", 0, 131072, 131072, $2, 0 }' truth.csv >counts.csv
	estimate() { wss-estimate -m "$1" -c counters.csv counts.csv | wss-score -t truth.csv | rmse; }
	# What the guest has promised to its programs.
	formula=$(estimate self-ballooning)
	for model in guest libvirt; do between 1 $(($(estimate "model:$TOP/share/$model.model") * 2)) "$formula"; done
}

@test "learning: the page about it says what wss-fit says" {
	"$TOP/scripts/learn/unfold" "$TOP/share/learning-set.csv" .
	for way in '--select 4' '--way ridge'; do
		# shellcheck disable=SC2086 # two words
		wss-fit -q -t truth.csv --compare $way counters.csv
	done >lines
	is "$(wc -l <lines)" 20
	while IFS= read -r line; do grep -qFx -- "$line" "$TOP/docs/learning.md" || { echo "not there: $line" >&2; return 1; }; done <lines
	# every counter that was compared between guests, and every load, has its row
	is "$(sed -n 's/^load|\([^|]*\)|.*/\1/p' "$TOP/scripts/learn/grid" | while read -r load; do grep -c "^| $load | " "$TOP/docs/learning.md"; done | sort -u)" 1
}

# error LABEL COLUMN: RMSE in MiB from a row of the page; columns: mean available guest virtualization both no-note.
error() {
	awk -F'|' -v label=" $1 " -v column="$2" '
		BEGIN { n = split("mean available guest virtualization both no-note", name, " "); for (i = 1; i <= n; i++) if (name[i] == column) c = i + 3 }
		$2 == label { split($c, f, " "); print f[1]; exit }' "$TOP/docs/learning.md"
}
# rise VALUE...: each is more than the one before.
rise() { is "$(printf '%s\n' "$@" | sort -nu | xargs)" "$*"; }

# bats test_tags=slow
@test "learning: the conclusions of the page follow from its tables" {
	# loads that were learned from: both sides are nearer than each alone
	rmse_of() { awk -v use="$1" '$1 == use && $3 == "control" { print $6; exit }' "$TOP/docs/learning.md"; }
	rise "$(rmse_of both)" "$(rmse_of virtualization)"
	rise "$(rmse_of both)" "$(rmse_of guest)"
	# other memory size, other configuration of the same version: too
	for guest in cloud-512 cloud-256 amd64-512; do
		rise "$(error $guest both)" "$(error $guest virtualization)"
		rise "$(error $guest both)" "$(error $guest guest)"
		rise "$(error $guest both)" "$(error $guest available)"
	done
	# loads that were not, and a newer kernel: not nearer than virtualization alone
	rise "$(error 'each load in turn' virtualization)" "$(error 'each load in turn' both)" "$(error 'each load in turn' mean)" \
		"$(error 'each load in turn' available)"
	rise "$(error backports-512 virtualization)" "$(error backports-512 both)"
	# the more counters, the worse on loads not learned from; the note finds the worst
	rise "$(error 'each load in turn' both)" "$(error 'at most 8' both)" "$(error 'all, ridge' both)"
	rise "$(error 'each load in turn' no-note)" "$(error 'each load in turn' both)"
	rise "$(error 'all, ridge' no-note)" "$(error 'all, ridge' both)"
	# two configurations of one version, and two versions
	grep -qx '| AnonPages | level | alike, .*' "$TOP/docs/learning.md"
	grep -q '^| Inactive(anon) | level | alike, [0-9.]* | differ, 0.9' "$TOP/docs/learning.md"
}

@test "learning: wrong words are refused before a guest is started" {
	run --separate-stderr -64 learn record nobody
	stderr_is "record: no guest 'nobody' in scripts/learn/grid"
	run --separate-stderr -64 learn record -l nothing cloud-512
	stderr_is "record: no load 'nothing' in scripts/learn/grid"
	run --separate-stderr -64 learn record -p 500ms cloud-512
	stderr_is 'record: -p: whole seconds are needed, as in 4s'
	run --separate-stderr -64 learn unfold set.csv
	stderr_is 'Usage: scripts/learn/unfold SET FOLDER'
}
