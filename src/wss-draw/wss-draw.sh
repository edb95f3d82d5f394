#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# wss-draw - draw pictures from records, with gnuplot.
set -eu
# Numbers have a point, and bytes are bytes, whatever the user's language.
LC_ALL=C
export LC_ALL

VERSION=0.1.0
EX_USAGE=64 EX_DATAERR=65 EX_NOINPUT=66 EX_UNAVAILABLE=69 EX_IOERR=74

type='' output='' vm='' against=touched title=''
tmp=''

die() {
	code=$1
	shift
	echo "wss-draw: $*" >&2
	exit "$code"
}

usage_die() { die $EX_USAGE "$*; try 'wss-draw --help'"; }

help() {
	cat <<'END'
Usage: wss-draw [-t TYPE] [-o FILE] [FILE...]
Draws estimates, truth and memory targets over time, the frames that were touched, miss-ratio curves or ages, from records.

Options:
  -t, --type=TYPE         png, svg, dumb (text), or gnuplot: the script that would draw it
  -o, --output=FILE       write to FILE, not to standard output
      --vm=NAME           draw this VM only
  -a, --against=FIGURE    of the truth: touched, written or set [touched]
      --title=TEXT        stands above the picture
  -h, --help              show this help
  -V, --version           show the version

Examples:
  wss-draw load.truth.gz estimates.gz -o run.png
  wss-estimate -m threshold counts.gz | wss-draw -t dumb
  wss-draw counts.gz -t svg -o frames.svg
  wss-draw curves.gz -o curves.png
END
}

# ---- options ----

# Sets `value` to the argument of the option in $1: behind its '=', or in $2; `used` says how many words that were.
argument() {
	case $1 in
	--*=*) value=${1#*=} used=1 ;;
	-[!-]?*) value=${1#-?} used=1 ;;
	*)
		[ $# -ge 2 ] || usage_die "option '$1' needs an argument"
		value=$2 used=2
		;;
	esac
}

options() {
	files=0 used=1
	while [ $# -gt 0 ]; do
		used=1
		case $1 in
		-t* | --type | --type=*) argument "$@"; type=$value ;;
		-o* | --output | --output=*) argument "$@"; output=$value ;;
		-a* | --against | --against=*) argument "$@"; against=$value ;;
		--vm | --vm=*) argument "$@"; vm=$value ;;
		--title | --title=*) argument "$@"; title=$value ;;
		-h | --help) help; exit 0 ;;
		-V | --version) echo "wss-draw $VERSION"; exit 0 ;;
		-?*) usage_die "unknown option '$1'" ;;
		*) files=$((files + 1)); link "$files" "$1" ;;
		esac
		shift "$used"
	done
	[ $files -gt 0 ] || { files=1; link 1 -; }
	case $against in
	touched | written | set) ;;
	*) usage_die "--against: bad value '$against': need touched, written or set" ;;
	esac
	[ -n "$type" ] || choose_type
	case $type in
	png | svg | dumb | gnuplot) ;;
	*) usage_die "--type: bad value '$type': need png, svg, dumb or gnuplot" ;;
	esac
	if [ "$type" = png ] && [ -z "$output" ] && [ -t 1 ]; then
		usage_die "a png does not go to a terminal: give -o FILE or -t dumb"
	fi
}

choose_type() {
	case $output in
	*.svg) type=svg ;;
	*.txt) type=dumb ;;
	*.gp | *.gnuplot) type=gnuplot ;;
	?*) type=png ;;
	*) if [ -t 1 ]; then type=dumb; else type=png; fi ;;
	esac
}

# ---- input ----

# link N FILE: remembers an operand.
link() { printf '%s' "$2" > "$tmp/name.$1"; }

# All input, plain, in one file; a line that begins with byte 1 names the file that follows.
read_files() {
	i=0
	while [ $i -lt $files ]; do
		i=$((i + 1))
		name=$(cat "$tmp/name.$i")
		printf '\001%s\n' "$name"
		if [ "$name" = - ]; then
			gzip -cdf 2> "$tmp/gzip" || bad_gzip
		else
			[ -e "$name" ] || die $EX_NOINPUT "cannot read $name: No such file or directory"
			if [ -d "$name" ] || [ ! -r "$name" ]; then die $EX_NOINPUT "cannot read $name"; fi
			gzip -cdf < "$name" 2> "$tmp/gzip" || bad_gzip
		fi
	done > "$tmp/rows"
}

