#!/bin/sh
# Runs the tests that were built and counts them.
#
# usage: tools/run_tests.sh fast|full|slow
#   fast   $BUILD (default: build): test programs, fixtures, command tests
#   full   the same, and all of it again on the sanitizer build in build-san
#   slow   tests/slow/*.sh
#
# A test program is any build/tests/test_*; it speaks TAP. A script passes with exit code 0,
# is skipped with 77, and may print "ok ...", "not ok ..." and "skip ..." lines to be counted
# one by one. Scripts get the program in $MWNET and the build folder in $BUILD.
# The last line is "N passed, N failed, N skipped"; the exit code is 1 if anything failed.
set -u
cd "$(dirname "$0")/.." || exit 1
tier=${1:-fast}
limit=${TEST_SECONDS:-900}
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
trap 'exit 130' INT TERM
passed=0 failed=0 skipped=0

# count LABEL EXIT_CODE: adds up what $out holds.
count() {
    skip=$(grep -ciE '^(skip |(not )?ok .*# *skip)' "$out")
    ok=$(grep -iE '^ok ' "$out" | grep -civ '# *skip')
    bad=$(grep -iE '^not ok ' "$out" | grep -civ '# *skip')
    if [ "$2" -eq 77 ] && [ $((ok + bad)) -eq 0 ]; then
        skip=$((skip > 0 ? skip : 1))
    elif [ "$2" -ne 0 ] && [ "$bad" -eq 0 ]; then
        bad=1
    elif [ $((ok + bad + skip)) -eq 0 ]; then
        ok=1
    fi
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
    word=ok
    [ "$bad" -eq 0 ] || word=FAIL
    printf '%-4s  %-44s %4d passed %3d skipped %4d s\n' "$word" "$1" "$ok" "$skip" \
        "$(($(date +%s) - began))"
    if [ "$bad" -ne 0 ]; then
        sed 's/^/      /' "$out"
        echo "      exit code $2"
    elif [ "$skip" -ne 0 ]; then
        grep -iE '^skip |# *skip|^skipped' "$out" | sort -u | head -n 5 | sed 's/^/      /'
    fi
}

# run LABEL COMMAND...: one test program or script.
run() {
    label=$1
    shift
    began=$(date +%s)
    timeout "$limit" "$@" >"$out" 2>&1 </dev/null
    count "$label" $?
}

# suite BUILD: everything fast, on the programs in one build folder.
suite() {
    BUILD=$1 MWNET=$PWD/$1/mwnet
    case $1 in
    /*) MWNET=$1/mwnet ;;
    esac
    export BUILD MWNET
    for program in "$BUILD"/tests/test_*; do
        [ -f "$program" ] && [ -x "$program" ] || continue
        run "$program" "$program"
    done
    if [ -x "$BUILD/tests/fixtures" ]; then
        run "$BUILD/tests/fixtures tests/fixtures" "$BUILD/tests/fixtures" tests/fixtures
    fi
    scripts cli
}

scripts() {
    for script in tests/"$1"/*.sh; do
        [ -f "$script" ] || continue
        run "$script ($BUILD)" sh "$script"
    done
}

CMOCKA_MESSAGE_OUTPUT=TAP
MWNET_TIER=$tier
ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:detect_stack_use_after_return=1}
UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
export MWNET_TIER CMOCKA_MESSAGE_OUTPUT ASAN_OPTIONS UBSAN_OPTIONS
BUILD=${BUILD:-build}
case $tier in
fast) suite "$BUILD" ;;
full)
    suite "$BUILD"
    suite build-san
    ;;
slow)
    MWNET=$PWD/$BUILD/mwnet
    export BUILD MWNET
    limit=${TEST_SECONDS:-7200}
    scripts slow
    ;;
*)
    echo "usage: tools/run_tests.sh fast|full|slow" >&2
    exit 2
    ;;
esac
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
