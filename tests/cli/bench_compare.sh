#!/bin/sh
# bench_compare finds what has become slower between two files of benchmarks, knows noise from
# change, and says what is wrong with files that are not such.
case ${BUILD:-build} in
/*) MWNET=${BUILD:-build}/bench/bench_compare ;;
*) MWNET=$PWD/${BUILD:-build}/bench/bench_compare ;;
esac
. "$(dirname "$0")/common"
cd "$work" || exit 1

# bench SECONDS SHARE: a line as mwnet bench --json prints it, shortened.
bench() {
    printf '{"version": "0.1.0", "fma_peak_gflops": %s, "mlp": {"batch": 100, ' "${3:-200}"
    printf '"mwnet_step_seconds": %s, "step_ratio": 3.1, "peak_share": %s, ' "$1" "$2"
    printf '"planned_mb": 0.9}}\n'
}

# marks KEY WORD: that row of the table ends with this word.
marks() {
    if grep -qE " $1 .*$2\$" out; then
        ok "$claim: $1 is '$2'"
    else
        bad "$claim: $1 is not '$2'"
        sed 's/^/    /' out
    fi
}

claim="the same file"
bench 0.010 0.80 >old
run 0 "$claim" old old
holds out "0 worse, 0 better, 3 within the noise"
empty err

claim="slower"
bench 0.011 0.70 100 >new
run 1 "$claim" old new
marks mwnet_step_seconds WORSE
marks peak_share WORSE
marks planned_mb %
holds out "2 worse, 0 better, 1 within the noise"
if grep -qE 'batch|step_ratio|fma_peak_gflops' out; then
    bad "$claim: other keys are left out"
else
    ok "$claim: other keys are left out"
fi

claim="faster"
run 0 "$claim" new old
marks mwnet_step_seconds better
marks peak_share better

claim="several runs, one spoilt"
for seconds in 0.0100 0.0101 0.0150 0.0099 0.0100; do bench $seconds 0.8; done >old
for seconds in 0.0110 0.0111 0.0109 0.0110 0.0110; do bench $seconds 0.8; done >new
run 0 "$claim" old new
holds out "old: old, 5 runs"
marks mwnet_step_seconds "1.100   51.0 %"

claim="several runs, little noise"
for seconds in 0.0100 0.0101 0.0099; do bench $seconds 0.8; done >old
run 1 "$claim" old new
marks mwnet_step_seconds WORSE

claim="several objects in a line"
tr -d '\n' <new >joined
run 1 "$claim" old joined
holds out "new: joined, 5 runs"

run 2 "one file" old
says err "usage: bench_compare OLD.json NEW.json"
run 4 "a file that is not there" old nothing
holds err "bench_compare: nothing: cannot open"
empty out
bench 0.01 0.8 | head -c 60 >broken
run 3 "a file that is cut off" broken new
holds err "bench_compare: broken: object 1: "
{
    bench 0.01 0.8
    echo hello
} >broken
run 3 "text after a run" broken new
holds err "bench_compare: broken: object 2: "
echo '{"epoch": 1}' >broken
run 3 "JSON of something else" broken new
says err "bench_compare: broken: object 1: it has no \"version\", as a benchmark's has
hint: 'mwnet bench --json >> FILE' writes such a file"
: >broken
run 3 "an empty file" old broken
holds err "bench_compare: broken: the file is empty"
echo '{"version": "0.1.0", "other": {"mwnet_step_seconds": 1}}' >other
run 3 "no network in common" old other
holds err "bench_compare: old and other have no measurement in common"
finish