bad_gzip() {
	reason=$(sed -n '/./{s/^gzip: //;s/^stdin: //;p;q;}' "$tmp/gzip")
	[ "$name" != - ] || name='<stdin>'
	die $EX_DATAERR "$name: $reason"
}

# What all pictures begin with: rows split into fields, kinds recognised, numbers checked. The caller has a function
# row(), which finds the row in F[1..NF] and its columns' numbers in C[name].
# shellcheck disable=SC2016
reader='
function fail(text) {
	print "wss-draw: " file ": line " line ": " text > "/dev/stderr"
	failed = 1
	exit 65
}
# RFC 4180; most lines have no quotes.
function fields(text,   n, part, c) {
	if (!index(text, "\""))
		return split(text, F, ",")
	n = 0
	while (text != "") {
		part = ""
		if (substr(text, 1, 1) == "\"") {
			text = substr(text, 2)
			while ((c = index(text, "\"")) && substr(text, c + 1, 1) == "\"") {
				part = part substr(text, 1, c)
				text = substr(text, c + 2)
			}
			if (!c)
				fail("bad quotes")
			part = part substr(text, 1, c - 1)
			text = substr(text, c + 1)
			if (text != "" && substr(text, 1, 1) != ",")
				fail("bad quotes")
		} else {
			c = index(text ",", ",")
			part = substr(text, 1, c - 1)
			text = substr(text, c)
		}
		F[++n] = part
		if (text == ",")
			F[++n] = ""
		text = substr(text, 2)
	}
	return n
}
function begins(text, head) { return substr(text ",", 1, length(head) + 1) == head "," }
function kind_of(text) {
	return begins(text, "t_ns,window_ns,vm,method,wss_kib,low_kib,high_kib") ? "estimate" : \
		begins(text, "t_ns,window_ns,vm,set_kib,touched_kib,written_kib") ? "truth" : \
		begins(text, "t_ns,vm,method,wss_kib,gap_kib,target_kib,actual_kib") ? "target" : \
		begins(text, "t_ns,vm,target_kib,actual_kib,result") ? "ack" : \
		begins(text, "t_ns,window_ns,vm,asid,gfn,pages,writes,reads,accesses") ? "count" : \
		begins(text, "t_ns,window_ns,vm,method,pages,miss_ppm") ? "curve" : \
		begins(text, "t_ns,window_ns,vm,method,age_ns,pages") ? "age" : ""
}
function picture_of(kind) {
	return kind == "count" ? "frames" : kind == "curve" || kind == "age" ? kind : "time"
}
function header(   i) {
	kind = kind_of($0)
	if (kind == "")
		fail("no header line of estimate, truth, target, ack, count, curve or age records")
	if (picture && picture != picture_of(kind))
		fail((picture_of(kind) == "time" ? kind_before : kind) " records make a picture of their own; draw them alone")
	picture = picture_of(kind)
	kind_before = kind
	head = $0
	columns = fields($0)
	split("", C)
	for (i = 1; i <= columns; i++)
		C[F[i]] = i
}
# A number; empty stays empty. Mib(): the same as MiB.
function number(name,   text) {
	text = F[C[name]]
	if (text ~ /[^0-9]/)
		fail("column \047" name "\047: bad value \047" text "\047")
	return text
}
function required(name,   text) {
	text = number(name)
	if (text == "")
		fail("column \047" name "\047: empty")
	return text + 0
}
function mib(name,   text) {
	text = number(name)
	return text == "" ? "" : sprintf("%.3f", text / 1024)
}
/^\001/ {
	if (file != "" && line == 0)
		fail("empty: no header line")
	file = substr($0, 2)
	file = file == "-" ? "<stdin>" : file
	line = 0
	next
}
{
	line++
	sub(/\r$/, "")
	if (line == 1) {
		header()
		next
	}
	if ($0 == head)
		next
	if (fields($0) != columns)
		fail("not as many columns as the header")
	row()
}
function gnuplot_text(text) {
	gsub(/\047/, "\047\047", text)
	return "\047" text "\047"
}
function curve(text) {
	curves = curves (curves == "" ? "plot " : ", \\\n     ") text
}
function write_frame(x, y, top) {
	print "set key outside bottom center horizontal reverse Left"
	print "set xlabel \047" x "\047 offset 0,0.4"
	print "set ylabel \047" y "\047"
	print "set yrange [0:" top "]"
	if (top == "*")
		print "set offsets 0, 0, graph 0.06, 0"
	print "set grid linetype -1 linewidth 0.5 linecolor rgb \047#cccccc\047"
}
# Of curves that coincide all are seen: each thinner than the one before.
function width(colour) { return colour < 3 ? 6 - 1.5 * colour : 1.5 }
'

