#!/bin/sh
# A run that is killed or interrupted, again and again, ends with the bytes of one that was not.
. "$(dirname "$0")/common"
cd "$work" || exit 1
data data
recipe small.yaml
settings="data.path=data train.epochs=30 train.checkpoint_every=2 train.weight_epochs=3"
files="last/state.safetensors last/model.safetensors best/model.safetensors weights.npy
weight_net.json recipe.yaml journal.npy"

# begin ARGUMENT...: starts the program in the background.
begin() {
    "$MWNET" train "$@" -q >/dev/null 2>err &
    child=$!
}

# lines_at_least N: waits until the record of the run has so many lines.
lines_at_least() {
    tries=0
    while [ "$tries" -lt 200 ]; do
        lines=0
        [ ! -f stopped/record.jsonl ] || lines=$(wc -l <stopped/record.jsonl)
        [ "$lines" -lt "$1" ] || return 0
        kill -0 "$child" 2>/dev/null || return 0
        sleep 0.01
        tries=$((tries + 1))
    done
}

# shellcheck disable=SC2086
run 0 "whole run" train small.yaml $settings -q -o whole
# shellcheck disable=SC2086
begin small.yaml $settings -o stopped
for lines in 1 4 9 13 18; do
    lines_at_least "$lines"
    kill -KILL "$child" 2>/dev/null
    wait "$child" 2>/dev/null
    if [ -f stopped/recipe.yaml ]; then
        begin --resume stopped
    else
        # shellcheck disable=SC2086
        begin small.yaml $settings -o stopped
    fi
done
wait "$child"
run 0 "killed five times, taken up each time" train --resume stopped -q
# shellcheck disable=SC2086
same whole stopped $files
[ "$(wc -l <stopped/record.jsonl)" -eq 30 ] && ok "30 lines of record" || bad "record"
find stopped -name '*.tmp-*' | grep -q . && bad "temporary files left" || ok "no temporary files"

# The signal is sent in an epoch: the run is far too long to end before.
for signal in INT TERM; do
    code=$([ "$signal" = INT ] && echo 130 || echo 143)
    rm -rf stopped
    # shellcheck disable=SC2086
    begin small.yaml $settings train.epochs=100000 -o stopped
    lines_at_least 2
    kill -s "$signal" "$child"
    wait "$child"
    got=$?
    [ "$got" -eq "$code" ] && ok "SIG$signal gives $code" || bad "SIG$signal gave $got"
    grep -q '^mwnet: stopped on request in epoch [0-9]* of 100000$' err &&
        ok "SIG$signal: says so" || bad "SIG$signal: $(cat err)"
    sed -i 's/epochs: 100000/epochs: 30/' stopped/recipe.yaml
    lines=$(wc -l <stopped/record.jsonl)
    if [ "$lines" -ge 30 ]; then
        echo "skip the machine was too slow to interrupt the run early"
        continue
    fi
    run 0 "taken up after SIG$signal" train --resume stopped -q
    # shellcheck disable=SC2086
    same whole stopped $files
done
finish
