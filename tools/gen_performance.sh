#!/bin/sh
# Puts the measurements of a folder that tools/measure.sh filled into docs/performance.md, between
# its two marks, and draws docs/img/growth.svg.
# usage: tools/gen_performance.sh FOLDER
set -eu
cd "$(dirname "$0")/.."
from=${1:?usage: tools/gen_performance.sh FOLDER}

# Medians of the runs of mwnet bench, one "key value" a line.
medians() {
    cat "$from"/bench-*.txt | awk -F ' = ' '{ print $1, $2 }' | sort -k1,1 -k2,2g | awk '
function out() { if (n) print key, value[int((n + 1) / 2)] }
$1 != key { out(); key = $1; n = 0 }
{ value[++n] = $2 }
END { out() }'
}

# rows KEYS [NETWORKS]: a row for every network, a column for every key.
rows() {
    medians | awk -v keys="$1" -v nets="${2:-resnet32 wrn28_10 resnet50 smallconv mlp linear}" '
function cell(v, key) {
    if (v == "") return "-"
    if (key ~ /seconds/) return v < 0.1 ? sprintf("%.2f ms", 1000 * v) : sprintf("%.3f s", v)
    if (key ~ /_us$/) return sprintf("%.0f us", v)
    if (key ~ /per_second/) return sprintf("%.0f", v)
    if (key ~ /share/) return sprintf("%.1f %%", 100 * v)
    if (key ~ /_mb/) return sprintf("%.0f MB", v)
    return sprintf("%.2f", v)
}
{ value[$1] = $2 }
END {
    n = split(nets, net, " "); m = split(keys, key, " ")
    for (i = 1; i <= n; i++) {
        line = "| " net[i]
        for (k = 1; k <= m; k++) line = line " | " cell(value[net[i] "." key[k]], key[k])
        print line " |"
    }
}'
}

quote() {
    printf '```\n'
    sed 's/ *$//' "$1"
    printf '```\n'
}

measured() {
    cat <<TEXT
Measured at commit $(cat "$from/commit.txt") on two cores of: $(cat "$from/cpu.txt"); FMA peak
$(medians | awk '$1 == "fma_peak_gflops" { printf "%.0f", $2 }') GFLOP/s on both. Medians of three runs of \`mwnet bench\`.

## The step, float32

| network | plain step | Meta-Weight-Net step | ratio | share of the FMA peak | peak RSS |
|---|---|---|---|---|---|
$(rows "plain_step_seconds mwnet_step_seconds step_ratio peak_share peak_rss_mb")

Batches: ResNet-32, smallconv, mlp and linear 100 + 100, WRN-28-10 8 + 8, ResNet-50 at 224 px 4 + 4. The
share counts 10 forward passes of 2*OC*OH*OW*IC*K*K operations a convolution, padding included,
against the peak measured beside each step.

## Embedding mode, in a stream

| network | plain step | Meta-Weight-Net step | samples a second |
|---|---|---|---|
$(rows "plain_step_us mwnet_step_us samples_per_second" "linear mlp")

50,000 training and 1,000 meta samples of 512 floats, 10 classes, batches of 100 + 100 out of the
loaders in shuffled order; linear is the head alone, mlp is 512-256-10.

## The step in low memory, float32

| network | Meta-Weight-Net step | times as long | planned | peak RSS |
|---|---|---|---|---|
$(rows "low_memory_mwnet_step_seconds low_memory_cost low_memory_planned_mb low_memory_peak_rss_mb" resnet32)

"Times as long" is taken from steps in full and in low memory that take turns.

## The step, bfloat16

| network | plain step | Meta-Weight-Net step | ratio | faster than float32 | peak RSS |
|---|---|---|---|---|---|
$(rows "bf16_plain_step_seconds bf16_mwnet_step_seconds bf16_step_ratio bf16_speedup bf16_peak_rss_mb")

"Faster" compares the shares of the peak, so that a clock that drifts between the two does not
count.

## Where the time goes

\`bench_ops\`: each operator in the network's own chain, forward, backward and tangent, in
milliseconds a pass, with the share of the peak. Backward and tangent count as two forward passes;
the first layer does half of that, hence more than 100 %.

$(quote "$from/ops-resnet32-100-f32-10.txt")

$(quote "$from/ops-resnet32-100-bf16-10.txt")

## Growth

![Step time against batch, depth and squared width, with least-squares lines](img/growth.svg)

| what grows | largest distance from the line |
|---|---|
$(awk -v fit=1 -f tools/plot_growth.awk "$from/growth.txt")
TEXT
if [ -f "$from/peer.txt" ]; then
    printf '\n## Against PyTorch\n\n%s\n\n' "\`./dev bench --peer\`, the workers taking turns:"
    quote "$from/peer.txt"
fi
}

awk -f tools/plot_growth.awk "$from/growth.txt" >docs/img/growth.svg
part=$(mktemp)
trap 'rm -f "$part"' EXIT
measured >"$part"
awk -v part="$part" '
/^<!-- measured/ {
    print
    print ""
    while ((getline line < part) > 0)
        print line
    print ""
    skip = 1
}
/^<!-- end -->/ { skip = 0 }
!skip' docs/performance.md >docs/performance.md.part
mv docs/performance.md.part docs/performance.md
