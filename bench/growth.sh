#!/bin/sh
# How the time of a Meta-Weight-Net step grows with the batch, the depth and the width: prints
# "axis x seconds" lines, medians of STEPS steps, every point measured ROUNDS times in turn.
# usage: bench/growth.sh [STEPS [ROUNDS]] > growth.txt
set -eu
cd "$(dirname "$0")/.."
worker=${BUILD:-build}/bench/bench_worker
steps=${1:-5}
rounds=${2:-3}
[ -x "$worker" ] || {
    echo "growth.sh: $worker is not there; make bench builds it" >&2
    exit 2
}
raw=$(mktemp)
trap 'rm -f "$raw"' EXIT

# point AXIS X NETWORK BATCH
point() {
    { yes step | head -n "$steps"; } | "$worker" "$3" "$4" mwnet f32 |
        awk -v axis="$1" -v x="$2" 'NR > 1 { print axis, x, $1 }' >>"$raw"
}

round=0
while [ "$round" -lt "$rounds" ]; do
    round=$((round + 1))
    for batch in 10 25 50 100 200 400; do
        point batch "$batch" resnet20 "$batch"
    done
    for depth in 20 32 44 56; do
        point depth "$depth" "resnet$depth" 50
    done
    for width in 1 2 3 4 6 8; do
        point width "$width" "wrn-10-$width" 20
    done
done
# Medians, the points in the order of their axis.
sort -k1,1 -k2,2n -k3,3g "$raw" | awk '
function out() { if (n) print key, value[int((n + 1) / 2)] }
{ k = $1 " " $2; if (k != key) { out(); key = k; n = 0 } value[++n] = $3 }
END { out() }'
