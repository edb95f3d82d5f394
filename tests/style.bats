# SPDX-License-Identifier: GPL-2.0-or-later
# What holds for every file of the project.
load helper

setup() {
	cd "$TOP" || exit 1
	git rev-parse --is-inside-work-tree >/dev/null 2>&1 || cannot 'not a git work tree'
}

# ours [PATTERN...]: our files, those not yet committed too.
ours() { git ls-files --cached --others --exclude-standard -- "$@" | while IFS= read -r f; do [ ! -f "$f" ] || echo "$f"; done; }

# none TEXT COMMAND...: the command finds nothing.
none() {
	local what=$1 found
	shift
	found=$("$@" || :)
	[ -z "$found" ] || { printf '%s:\n%s\n' "$what" "$found" >&2; return 1; }
}

@test "style: every tool has a manual page and tests" {
	local name
	for name in $(printf '%s\n' src/*/*.c src/*/*.sh | cut -d/ -f2 | sort -u); do
		case $name in common | xen) continue ;; esac
		[ -f "man/$name.1" ] || echo "man/$name.1"
		[ -f "tests/$name.bats" ] || echo "tests/$name.bats"
	done >"$BATS_TEST_TMPDIR/missing"
	none 'missing' cat "$BATS_TEST_TMPDIR/missing"
}

no_licence() {
	ours '*.[ch]' '*.def' '*.sh' '*.bats' '*.bash' 'scripts/*' Makefile '*.mk' 'man/*' '.ci/*' | grep -v '\.cfg$' |
		xargs -d '\n' awk 'FNR == 1 { seen = 0 } /SPDX-License-Identifier: GPL-2.0/ { seen = 1 }
			FNR == 3 && !seen { print FILENAME }'
}
@test "style: every file says its licence in its first lines" { none 'no SPDX line' no_licence; }

too_long() { ours '*.[ch]' '*.sh' '*.bats' '*.bash' 'scripts/*' | xargs -d '\n' wc -l | awk '$2 != "total" && $1 > 800'; }
@test "style: no file has more than 800 lines" { none 'too long' too_long; }

binary() { git ls-files | xargs -d '\n' grep -LIe '' | while IFS= read -r f; do [ ! -s "$f" ] || echo "$f"; done; }
@test "style: there are no binary files" { none 'binary' binary; }

# Split, so that this file does not find itself.
words() { ours '*.[ch]' '*.sh' '*.bats' '*.bash' '*.md' 'scripts/*' 'man/*' Makefile | xargs -d '\n' grep -nE "$1"; }
@test "style: nothing is put off" { none 'left open' words "\\b(TO""DO|FIX""ME|X""XX)\\b"; }

blanks() { ours '*.[ch]' '*.sh' '*.bash' 'scripts/*' 'man/*' Makefile | xargs -d '\n' grep -nE '[[:blank:]]+$'; }
@test "style: no blanks at the ends of lines" { none 'blanks' blanks; }

no_end() { ours '*.[ch]' '*.sh' '*.bats' '*.bash' '*.md' 'scripts/*' 'man/*' | while IFS= read -r f; do [ -z "$(tail -c 1 "$f")" ] || echo "$f"; done; }
@test "style: every file ends with a newline" { none 'no newline' no_end; }

unnamed() { ours 'tests/*.bats' | xargs -d '\n' grep -nE '^@test' | grep -vE '@test .[a-z][A-Za-z0-9./ -]*: .+. \{'; }
@test "style: tests are named PROGRAM: what is promised" { none 'names' unnamed; }

# bats test_tags=slow
# shellcheck disable=SC2046 # several files
@test "style: shell files are clean" {
	none 'shellcheck' shellcheck $(ours '*.sh' '*.bash' '*.bats') \
		$(ours 'scripts/*' '.ci/*' | xargs -d '\n' grep -lE '^#!/bin/(ba)?sh')
}
