# SPDX-License-Identifier: GPL-2.0-or-later
# The manual pages, and that scripts/check-man sees what it is there to see.
load helper

# A copy of a page and of what check-man needs, in which a test breaks something.
copy() {
	cp -r "$TOP/scripts" .
	mkdir -p man tests src/wss-score
	cp "$TOP/man/wss-score.1" man/
	: >tests/wss-score.bats
	export WSS_BIN=${WSS_BIN:-$TOP/bin} WSS_BUILD=$BUILD
}

@test "man: all pages are clean, and have the options that --help has" {
	cd "$TOP"
	WSS_BIN=${WSS_BIN:-$TOP/bin} WSS_BUILD=$BUILD run --separate-stderr -0 scripts/check-man
	is "$output$stderr" ''
}

@test "man: the page of records has a table of each kind, with all columns" {
	cd "$TOP"
	WSS_BUILD=$BUILD scripts/man-page man/wss-records.5 >"$BATS_TEST_TMPDIR/page"
	local column
	for column in $(cut -d: -f2 tests/fixtures/headers.txt | tr , ' '); do
		grep -qx ".It Cm $column" "$BATS_TEST_TMPDIR/page"
	done
	[ "$(grep -c '@' "$BATS_TEST_TMPDIR/page")" = 0 ]
}

@test "check-man: an option that the page does not have" {
	copy
	scripts/check-man wss-score
	sed -i '/^.It Fl.*table/d' man/wss-score.1
	run --separate-stderr -1 scripts/check-man wss-score
	stderr_is 'check-man: man/wss-score.1 does not have the options: --table'
}

@test "check-man: an option that only the page has" {
	copy
	sed -i '/^.It Fl.*table/i .It Fl z , Fl \\-zebra Ar FILE\nStripes.' man/wss-score.1
	run --separate-stderr -1 scripts/check-man wss-score
	stderr_is 'check-man: man/wss-score.1 has options that wss-score does not have: --zebra -z'
}

@test "check-man: a missing section, sections in another order, bad mdoc, no page, no tests" {
	copy
	sed -i 's/^.Sh OVERHEAD/.Sh COSTS/' man/wss-score.1
	run --separate-stderr -1 scripts/check-man wss-score
	is "$stderr" 'check-man: man/wss-score.1: no section OVERHEAD'
	copy
	sed -i 's/^.Sh EXIT STATUS/.Sh XX/; s/^.Sh EXAMPLES/.Sh EXIT STATUS/; s/^.Sh XX/.Sh EXAMPLES/' man/wss-score.1
	run --separate-stderr -1 scripts/check-man wss-score
	[[ $stderr == *'sections are not in this order'* ]]
	copy
	echo .Xx >>man/wss-score.1
	run --separate-stderr -1 scripts/check-man wss-score
	[[ $stderr == *'unknown macro'* ]]
	rm tests/wss-score.bats
	copy
	rm tests/wss-score.bats
	run --separate-stderr -1 scripts/check-man wss-score
	is "$stderr" 'check-man: no tests for wss-score: tests/wss-score.bats'
	rm man/wss-score.1
	run --separate-stderr -1 scripts/check-man wss-score
	[[ $stderr == *'no page for wss-score: man/wss-score.1' ]]
}
