# SPDX-License-Identifier: GPL-2.0-or-later
load helper

S=000000000
EST=t_ns,window_ns,vm,method,wss_kib,low_kib,high_kib,memory_kib,actual_kib,blind,note
TRUTH=t_ns,window_ns,vm,set_kib,touched_kib,written_kib
COUNT=t_ns,window_ns,vm,asid,gfn,pages,writes,reads,accesses,lost,memory_pages,actual_pages,asked_ns,blind

CURVE=t_ns,window_ns,vm,method,pages,miss_ppm
AGE=t_ns,window_ns,vm,method,age_ns,pages

# What the gnuplot script draws: data and curves, without the settings.
drawn() { wss-draw -t gnuplot "$@" > script && sed -n '/^\$/,$p' script; }

frames() {
	echo $COUNT
	echo "1$S,1$S,vm1,,65536,256,1,1,2,,,,,"
	echo "1$S,1$S,vm1,,,256,,,,0,,,1$S,"
	echo "2$S,1$S,vm1,,,0,,,,0,,,1$S,"
	echo "3$S,1$S,vm1,,1024,512,1,0,1,,,,,"
	echo "3$S,1$S,vm1,,65536,512,0,4,4,,,,,"
	echo "3$S,1$S,vm1,,,1024,,,,0,,,1$S,"
}

@test "wss-draw: windows are levels from begin to end, unknown values are gaps, bounds are a band" {
	{ echo $TRUTH; echo "11$S,1$S,load,1,2048,1"; echo "12$S,1$S,load,1,4096,1"; } > truth.csv
	{
		echo $EST
		echo "11$S,1$S,vm1,it's,1024,,,,,,"
		echo "12$S,1$S,vm1,it's,,,,,,,"
		echo "13$S,2$S,vm1,it's,3072,2048,4096,,,,"
	} | gzip > est.gz
	run --separate-stderr -0 drawn truth.csv est.gz
	stdout_is "\$data1 << END
0.000000 2.000
1.000000 2.000
1.000000 4.000
2.000000 4.000
END
\$data2 << END
0.000000 1.000 1.000 1.000
1.000000 1.000 1.000 1.000

1.000000 3.000 2.000 4.000
3.000000 3.000 2.000 4.000
END
plot \$data1 using 1:2 with filledcurves y1=0 fillcolor rgb '#e4e4e4' notitle, \\
     \$data1 using 1:2 with lines linewidth 2 linecolor rgb '#808080' title 'truth', \\
     \$data2 using 1:3:4 with filledcurves linetype 1 fillstyle transparent solid 0.2 noborder notitle, \\
     \$data2 using 1:2 with lines linewidth 4.5 linetype 1 title 'it''s'"
}

@test "wss-draw: overlapping windows follow one another" {
	{ echo $EST; echo "30$S,30$S,v,m,1024,,,,,,"; echo "40$S,30$S,v,m,2048,,,,,,"; } > est.csv
	run --separate-stderr -0 drawn est.csv
	is "${lines[*]:1:4}" "0.000000 1.000 30.000000 1.000 30.000000 2.000 40.000000 2.000"
}

@test "wss-draw: targets and acknowledgements of several VMs, quoted names, --vm" {
	{
		echo t_ns,vm,method,wss_kib,gap_kib,target_kib,actual_kib,memory_kib,reason
		echo "1$S,a,m,1,1,1024,2048,,follow"
		echo "1$S,\"b,\"\"2\"\"\",m,1,1,3072,,,follow"
	} > target.csv
	{ echo t_ns,vm,target_kib,actual_kib,result; echo "2$S,a,1024,1024,done"; } > ack.csv
	run --separate-stderr -0 drawn target.csv ack.csv
	is "$(echo "$output" | sed -n "s/.*title '\(.*\)'.*/\1/p" | paste -sd/)" 'target a/target b,"2"/memory a/memory b,"2"/reached a'
	is "${lines[*]:0:3}" '$data1 << END 0.000000 1.000 END'
	run --separate-stderr -0 drawn target.csv ack.csv --vm 'b,"2"'
	is "$(echo "$output" | sed -n "s/.*title '\(.*\)'.*/\1/p" | paste -sd/)" 'target/memory'
}

