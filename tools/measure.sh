#!/bin/sh
# Takes every measurement of docs/performance.md on this machine, which must have nothing else
# to do for about ten minutes; tools/gen_performance.sh makes the document of them.
# usage: tools/measure.sh FOLDER [--peer]
set -eu
cd "$(dirname "$0")/.."
to=${1:?usage: tools/measure.sh FOLDER [--peer]}
build=${BUILD:-build}
mkdir -p "$to"
export OMP_PROC_BIND=true
git rev-parse --short HEAD >"$to/commit.txt"
sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1 >"$to/cpu.txt"
for run in 1 2 3; do
    echo "measure: mwnet bench, $run of 3" >&2
    "$build/mwnet" bench >"$to/bench-$run.txt"
done
for what in "resnet32 100 f32 10" "resnet32 100 bf16 10"; do
    echo "measure: bench_ops $what" >&2
    # shellcheck disable=SC2086
    "$build/bench/bench_ops" $what >"$to/ops-$(echo "$what" | tr ' ' '-').txt"
done
echo "measure: growth" >&2
bench/growth.sh >"$to/growth.txt"
if [ "${2:-}" = --peer ]; then
    echo "measure: PyTorch" >&2
    /usr/bin/python3 bench/peer/compare.py >"$to/peer.txt"
fi