# ---- the picture over time ----

# shellcheck disable=SC2016
over_time='
function add(series, label, start, end, value, low, high,   k) {
	if (!(series in size)) {
		order[++all] = series
		size[series] = 0
		label_of[series] = label
		vm_of[series] = F[C["vm"]]
	}
	k = ++size[series]
	from[series, k] = start
	to[series, k] = end
	mib_of[series, k] = value
	low_of[series, k] = low
	high_of[series, k] = high
	if (low != "" && high != "" && low + 0 < high + 0)
		band[series] = 1
	if (value != "")
		drawn = 1
	if (!begun || start < first)
		first = start
	begun = 1
}
function row(   t, name) {
	if (picture != "time")
		exit
	t = required("t_ns")
	name = F[C["vm"]]
	if (kind == "truth") {
		truths += !((kind, name) in seen)
		seen[kind, name] = 1
		add("1 truth " name, "truth", t - required("window_ns"), t, mib(AGAINST "_kib"), "", "")
		return
	}
	if (VM != "" && name != VM)
		return
	vms += !(("", name) in seen)
	seen["", name] = 1
	if (kind == "estimate")
		add("2 estimate " name " " F[C["method"]], F[C["method"]], t - required("window_ns"), t, mib("wss_kib"),
		    mib("low_kib"), mib("high_kib"))
	else if (kind == "target") {
		add("4 memory " name, "memory", t, t, mib("actual_kib"), "", "")
		add("3 target " name, "target", t, t, mib("target_kib"), "", "")
	} else
		add("5 reached " name, "reached", t, t, mib("actual_kib"), "", "")
}
# A window is a level from its start to its end; targets hold until the next. Unknown values are gaps.
function write_data(n, series,   k, start, last) {
	printf "$data%d << END\n", n
	for (k = 1; k <= size[series]; k++) {
		if (mib_of[series, k] == "") {
			print ""
			continue
		}
		start = from[series, k]
		if (k > 1 && start < last)
			start = last
		last = to[series, k]
		if (start != last)
			point(start, series, k)
		point(last, series, k)
	}
	print "END"
}
function point(t, series, k) {
	printf "%.6f %s", (t - first) / 1e9, mib_of[series, k]
	if (series in band)
		printf " %s %s", low_of[series, k] == "" ? mib_of[series, k] : low_of[series, k], \
			high_of[series, k] == "" ? mib_of[series, k] : high_of[series, k]
	print ""
}
function write_curves(n, series, several,   kind, label, data) {
	kind = substr(series, 1, 1)
	label = gnuplot_text(label_of[series] (several ? " " vm_of[series] : ""))
	data = "$data" n " using 1:2 "
	if (kind == 1) {
		if (TYPE == "dumb") {
			curve(data "with lines linetype " ++colour " title " label)
			return
		}
		curve(data "with filledcurves y1=0 fillcolor rgb \047#e4e4e4\047 notitle")
		curve(data "with lines linewidth 2 linecolor rgb \047#808080\047 title " label)
	} else if (kind == 2) {
		colour++
		if (series in band && TYPE != "dumb")
			curve("$data" n " using 1:3:4 with filledcurves linetype " colour " fillstyle transparent solid 0.2 noborder notitle")
		curve(data "with lines linewidth " width(colour) " linetype " colour " title " label)
	} else if (kind == 3) {
		colour++
		curve(data "with steps linewidth 2 dashtype 2 linetype " colour " title " label)
	} else if (kind == 4) {
		colour++
		curve(data "with steps linewidth 2 dashtype 3 linetype " colour " title " label)
	} else {
		colour++
		curve(data "with points pointtype 7 pointsize 0.5 linetype " colour " title " label)
	}
}
END {
	if (failed)
		exit 65
	if (line == 0)
		fail("empty: no header line")
	if (picture != "time") {
		print picture
		exit 0
	}
	if (!drawn)
		fail("no known value: nothing to draw")
	# the truth of another VM is not drawn, unless it is the only one
	for (i = 1; i <= all; i++)
		if (VM != "" && order[i] ~ /^1/ && vm_of[order[i]] != VM && truths > 1)
			order[i] = ""
	write_frame("time (s)", "MiB", "*")
	for (k = 1; k <= 5; k++)
		for (i = 1; i <= all; i++)
			if (substr(order[i], 1, 1) == k) {
				write_data(++n, order[i])
				write_curves(n, order[i], (k == 1 ? truths : vms) > 1)
			}
	print curves
}
'

