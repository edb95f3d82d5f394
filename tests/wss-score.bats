# SPDX-License-Identifier: GPL-2.0-or-later
load helper

EST=t_ns,window_ns,vm,method,wss_kib,low_kib,high_kib,memory_kib,actual_kib,blind,note
TRUTH=t_ns,window_ns,vm,set_kib,touched_kib,written_kib
S=000000000

# estimates METHOD=KIB,KIB,...: one window of 1 s each, from 1 s on; an empty number is an unknown estimate.
estimates() {
	local t=0 kib
	for kib in $(printf '%s' "${1#*=}" | sed 's/^,/- /; s/,,/,-,/g; s/,/ /g'); do
		t=$((t + 1))
		echo "$t$S,1$S,vm1,${1%%=*},${kib#-},,,,,,"
	done
}

# The example of the manual page. Truth 100000 KiB for 4 s, 200000 for 4 s, 0 for 2 s.
#   t        1      2      3      4      5       6       7       8       9     10   11
#   truth    100000 100000 100000 100000 200000  200000  200000  200000  0     0    -
#   estimate 100000 110000 96000  -      100000  150000  196000  200000  5000  0    7
#   error    0      +10000 -4000         -100000 -50000  -4000   0       +5000 0
#   relative 0      .10    .04           .50     .25     .02     0
# 9 windows are scored, 7 of them with a relative error: mean .91/7 = .13. Over 15000/9, under 158000/9,
# root of 12657e6/9. Beyond 5 %: wasting at 2 and 9, lacking at 5 (where the truth rose) and 6.
# The truth changes at 5 and 9; right again at 7 and 10: 2 s and 1 s.
# Bounds at 1 (100000 is inside 90000-110000) and 2 (100000 is not inside 105000-115000); at 3 the upper one is unknown.
# Sorted 0 7 5000 96000 100000 100000 110000 150000 196000 200000: mean 957007/10.
example() {
	{
		echo $TRUTH
		for t in 1 2 3 4; do echo "$t$S,1$S,load,50000,100000,40000"; done
		for t in 5 6 7 8; do echo "$t$S,1$S,load,50000,200000,40000"; done
		for t in 9 10; do echo "$t$S,1$S,load,50000,0,0"; done
	} > truth.csv
	{
		echo $EST
		echo "1$S,1$S,vm1,m,100000,90000,110000,,,,"
		echo "2$S,1$S,vm1,m,110000,105000,115000,,,,"
		echo "3$S,1$S,vm1,m,96000,90000,,,,,"
		estimates m=x,x,x,,100000,150000,196000,200000,5000,0,7 | tail -n +4
	} > est.csv
}

score_of() { wss-score "$@" -P > score.csv; }
value() { column "$1" < score.csv; }

@test "wss-score: the example worked out by hand" {
	example
	run --separate-stderr -0 wss-score --truth truth.csv est.csv -P
	stdout_is "t_ns,vm,method,against,windows,unknown_windows,unmatched_windows,scored_windows,zero_windows,mape_ppm,worst_ppm,over_kib,under_kib,rmse_kib,wasting_windows,wasting_ns,wasting_kib,wasting_max_kib,lacking_windows,lacking_late_windows,lacking_ns,lacking_kib,lacking_max_kib,changes,settled,lag_ns,lag_max_ns,bounded_windows,inside_windows,mean_kib,min_kib,p5_kib,p50_kib,p95_kib,max_kib,note
11$S,vm1,m,touched,11,1,1,9,2,130000,500000,1667,17556,37501,2,2$S,7500,10000,2,1,2$S,75000,100000,2,2,1500000000,2$S,2,1,95701,0,0,100000,200000,200000,"
	stderr_is ""
}

@test "wss-score: the same example as a table" {
	example
	estimates other=100000,100000,100000,100000,200000,200000,200000,200000,0,0 >> est.csv
	run --separate-stderr -0 wss-score --truth truth.csv est.csv --table
	stdout_is "VM vm1 against touched, tolerance 5.00 %
method windows scored  MAPE % worst % bias MiB RMSE MiB  wasting   for s  by MiB  lacking   for s  by MiB  changes settled   lag s longest s
m           11      9   13.00   50.00    -15.5     36.6        2     2.0     7.3        2     2.0    73.2        2       2     1.5       2.0
other       10     10    0.00    0.00     +0.0      0.0        0     0.0       -        0     0.0       -        2       2     0.0       0.0"
}

@test "wss-score: without a truth, how the estimates are spread" {
	example
	run --separate-stderr -0 wss-score est.csv -P
	is "${lines[1]}" "11$S,vm1,m,,11,1,,,,,,,,,,,,,,,,,,,,,,,,95701,0,0,100000,200000,200000,"
	run --separate-stderr -0 wss-score est.csv --table
	stdout_is "VM vm1, estimates in MiB
method windows unknown      mean       min       5 %    median      95 %       max
m           11       1      93.5       0.0       0.0      97.7     195.3     195.3"
}

@test "wss-score: --against chooses the figure of the truth" {
	{ echo $TRUTH; echo "1$S,1$S,load,100,200,400"; } > truth.csv
	{ echo $EST; estimates m=200; } > est.csv
	score_of --truth truth.csv est.csv --against set; is "$(value mape_ppm)" 1000000
	score_of --truth truth.csv est.csv; is "$(value mape_ppm)" 0
	score_of --truth truth.csv est.csv --against written; is "$(value mape_ppm)" 500000
	run --separate-stderr -64 wss-score --truth truth.csv est.csv --against all
	stderr_is "wss-score: --against: bad value 'all': need touched, written or set; try 'wss-score --help'"
}

