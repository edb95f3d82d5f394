load helper

# Programs in tests/unit print TAP and end with 1 when something is wrong; what they said is shown then.
unit() {
	run "$BUILD/unit/$1"
	[ "$status" -eq 0 ] || { echo "$output" | grep -v '^ok' >&2; return 1; }
}

@test "wss-estimate: aging equals registers kept page by page, on random windows" { unit aging; }
@test "balloon-tune: a million random decisions stay within the envelope" { unit envelope; }
@test "wss-score: errors, lags, cases and percentiles as worked out by hand" { unit score; }
@test "schedule: touches are those of the text, at their time, in whatever steps they are asked for" { unit schedule; }