# ---- the pictures of miss-ratio curves and of ages ----

# Of each VM and method its last window is drawn.
# shellcheck disable=SC2016
last_window='
function row(   t, name, series) {
	name = F[C["vm"]]
	if (VM != "" && name != VM)
		return
	vms += !(name in seen)
	seen[name] = 1
	series = name SUBSEP F[C["method"]]
	t = required("t_ns")
	if (!(series in size)) {
		order[++all] = series
		label_of[series] = F[C["method"]]
		vm_of[series] = name
	}
	if (!(series in size) || t != end_of[series])
		size[series] = 0
	end_of[series] = t
	if (kind == "curve")
		text_of[series, ++size[series]] = sprintf("%.3f %.4f", required("pages") / 256, required("miss_ppm") / 1e4)
	else
		text_of[series, ++size[series]] = sprintf("%.6f %.6f %.3f", required("age_ns") / 1e9, \
			(required("age_ns") + required("window_ns")) / 1e9, required("pages") / 256)
}
function write_series(n, series,   k, colour) {
	printf "$data%d << END\n", n
	for (k = 1; k <= size[series]; k++)
		print text_of[series, k]
	print "END"
	colour = n " title " gnuplot_text(label_of[series] (vms > 1 ? " " vm_of[series] : ""))
	if (kind == "curve")
		curve("$data" n " using 1:2 with steps linewidth " width(n) " linetype " colour)
	else
		curve("$data" n " using (($1+$2)/2):($3/2):1:2:(0):3 with boxxyerror fillstyle transparent solid 0.5 linetype " colour)
}
END {
	if (failed)
		exit 65
	if (!all)
		fail("no rows: nothing to draw")
	if (kind == "curve")
		write_frame("memory (MiB)", "misses (%)", 100)
	else
		write_frame("age (s)", "MiB", "*")
	print "set xrange [0:*]"
	for (i = 1; i <= all; i++)
		write_series(i, order[i])
	print curves
}
'

# ---- the picture of frames ----