@test "wss-score: truth windows of another length; a VM that ends in between" {
	# Truth windows of 2 s end at 2 and 4: they stand for the estimates at 2, 3 (one s old), 4 and 5.
	{ echo $TRUTH; echo "2$S,2$S,load,1,100,1"; echo "4$S,2$S,load,1,200,1"; } > truth.csv
	{ echo $EST; estimates m=7,100,100,200,200,7; } > est.csv
	score_of --truth truth.csv est.csv
	is "$(value unmatched_windows)" 2
	is "$(value scored_windows)" 4
	is "$(value rmse_kib)" 0
}

@test "wss-score: --slack joins windows whose ends are a little apart" {
	{ echo $TRUTH; echo "1000000005,1$S,load,1,100,1"; } > truth.csv
	{ echo $EST; estimates m=100; } > est.csv
	run --separate-stderr -65 wss-score --truth truth.csv est.csv -P
	stderr_is "wss-score: no truth for any estimate: windows end from 1$S to 1$S ns, those of the truth of 'load' from 1000000005 to 1000000005; are they of the same run?"
	score_of --truth truth.csv est.csv --slack 5ns
	is "$(value scored_windows)" 1
}

@test "wss-score: several VMs find their truth by name, or by --vm" {
	{ echo $TRUTH; echo "1$S,1$S,a,1,100,1"; echo "1$S,1$S,b,1,200,1"; } > truth.csv
	{ echo $EST; echo "1$S,1$S,a,m,100,,,,,,"; echo "1$S,1$S,guest,m,200,,,,,,"; } > est.csv
	run --separate-stderr -0 wss-score --truth truth.csv est.csv -P
	stderr_is "wss-score: warning: VM 'guest' is not in the truth; say which it is with --vm 'guest=TRUTHNAME'"
	is "$(echo "$output" | column note | paste -sd/)" "/no-truth"
	is "$(echo "$output" | column mape_ppm | paste -sd/)" "0/"
	score_of --truth truth.csv est.csv --vm guest=b
	is "$(value mape_ppm | paste -sd/)" "0/0"
	run --separate-stderr -64 wss-score --truth truth.csv est.csv --vm guest
	stderr_is "wss-score: --vm: bad value 'guest': need NAME=TRUTHNAME; try 'wss-score --help'"
}

@test "wss-score: --tolerance and --step" {
	{ echo $TRUTH; echo "1$S,1$S,load,1,100,1"; echo "2$S,1$S,load,1,120,1"; } > truth.csv
	{ echo $EST; estimates m=120,120; } > est.csv
	score_of --truth truth.csv est.csv; is "$(value wasting_windows) $(value changes)" "1 1"
	score_of --truth truth.csv est.csv --tolerance 20% --step 20%; is "$(value wasting_windows) $(value changes)" "0 0"
}

@test "wss-score: files of several methods from several runs, and gzip" {
	{ echo $TRUTH; echo "1$S,1$S,load,1,100,1"; } | gzip > truth.gz
	{ echo $EST; estimates a=100; } > a.csv
	{ echo $EST; estimates b=50; } | gzip > b.gz
	wss-score --truth truth.gz a.csv b.gz -o score.gz
	is "$(column method < score.gz | paste -sd' ')" "a b"
	is "$(column mape_ppm < score.gz | paste -sd' ')" "0 500000"
}

@test "wss-score: no number is made up where nothing is known" {
	{ echo $TRUTH; echo "1$S,1$S,load,0,0,0"; } > truth.csv
	{ echo $EST; estimates idle=0; estimates blind=,; } > est.csv
	score_of --truth truth.csv est.csv
	is "$(value note | paste -sd' ')" "zero-truth no-estimate"
	is "$(value mape_ppm | paste -sd,)" ","
	is "$(value rmse_kib | paste -sd,)" "0,"
}

@test "wss-score: wrong input" {
	{ echo $TRUTH; echo "1$S,1$S,load,0,0,0"; } > truth.csv
	{ echo $EST; estimates m=1,2; } > est.csv
	echo $TRUTH > no-truth.csv
	echo $EST > no-est.csv
	{ cat est.csv; estimates m=3 ; } > back.csv
	run --separate-stderr -65 wss-score --truth no-truth.csv est.csv
	stderr_is "wss-score: no-truth.csv: no row: nothing to compare with"
	run --separate-stderr -65 wss-score no-est.csv
	stderr_is "wss-score: no-est.csv: line 1: no estimate: nothing to score"
	run --separate-stderr -65 wss-score back.csv
	stderr_is "wss-score: back.csv: line 4: column 't_ns': goes back from 2$S to 1$S for VM 'vm1'"
	run --separate-stderr -65 wss-score truth.csv
	stderr_is "wss-score: truth.csv: line 1: truth records, need estimate records"
	run --separate-stderr -65 wss-score --truth est.csv est.csv
	stderr_is "wss-score: est.csv: line 1: estimate records, need truth records"
	run --separate-stderr -66 wss-score --truth none.csv est.csv
	stderr_is "wss-score: cannot read none.csv: No such file or directory"
}
