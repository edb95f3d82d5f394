# SPDX-License-Identifier: GPL-2.0-or-later
# The scripts that the Makefile calls.
load helper

# A machine of our own: programs named in it hide the real ones.
fake() {
	mkdir -p fake
	printf '#!/bin/sh\n%s\n' "$2" >"fake/$1"
	chmod +x "fake/$1"
	PATH=$PWD/fake:$PATH
}

# Packages gcc and bats are missing; apt-get writes down what it was asked.
fake_debian() {
	# shellcheck disable=SC2016
	fake dpkg-query 'case $4 in gcc | bats) exit 1 ;; esac; printf installed'
	fake apt-get 'echo "$*" >>apt.log'
	fake id "echo $1"
}

@test "need: says nothing when all is there" {
	fake dpkg-query 'printf installed'
	run --separate-stderr -0 "$TOP/scripts/need" build test
	is "$output$stderr" ''
}

@test "need: as a user names the one line to run, and 69" {
	unset YES
	fake_debian 1000
	run --separate-stderr -69 "$TOP/scripts/need" build test
	stderr_is "need: packages are missing, and none is installed unasked (not root). Run this, or add YES=1:
  sudo apt-get install -y --no-install-recommends gcc bats"
	[ ! -e apt.log ]
}

@test "need: as root where virtual machines run installs nothing" {
	unset YES
	fake_debian 0
	cp "$(command -v sleep)" qemu-system-test
	./qemu-system-test 60 3>&- &
	later_kill $!
	until_true grep -q qemu "/proc/$!/comm"
	run --separate-stderr -69 "$TOP/scripts/need" build
	stderr_is "need: packages are missing, and none is installed unasked (this machine runs virtual machines). Run this, or add YES=1:
  apt-get install -y --no-install-recommends gcc"
	[ ! -e apt.log ]
	YES=1 run --separate-stderr -0 "$TOP/scripts/need" build
	stderr_is 'need: installing gcc'
	file_is apt.log '-o DPkg::Lock::Timeout=120 install -y --no-install-recommends gcc'
}

@test "need: brings the package lists up to date when they do not do" {
	fake_debian 0
	# shellcheck disable=SC2016
	fake apt-get 'echo "$3" >>apt.log; [ "$(wc -l <apt.log)" -gt 1 ]'
	YES=1 run --separate-stderr -0 "$TOP/scripts/need" build
	file_is apt.log 'install
update
install'
}

@test "need: says what apt said when it cannot" {
	fake_debian 0
	fake apt-get 'echo "E: no $3"; exit 100'
	YES=1 run --separate-stderr -69 "$TOP/scripts/need" build
	stderr_is 'need: installing gcc
E: no install
E: no update
need: could not install; tried: apt-get install -y --no-install-recommends gcc'
}

@test "need: without dpkg goes by the programs and headers themselves" {
	mkdir only scripts
	cp "$TOP/scripts/need" scripts/
	printf 'build gcc gcc the C compiler\nbuild libc6-dev stdio.h -\ntest bats bats the tests\ntest x /none/x a file\n' >scripts/packages
	for program in sh dirname awk cc grep sed cat gcc; do ln -s "$(command -v $program)" only/; done
	run --separate-stderr -0 env PATH="$PWD/only" scripts/need build
	is "$output$stderr" ''
	run --separate-stderr -69 env PATH="$PWD/only" scripts/need test
	stderr_is 'need: missing here, by the names Debian gives them:
  bats (the tests)
  x (a file)'
}

@test "check: counts what passed, failed and was skipped; WSS_STRICT=1 fails for skips" {
	unset WSS_STRICT
	cp -r "$TOP/scripts" .
	mkdir tests
	printf 'test-programs:\n' >Makefile
	printf '@test "good" { :; }\n@test "skips" { skip why; }\n# bats test_tags=slow\n@test "bad" { false; }\n' >tests/a.bats
	printf '# bats file_tags=alone\n@test "good" { :; }\n' >tests/b.bats
	run -1 scripts/check check
	is "${lines[-1]}" '2 passed, 1 failed, 1 skipped'
	run -0 scripts/check check-fast
	is "${lines[-1]}" '2 passed, 0 failed, 1 skipped'
	WSS_STRICT=1 run -1 scripts/check check-fast
	is "${lines[-1]}" '2 passed, 1 failed, 0 skipped'
	run -0 scripts/check check --filter-tags '!slow' tests/b.bats
	is "${lines[-1]}" '1 passed, 0 failed, 0 skipped'
}