# Frames stand in the order of their numbers; blocks of 512 of which none was ever touched are left out. Read twice: the
# first time for the blocks.
# shellcheck disable=SC2016
frames='
function row(   gfn, block, last, name) {
	name = F[C["vm"]]
	if (F[C["gfn"]] == "" || (VM != "" && name != VM)) {
		if (VM == "" || name == VM)
			window(name)
		return
	}
	window(name)
	gfn = required("gfn")
	last = gfn + required("pages") - 1
	if (pass == 1) {
		for (block = int(gfn / 512); block <= int(last / 512); block++)
			if (!(block in rank)) {
				rank[block] = 0
				blocks++
				if (blocks > 1000000)
					fail("more than 2 TiB of touched blocks: too many to draw")
			}
	} else
		touch(gfn, last, touches())
}
function touches(   text) {
	text = number("accesses")
	return text == "" ? number("writes") + number("reads") : text + 0
}
function window(name,   t, length_ns) {
	if (only == "" && name != "")
		only = name
	if (name != only)
		fail("several VMs; choose one with --vm")
	t = required("t_ns")
	length_ns = required("window_ns")
	if (!windows || t != end_of[windows]) {
		if (windows && t < end_of[windows])
			fail("time goes back")
		windows++
		start_of[windows] = t - length_ns
		end_of[windows] = t
		if (windows > 1 && start_of[windows] < end_of[windows - 1])
			start_of[windows] = end_of[windows - 1]
	}
}
# The events of a run of frames, into the rows of the picture that it covers.
function touch(gfn, last, events,   position, here) {
	while (gfn <= last) {
		position = rank[int(gfn / 512)] * 512 + gfn % 512
		here = unit - position % unit
		if (here > last - gfn + 1)
			here = last - gfn + 1
		cell[windows, int(position / unit)] += events * here
		gfn += here
	}
}
# Numbers the blocks in their order.
function rank_blocks(   block, n, i, list) {
	for (block in rank)
		list[++n] = block + 0
	sort(list, n)
	for (i = 1; i <= n; i++) {
		rank[list[i]] = i - 1
		block_at[i - 1] = list[i]
	}
}
# Heap sort: awk has none.
function sort(list, n,   i) {
	for (i = int(n / 2); i >= 1; i--)
		sift(list, i, n)
	for (i = n; i > 1; i--) {
		swap(list, 1, i)
		sift(list, 1, i - 1)
	}
}
function sift(list, i, n,   child) {
	while ((child = 2 * i) <= n) {
		if (child < n && list[child] < list[child + 1])
			child++
		if (list[i] >= list[child])
			return
		swap(list, i, child)
		i = child
	}
}
function swap(list, i, k,   value) {
	value = list[i]
	list[i] = list[k]
	list[k] = value
}
function frame_text(r,   position) {
	position = r * unit
	return hex(block_at[int(position / 512)] * 512 + position % 512)
}
# printf %x of an old awk ends at 32 bits
function hex(value,   text) {
	do {
		text = substr("0123456789abcdef", value % 16 + 1, 1) text
		value = int(value / 16)
	} while (value)
	return "0x" text
}
# Labels of the rows, and a line where blocks are left out.
function write_places(   r, last, block, gap, tics) {
	last = -rows
	for (r = 0; r < rows; r++) {
		block = int(r * unit / 512)
		gap = r && block != int((r - 1) * unit / 512) && block_at[block] != block_at[block - 1] + 1
		if (gap)
			printf "set arrow from graph 0, first %d to graph 1, first %d nohead linewidth 0.5 linecolor rgb \047#808080\047 front\n", r, r
		if (r - last < rows / (gap ? 24 : 8))
			continue
		tics = tics (r ? ", " : "") "\047" frame_text(r) "\047 " r
		last = r
	}
	print "set ytics (" tics ")"
}
function write_gnuplot(   w, r, from, value) {
	print "set xlabel \047time (s)\047 offset 0,0.4"
	print "set ylabel \047frame (untouched blocks of 2 MiB left out)\047"
	print "set cblabel \047touches of each page in a window\047"
	print "set palette defined (0 \047#fff7bc\047, 1 \047#fec44f\047, 2 \047#d95f0e\047, 3 \047#7f0000\047)"
	print "set cbrange [0:*]"
	print "set style fill solid noborder"
	print "unset key"
	printf "set xrange [0:%.6f]\n", (end_of[windows] - start_of[1]) / 1e9
	printf "set yrange [0:%d]\n", rows
	write_places()
	print "$cells << END"
	# rows next to each other with the same heat are one box
	for (w = 1; w <= windows; w++)
		for (r = 0; r < rows; r = from) {
			value = cell[w, r] / unit
			for (from = r + 1; from < rows && cell[w, from] / unit == value; from++)
				;
			if (value)
				printf "%.6f %.6f %d %d %.4g\n", (start_of[w] - start_of[1]) / 1e9, \
					(end_of[w] - start_of[1]) / 1e9, r, from, value
		}
	print "END"
	print "plot $cells using (($1+$2)/2):(($3+$4)/2):1:2:3:4:5 with boxxyerror linecolor palette"
}
function write_text(   r, c, w, heat, most, value, wide, text, per) {
	per = int((windows - 1) / 64) + 1
	wide = int((windows - 1) / per) + 1
	for (w = 1; w <= windows; w++)
		for (r = 0; r < rows; r++) {
			heat[int((w - 1) / per), r] += cell[w, r] / unit / per
			if (heat[int((w - 1) / per), r] > most)
				most = heat[int((w - 1) / per), r]
		}
	if (TITLE != "")
		print TITLE
	for (r = rows - 1; r >= 0; r--) {
		text = ""
		for (c = 0; c < wide; c++) {
			value = heat[c, r]
			text = text (value ? substr(".:-=+*#%@", int(value / most * 8.999) + 1, 1) : " ")
		}
		printf "%12s |%s|\n", frame_text(r), text
	}
	printf "%12s  0 to %g s; @ = %.4g touches of each page in a window\n", "", \
		(end_of[windows] - start_of[1]) / 1e9, most
}
BEGIN { pass = 1 }
/^\001\001/ {
	pass = 2
	windows = 0
	rank_blocks()
	# a power of two of frames for each row of the picture
	for (unit = 1; unit * (TYPE == "dumb" ? 24 : 256) < blocks * 512; unit *= 2)
		;
	rows = int((blocks * 512 + unit - 1) / unit)
	file = ""
	next
}
'
# shellcheck disable=SC2016
frames_end='
END {
	if (failed)
		exit 65
	if (!blocks)
		fail("no page was touched: nothing to draw")
	if (TYPE == "dumb")
		write_text()
	else
		write_gnuplot()
}
'

