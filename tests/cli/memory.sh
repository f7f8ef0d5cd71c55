#!/bin/sh
# train.memory: the same bytes in less; and a dry run says what a run then takes.
. "$(dirname "$0")/common"
cd "$work" || exit 1
data data
recipe small.yaml
sed -i 's/name: mlp, hidden: \[8\]/name: resnet8/; s/backend: ref, threads: 1/threads: 2/' small.yaml
files="last/state.safetensors last/model.safetensors best/model.safetensors weights.npy"

run 0 "train, full memory" train small.yaml data.path=data -o full -q
run 0 "train, low memory" train small.yaml data.path=data train.memory=low -o low -q
# shellcheck disable=SC2086
same full low $files
run 0 "one epoch" train small.yaml data.path=data train.epochs=1 -o mixed -q
run 0 "taken up in low memory" train --resume mixed train.epochs=2 train.memory=low -q
# shellcheck disable=SC2086
same full mixed $files

# number FILE KEY: the number of that key in a line of JSON.
number() {
    sed -n "s/.*\"$2\": \([0-9]*\).*/\1/p" "$1"
}

# within PER_CENT A B CLAIM
within() {
    if awk -v p="$1" -v a="$2" -v b="$3" \
        'BEGIN { d = a < b ? b - a : a - b; exit !(a > 0 && b > 0 && d <= p / 100 * b) }'; then
        ok "$4"
    else
        bad "$4: $2 and $3 bytes"
    fi
}

# The address sanitizer keeps what is freed for a while, and a shadow of everything.
if grep -qa __asan_init "$MWNET"; then
    echo "skip a sanitized program takes more than it says"
    finish
fi

# A deep net on small pictures: a hundred megabytes at no great price.
deep="small.yaml data.path=data model.name=resnet110 train.batch=100 meta.batch=100"
for memory in full low; do
    # shellcheck disable=SC2086
    run 0 "dry run, $memory" train $deep train.memory=$memory --dry-run --json
    cp out "plan.$memory"
    # shellcheck disable=SC2086
    run 0 "run, $memory" train $deep train.memory=$memory train.stop_after=1 -o "run.$memory" \
        -q --json
    cp out "taken.$memory"
    within 5 "$(number "plan.$memory" total)" "$(number "taken.$memory" peak_memory)" \
        "$memory: a dry run says what a run takes"
done
planned=$(($(number plan.full network) - $(number plan.low network)))
taken=$(($(number taken.full peak_memory) - $(number taken.low peak_memory)))
within 15 $planned $taken "what is not planned is not taken"
finish