@test "wss-draw: count records are a heat map of frames; untouched blocks are left out" {
	# Two blocks of 2 MiB, 0x400 and 0x10000, are 1024 frames: 256 rows of 4 frames.
	run --separate-stderr -0 drawn <(frames)
	stdout_is "\$cells << END
0.000000 1.000000 128 192 2
2.000000 3.000000 0 128 1
2.000000 3.000000 128 256 4
END
plot \$cells using ((\$1+\$2)/2):((\$3+\$4)/2):1:2:3:4:5 with boxxyerror linecolor palette"
	run --separate-stderr -0 grep -E 'ytics|arrow' script
	stdout_is "set arrow from graph 0, first 128 to graph 1, first 128 nohead linewidth 0.5 linecolor rgb '#808080' front
set ytics ('0x400' 0, '0x480' 32, '0x500' 64, '0x580' 96, '0x10000' 128, '0x10080' 160, '0x10100' 192, '0x10180' 224)"
}

@test "wss-draw: the heat map as text" {
	command -v gnuplot || cannot "no gnuplot"
	# 24 rows at most: 64 frames each make 16. Nine levels up to the most, 4: 1 is the third, 2 the fifth.
	run --separate-stderr -0 wss-draw -t dumb <(frames)
	is "${lines[0]}" "     0x101c0 |  @|"
	is "${lines[7]}" "     0x10000 |+ @|"
	is "${lines[15]}" "       0x400 |  -|"
	is "${lines[16]}" "              0 to 3 s; @ = 4 touches of each page in a window"
}

@test "wss-draw: miss-ratio curves are steps, of the last window of each VM and method" {
	{
		echo $CURVE
		echo "1$S,1$S,a,mrc,0,1000000"
		echo "1$S,1$S,a,mrc,7,0"
		echo "1$S,1$S,b,it's,0,1000000"
		echo "1$S,1$S,b,it's,64,0"
		echo "2$S,1$S,a,mrc,0,1000000"
		echo "2$S,1$S,a,mrc,128,12345"
		echo "2$S,1$S,a,mrc,256,0"
	} > curve.csv
	run --separate-stderr -0 drawn curve.csv
	stdout_is "\$data1 << END
0.000 100.0000
0.500 1.2345
1.000 0.0000
END
\$data2 << END
0.000 100.0000
0.250 0.0000
END
plot \$data1 using 1:2 with steps linewidth 4.5 linetype 1 title 'mrc a', \\
     \$data2 using 1:2 with steps linewidth 3 linetype 2 title 'it''s b'"
	grep -qx "set yrange \[0:100\]" script
	run --separate-stderr -0 drawn --vm b curve.csv
	is "${lines[4]}" "plot \$data1 using 1:2 with steps linewidth 4.5 linetype 1 title 'it''s'"
}

@test "wss-draw: ages are boxes as wide as the window, of the last one" {
	{
		echo $AGE
		echo "8$S,2$S,v,cold,0,1024"
		echo "10$S,2$S,v,cold,0,256"
		echo "10$S,2$S,v,cold,4$S,512"
	} > age.csv
	run --separate-stderr -0 drawn age.csv
	stdout_is "\$data1 << END
0.000000 2.000000 1.000
4.000000 6.000000 2.000
END
plot \$data1 using ((\$1+\$2)/2):(\$3/2):1:2:(0):3 with boxxyerror fillstyle transparent solid 0.5 linetype 1 title 'cold'"
}

@test "wss-draw: curves and ages from wss-estimate, as png, svg and text" {
	command -v gnuplot || cannot "no gnuplot"
	wss-trace -s model:1s:500r -n 3 -o e.gz
	wss-estimate -m mrc --curves c.gz e.gz > est.gz
	wss-count e.gz | wss-estimate -m cold:2s --ages a.gz > est.gz
	wss-draw c.gz | head -c 4 | grep -q PNG
	wss-draw a.gz | head -c 4 | grep -q PNG
	wss-draw -t svg c.gz | grep -q 'misses (%)'
	wss-draw -t svg a.gz | grep -q 'age (s)'
	wss-draw -t dumb c.gz | grep -q '\*mrc'
	wss-draw -t dumb a.gz | grep -q '\*cold:2s'
}