# ---- drawing ----

settings() {
	case $type in
	png) echo "set terminal pngcairo size 1100,620 font 'sans,12' linewidth 1.2" ;;
	svg) echo "set terminal svg size 1100,620 font 'sans,13' background rgb 'white'" ;;
	dumb) echo "set terminal dumb size ${COLUMNS:-100},30" ;;
	esac
	echo "set encoding utf8"
	echo "set termoption noenhanced"
	cat <<'END'
set border 3
set tics nomirror out
set linetype 1 linecolor rgb '#0072b2'
set linetype 2 linecolor rgb '#d55e00'
set linetype 3 linecolor rgb '#009e73'
set linetype 4 linecolor rgb '#cc79a7'
set linetype 5 linecolor rgb '#e69f00'
set linetype 6 linecolor rgb '#56b4e9'
set linetype 7 linecolor rgb '#000000'
set linetype 8 linecolor rgb '#8a6d3b'
set linetype cycle 8
END
	[ -z "$title" ] || printf "set title '%s'\n" "$(printf '%s' "$title" | sed "s/'/''/g")"
}

# The script that draws what was read; for frames as text the picture itself.
script() {
	TYPE=$type VM=$vm AGAINST=$against TITLE=$title
	export TYPE VM AGAINST TITLE
	environment='BEGIN { TYPE = ENVIRON["TYPE"]; VM = ENVIRON["VM"]; AGAINST = ENVIRON["AGAINST"]; TITLE = ENVIRON["TITLE"] }'
	awk "$environment $reader $over_time" "$tmp/rows" > "$tmp/body" || exit
	read -r picture < "$tmp/body"
	case $picture in
	curve | age)
		awk "$environment $reader $last_window" "$tmp/rows" > "$tmp/body" || exit
		;;
	frames)
		printf '\001\001\n' > "$tmp/again"
		awk "$environment $frames $reader $frames_end" "$tmp/rows" "$tmp/again" "$tmp/rows" > "$tmp/body" || exit
		if [ "$type" = dumb ]; then
			mv "$tmp/body" "$tmp/picture"
			return
		fi
		;;
	esac
	{ settings; cat "$tmp/body"; } > "$tmp/script"
}

draw() {
	case $type in
	gnuplot) mv "$tmp/script" "$tmp/picture" ;;
	*)
		if [ ! -e "$tmp/picture" ]; then
			gnuplot "$tmp/script" > "$tmp/picture" 2> "$tmp/said" ||
				die $EX_UNAVAILABLE "gnuplot: $(sed -n '/[^ ^]/{p;q;}' "$tmp/said")"
		fi
		;;
	esac
	if [ -n "$output" ]; then
		cat "$tmp/picture" 2>/dev/null > "$output" || die $EX_IOERR "cannot write $output"
	else
		cat "$tmp/picture" || exit $EX_IOERR
	fi
}

tmp=$(mktemp -d) || exit 71
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
options "$@"
[ "$type" = gnuplot ] || command -v gnuplot >/dev/null 2>&1 || die $EX_UNAVAILABLE "no gnuplot here; install gnuplot-nox"
read_files
script
draw