@test "check: a file that does not load, or holds no test, is a failure" {
	cp -r "$TOP/scripts" .
	mkdir tests
	printf 'test-programs:\n' >Makefile
	printf 'load missing\n@test "never" { :; }\n' >tests/a.bats
	run -1 scripts/check check
	is "${lines[-1]}" '0 passed, 1 failed, 0 skipped'
	echo '# nothing' >tests/a.bats
	run -1 scripts/check check
	is "${lines[-1]}" '0 passed, 1 failed, 0 skipped'
}

@test "check: a file that hangs is ended, and is a failure" {
	cp -r "$TOP/scripts" .
	mkdir tests
	printf 'test-programs:\n' >Makefile
	printf '@test "hangs" { sleep 100; }\n' >tests/a.bats
	WSS_FILE_SECONDS=0.5 run -1 scripts/check check
	is "${lines[-1]}" '0 passed, 1 failed, 0 skipped'
	is "${lines[-2]}" '# failed: tests/a.bats: bats ended with 124'
}

@test "check: a file that wants a bed is run there, with its tests and failures; where the bed cannot be had it is skipped" {
	unset WSS_STRICT
	cp -r "$TOP/scripts" .
	mkdir -p tests/beds
	printf 'test-programs:\n' >Makefile
	printf '# bed: xen\n@test "is there" { [ "$BED" = xen ]; }\n@test "bad" { false; }\n' >tests/beds/a.bats
	printf '@test "is here" { [ -z "${BED:-}" ]; }\n' >tests/beds/b.bats
	# shellcheck disable=SC2016
	printf '#!/bin/bash\necho "$1 $2 $3 $4" >dom0.log\nshift 5\nBED=xen exec bats "$@"\n' >scripts/guest/dom0
	printf '#!/bin/sh\necho folder\n' >scripts/guest/xen
	WSS_FILE_SECONDS=77 run -1 scripts/check check-beds
	is "${lines[-1]}" '2 passed, 1 failed, 0 skipped'
	file_is dom0.log '-t 77 -j bats'
	printf '#!/bin/sh\necho words >&2\necho "no Xen, sorry" >&2\nexit 69\n' >scripts/guest/xen
	run -0 scripts/check check-beds
	grep -qx 'ok [12] tests/beds/a.bats # skip no Xen, sorry' <<<"$output"
	is "${lines[-1]}" '1 passed, 0 failed, 1 skipped'
	WSS_STRICT=1 run -1 scripts/check check-beds
	is "${lines[-1]}" '1 passed, 1 failed, 0 skipped'
}

@test "in-bed: a file that wants the patched Xen is run there; where it cannot be built is 69" {
	cp -r "$TOP/scripts" .
	mkdir -p hv-patches/xen-4.17
	echo '# bed: xen-patched' >a
	printf '#!/bin/sh\necho "$@"\n' >scripts/guest/dom0
	printf '#!/bin/sh\n' >scripts/guest/xen
	printf '#!/bin/sh\necho folder\n' >hv-patches/xen-4.17/build
	chmod +x hv-patches/xen-4.17/build
	is "$(scripts/in-bed -t 77 a job 1 2)" '-x folder/xen -t 77 -j job -- 1 2'
	printf '#!/bin/sh\nexit 69\n' >hv-patches/xen-4.17/build
	run -69 scripts/in-bed a job
}

@test "check: tells what came of a file when it is done, while others go on" {
	cp -r "$TOP/scripts" .
	mkdir tests
	printf 'test-programs:\n' >Makefile
	printf '@test "quick" { :; }\n' >tests/a.bats
	printf 'load %s/tests/helper\n@test "sees it" { until_true grep -q quick %s/out; }\n' "$TOP" "$PWD" >tests/b.bats
	scripts/check check tests/a.bats tests/b.bats >out
}

@test "bench: a line that missed its limit, or measured nothing, is a failure" {
	cp -r "$TOP/scripts" .
	mkdir -p tests/bench
	says() { echo "echo '$1'" >tests/bench/a.sh; }
	says 'a-speed 1.5 <=2 times ok'
	run --separate-stderr -0 scripts/bench
	is "$(tail -1 <<<"$output" | tr -s ' ')" 'a-speed 1.5 <=2 times ok'
	for line in 'a-speed 2.5 <=2 times FAIL' 'a-speed -nan <=2 times ok' 'a-speed  <=2 times ok' 'oops'; do
		says "$line"
		run --separate-stderr -1 scripts/bench
	done
	says 'a-speed 1.5 <=2 times ok'
	echo 'exit 3' >>tests/bench/a.sh
	run --separate-stderr -1 scripts/bench a
}