@test "wss-draw: the kind of picture follows from the name; --type and the terminal" {
	command -v gnuplot || cannot "no gnuplot"
	{ echo $EST; echo "1$S,1$S,v,threshold:1,1024,,,,,,"; } > est.csv
	wss-draw est.csv -o p.png
	is "$(head -c 8 p.png | od -An -tx1)" " 89 50 4e 47 0d 0a 1a 0a"
	wss-draw est.csv -o p.svg --title "it's a title"
	grep -q "it's a title" p.svg
	grep -q 'threshold:1' p.svg
	wss-draw est.csv -o p.txt
	grep -q '\*threshold:1' p.txt
	wss-draw -tpng - < est.csv > q.png
	cmp p.png q.png
	frames | wss-draw > f.png
	is "$(head -c 4 f.png | tail -c 3)" PNG
	run --separate-stderr -64 script -qec 'wss-draw -t png est.csv' /dev/null
	is "${lines[0]%$'\r'}" "wss-draw: a png does not go to a terminal: give -o FILE or -t dumb; try 'wss-draw --help'"
}

@test "wss-draw: no gnuplot" {
	{ echo $EST; echo "1$S,1$S,v,m,1024,,,,,,"; } > est.csv
	mkdir p
	for c in sh cat awk gzip mktemp rm sed mv; do ln -s "$(command -v $c)" p/; done
	draw=$(command -v wss-draw)
	PATH=p run --separate-stderr -69 "$draw" est.csv -o p.png
	stderr_is "wss-draw: no gnuplot here; install gnuplot-nox"
	[ ! -e p.png ]
	PATH=p run --separate-stderr -0 "$draw" est.csv -t gnuplot
}

@test "wss-draw: wrong input and options" {
	{ echo $EST; echo "1$S,1$S,v,m,,,,,,,"; } > unknown.csv
	{ echo $EST; echo "1$S,1$S,v,m,12x,,,,,,"; } > bad.csv
	{ echo $EST; echo "1$S,1$S,v,m,12"; } > short.csv
	{ echo $COUNT; echo "1$S,1$S,v,,,0,,,,0,,,,"; } > idle.csv
	frames > frames.csv
	{ frames; echo "1$S,1$S,w,,7,1,1,0,1,,,,,"; } > two.csv
	gzip < bad.csv | head -c 40 > cut.gz
	: > empty
	echo hello > hello
	wrong() {
		local code=$1 text=$2
		shift 2
		run --separate-stderr "-$code" wss-draw "$@" -t gnuplot
		stderr_is "wss-draw: $text"
		is "$output" ""
	}
	wrong 65 "unknown.csv: line 2: no known value: nothing to draw" unknown.csv
	wrong 65 "bad.csv: line 2: column 'wss_kib': bad value '12x'" bad.csv
	wrong 65 "short.csv: line 2: not as many columns as the header" short.csv
	wrong 65 "idle.csv: line 2: no page was touched: nothing to draw" idle.csv
	wrong 65 "two.csv: line 8: several VMs; choose one with --vm" two.csv
	wss-draw -t gnuplot --vm w two.csv | grep -qx '0.000000 1.000000 3 4 0.5'
	wrong 65 "unknown.csv: line 1: count records make a picture of their own; draw them alone" frames.csv unknown.csv
	{ echo $CURVE; echo "1$S,1$S,v,m,,5"; } > curve.csv
	wrong 65 "curve.csv: line 2: column 'pages': empty" curve.csv
	wrong 65 "curve.csv: line 1: curve records make a picture of their own; draw them alone" unknown.csv curve.csv
	echo $CURVE > none.csv
	wrong 65 "none.csv: line 1: no rows: nothing to draw" none.csv
	wrong 65 "cut.gz: unexpected end of file" cut.gz
	wrong 65 "empty: line 0: empty: no header line" empty
	wrong 65 "hello: line 1: no header line of estimate, truth, target, ack, count, curve or age records" hello
	wrong 66 "cannot read none: No such file or directory" none
	wrong 64 "--against: bad value 'all': need touched, written or set; try 'wss-draw --help'" -a all
	wrong 64 "unknown option '-x'; try 'wss-draw --help'" -x
	run --separate-stderr -64 wss-draw -t
	stderr_is "wss-draw: option '-t' needs an argument; try 'wss-draw --help'"
	wrong 74 "cannot write none/x" frames.csv -o none/x
}
