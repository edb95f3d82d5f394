# SPDX-License-Identifier: GPL-2.0-or-later
# Examples in the manual pages run. An example is a line that begins with "$ " in .Bd -literal or behind .Dl, in a section
# EXAMPLES; those of one page run one after the other in one folder. Lines without "$ " need something special, a domain or
# somebody's process, and are not run.
load helper

# examples PAGE: its commands, each on one line, without "$ ". A line that ends in a backslash or a bar goes on.
examples() {
	awk '
		/^\.Sh / { on = /^\.Sh EXAMPLES/ }
		/^\./ && !/^\.Dl/ { more = 0 }
		on && sub(/^(\.Dl )?\$ /, "") { more = 2 }
		on && more { line = line $0; more--; if (/(\\e|\|)$/) more = 1; else { print line; line = ""; more = 0 } }
	' "$1" | sed 's/ \\e    / /g; s/\\e\( *\)    /\1/; s/\\e/\\/g; s/\\-/-/g; s/\\&//g; s/\\(ti/~/g'
}

# What examples name but do not make.
inputs() {
	wss-trace -s model:2s:1000w -n 4 -o trace.gz
	cp trace.gz a.gz
	wss-trace -s other=model:2s:500w -n 4 -o b.gz
	wss-count -o counts.gz trace.gz
	wss-estimate -o estimates.gz counts.gz
	wss-load -n 2 -p 50ms -o load.truth.gz 1s:1000w
	cp load.truth.gz truth.gz
	cp "$TOP"/share/* "$TOP"/scripts/learn/unfold .
}

# bats test_tags=slow
@test "examples: those of the manual pages run" {
	local page failed=
	for page in "$TOP"/man/*.[157]; do
		mkdir "$BATS_TEST_TMPDIR/$(basename "$page")"
		cd "$BATS_TEST_TMPDIR/$(basename "$page")"
		examples "$page" >commands
		if [ -s commands ]; then
			inputs
			# Long ones are cut short: that they begin well is what is asked.
			while IFS= read -r command; do
				status=0
				timeout -s INT 2 bash -o pipefail -c "$command"$'\ncode=$?; wait; exit $code' >out 2>err </dev/null || status=$?
				case $status in
				0 | 124 | 130 | 141) ;;
				*)
					echo "$(basename "$page"): exit $status: $command" >&2
					cat err >&2
					failed="$failed $(basename "$page")"
					;;
				esac
			done <commands
		fi
	done
	is "$failed" ''
}

@test "examples: every page of a program has one that runs, or says in words what it needs" {
	local page
	for page in "$TOP"/man/*.1; do
		[ -n "$(examples "$page")" ] || [ -n "$(awk '/^\.Sh / { on = /EXAMPLES/ } on && !/^\./' "$page")" ] ||
			echo "$page" >>none
	done
	[ ! -e none ] || { cat none >&2; return 1; }
}
