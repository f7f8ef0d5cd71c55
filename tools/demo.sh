#!/bin/sh
# The demo: Fashion-MNIST with 40 % label noise, trained plainly and by Meta-Weight-Net on one
# schedule, then compared. `./dev demo` prepares and calls this.
# usage: tools/demo.sh [section.key=value ...]
set -eu
cd "$(dirname "$0")/.."
build=${BUILD:-build}
data=${DEMO_DATA:-/usr/share/datasets/fashion-mnist}
runs=runs/demo
began=$(date +%s)

[ -f "$data/train-images-idx3-ubyte.gz" ] || {
    echo "Fashion-MNIST is not in $data; on Debian: apt-get install dataset-fashion-mnist" >&2
    exit 3
}

# train METHOD TITLE [OPTION...]
train() {
    method=$1
    echo "== $2" >&2
    shift 2
    "$build/mwnet" train recipes/fashion-noise40.yaml method.name="$method" \
        data.path="$data" "$@" -o "$runs/$method" --json \
        >"$runs/$method.out" || {
        code=$?
        echo "training stopped with exit code $code; the folder is $runs/$method" >&2
        exit "$code"
    }
}

rm -rf "$runs/ce" "$runs/mwnet"
mkdir -p "$runs"
train ce "1 of 2: plain training (cross-entropy)" "$@"
train mwnet "2 of 2: Meta-Weight-Net, same schedule, same wrong labels" "$@"
rm -f "$runs/ce.out" "$runs/mwnet.out"

took=$(($(date +%s) - began))
echo
{
    "$build/examples/compare_runs" "$runs/ce" "$runs/mwnet"
    cat <<TEXT

It took $((took / 60)) min $((took % 60)) s. The runs are in $runs/ce and $runs/mwnet:
  record.jsonl   a line for every epoch      weights.npy  the weight of every training image
  best/, last/   models as safetensors       recipe.yaml  every option of the run

What to do next:
  $build/mwnet eval $runs/mwnet    evaluate the best model again
  $build/mwnet info $runs/mwnet    look into the run
  $build/mwnet list options            what else can be set
  $build/mwnet train recipes/fashion-noise40.yaml data.path=DIR -o runs/mine
                                      the same with IDX files of your own
TEXT
} | tee "$runs/output.txt"
