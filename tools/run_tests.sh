#!/bin/sh
# Runs the tests that were built, as many at once as there are processors, and counts them.
#
# usage: tools/run_tests.sh fast|full|slow
#   fast   $BUILD (default: build): test programs, fixtures, command tests
#   full   the same, and all of it again on the sanitizer build in build-san
#   slow   tests/slow/*.sh, one after the other
#
# A test program is any build/tests/test_*; it speaks TAP. A script passes with exit code 0,
# is skipped with 77, and may print "ok ...", "not ok ..." and "skip ..." lines to be counted
# one by one. Scripts get the program in $MWNET and the build folder in $BUILD.
# The last line is "N passed, N failed, N skipped"; the exit code is 1 if anything failed.
# TEST_JOBS: how many at once; TEST_SECONDS: how long a test may take.
set -u

# count LABEL EXIT_CODE SECONDS: says what $out holds, with its numbers in $out.count.
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
    echo "$ok $bad $skip" >"$out.count"
    word=ok
    [ "$bad" -eq 0 ] || word=FAIL
    printf '%-4s  %-44s %4d passed %3d skipped %4d s\n' "$word" "$1" "$ok" "$skip" "$3"
    if [ "$bad" -ne 0 ]; then
        sed 's/^/      /' "$out"
        echo "      exit code $2"
    elif [ "$skip" -ne 0 ]; then
        grep -iE '^skip |# *skip|^skipped' "$out" | sort -u | head -n 5 | sed 's/^/      /'
    fi
}

# one TEST: a program of $BUILD, or a script. What it says comes out in one piece.
one() {
    out=$(mktemp "$TEST_RESULTS/XXXXXX") || exit 1
    label=$1
    case $1 in
    *.sh)
        label="$1 ($BUILD)"
        set -- sh "$1"
        ;;
    */fixtures)
        label="$1 tests/fixtures"
        set -- "$1" tests/fixtures
        ;;
    esac
    began=$(date +%s)
    timeout "$TEST_SECONDS" "$@" >"$out" 2>&1 </dev/null
    count "$label" $? $(($(date +%s) - began)) >"$out.said"
    cat "$out.said"
}

# run_all TEST...: those that are there. Names hold no newlines here.
run_all() {
    for test in "$@"; do
        case $test in
        *.sh) [ ! -f "$test" ] || echo "$test" ;;
        *) [ ! -f "$test" ] || [ ! -x "$test" ] || echo "$test" ;;
        esac
    done | tr '\n' '\0' | xargs -0 -n 1 -P "$TEST_JOBS" sh tools/run_tests.sh --one || exit 1
}

# suite BUILD: everything fast, on the programs in one build folder.
suite() {
    BUILD=$1 MWNET=$PWD/$1/mwnet
    case $1 in
    /*) MWNET=$1/mwnet ;;
    esac
    export BUILD MWNET
    run_all "$BUILD"/tests/test_* "$BUILD/tests/fixtures" tests/cli/*.sh
}

cd "$(dirname "$0")/.." || exit 1
tier=${1:-fast}
if [ "$tier" = --one ]; then
    one "$2"
    exit 0
fi

CMOCKA_MESSAGE_OUTPUT=TAP
MWNET_TIER=$tier
ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:detect_stack_use_after_return=1}
UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
TEST_JOBS=${TEST_JOBS:-$(nproc 2>/dev/null || echo 2)}
TEST_RESULTS=$(mktemp -d) || exit 1
trap 'rm -rf "$TEST_RESULTS"' EXIT
trap 'exit 130' INT TERM
export MWNET_TIER CMOCKA_MESSAGE_OUTPUT ASAN_OPTIONS UBSAN_OPTIONS TEST_JOBS TEST_RESULTS
BUILD=${BUILD:-build}
case $tier in
fast | full)
    TEST_SECONDS=${TEST_SECONDS:-900}
    export TEST_SECONDS
    suite "$BUILD"
    [ "$tier" = fast ] || suite build-san
    ;;
slow)
    MWNET=$PWD/$BUILD/mwnet TEST_JOBS=1 TEST_SECONDS=${TEST_SECONDS:-7200}
    export BUILD MWNET TEST_SECONDS
    run_all tests/slow/*.sh
    ;;
*)
    echo "usage: tools/run_tests.sh fast|full|slow" >&2
    exit 2
    ;;
esac
cat "$TEST_RESULTS"/*.count | awk '
    { passed += $1; failed += $2; skipped += $3 }
    END {
        printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
        exit failed > 0 || passed == 0
    }'
