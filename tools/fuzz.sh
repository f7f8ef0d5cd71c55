#!/bin/sh
# Runs the fuzz targets one after the other; says what each did, and where a finding lies.
#
# usage: tools/fuzz.sh SECONDS [TARGET...]     (made by: make FUZZ=1 fuzzers)
#   TARGET   csv, image, ... : fuzz/fuzz_TARGET.c; default: all
#
# What a target has learned goes to build-fuzz/corpus/TARGET and is where the next run begins. Exit
# code 1 if a target has found something.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:?usage: tools/fuzz.sh SECONDS [TARGET...]}
shift
build=${BUILD:-build-fuzz}
[ $# -gt 0 ] || set -- $(for file in fuzz/fuzz_*.c; do basename "$file" .c; done | sed 's/^fuzz_//')

found=0
for target in "$@"; do
    corpus=$build/corpus/$target findings=$build/findings/$target
    mkdir -p "$corpus" "$findings"
    seeds=
    [ ! -d "fuzz/corpus/$target" ] || seeds=fuzz/corpus/$target
    log=$build/$target.log
    # shellcheck disable=SC2086
    if "$build/fuzz/fuzz_$target" -max_total_time="$seconds" -max_len=4096 -rss_limit_mb=4096 \
        -timeout=60 -print_final_stats=1 -artifact_prefix="$findings/" "$corpus" $seeds \
        >"$log" 2>&1; then
        result=ok
    else
        result=FOUND
        found=1
    fi
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
    printf '%-6s %-12s %s s, %s inputs, %s places reached\n' "$result" "$target" "$seconds" \
        "${runs:-no}" "${edges:-no}"
    [ $result = ok ] || tail -n 25 "$log"
done
exit $found
