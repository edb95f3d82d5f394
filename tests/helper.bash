# SPDX-License-Identifier: GPL-2.0-or-later
# Loaded by every test file: `load helper`. Each test runs in its own empty folder.
bats_require_minimum_version 1.5.0

TOP=$(cd "$BATS_TEST_DIRNAME" && while [ ! -e Makefile ]; do cd ..; done && pwd)
PATH=${WSS_BIN:-$TOP/bin}:$PATH
BUILD=${WSS_BUILD:-$TOP/build}
FIXTURES=$TOP/tests/fixtures

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
}

# What a test must not leave behind: programs it started in the background and named with `later_kill PID`.
teardown() {
	local pid
	for pid in ${kill_later:-}; do { kill -KILL "$pid" && wait "$pid"; } 2>/dev/null || :; done
}
later_kill() { kill_later="${kill_later:-} $1"; }

# stdout_is TEXT, stderr_is TEXT, file_is FILE TEXT: exact, and a failure shows the difference.
stdout_is() { diff -u <(printf '%s\n' "$1") <(printf '%s\n' "$output") >&2; }
stderr_is() { diff -u <(printf '%s\n' "$1") <(printf '%s\n' "$stderr") >&2; }
file_is() { diff -u <(printf '%s\n' "$2") "$1" >&2; }
same() { diff -u "$1" "$2" >&2; }

# is LEFT RIGHT: two texts are the same. between LOW N HIGH: whole numbers.
is() { [ "$1" = "$2" ] || { echo "is '$1', should be '$2'" >&2; return 1; }; }
between() {
	[ "$1" -le "$2" ] && [ "$2" -le "$3" ] || { echo "$2 is not between $1 and $3" >&2; return 1; }
}

# until_true COMMAND...: waits for it to succeed, at most a minute: that is for machines that are slow and busy.
until_true() {
	local end=$((SECONDS + 60))
	while [ $SECONDS -lt $end ]; do
		if "$@" >/dev/null 2>&1; then return 0; fi
		sleep 0.05
	done
	echo "never came true: $*" >&2
	return 1
}

# cannot TEXT: skips, or fails where nothing may be skipped (CI).
cannot() {
	if [ "${WSS_STRICT:-}" = 1 ]; then
		echo "cannot run here, and WSS_STRICT=1: $1" >&2
		return 1
	fi
	skip "$1"
}

# column NAME: that column of the CSV or gzip records on standard input, without the header.
column() {
	gzip -cdf | awk -F, -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i; next } { print $c }'
}
