#!/bin/sh
# Tables and sweeps: cells, what is written, going on after a kill, failures, the budget.
. "$(dirname "$0")/common"
cd "$work" || exit 1
data data
recipe small.yaml
cat >table.yaml <<'TEXT'
table:
  title: A small table
  recipe: small.yaml
  seeds: 1-2
  source: Somebody 2020
  published_seeds: 5
  columns:
    u40: {label: "uniform 40 %"}
    u20: {data.noise_rate: 0.2}
  rows:
    ce: {label: plain, published: [70.77 +- 2.31, "-"]}
    mwnet: {published: {u20: 87.54}}
TEXT

run 0 "table" table table.yaml data.path=data -o cells
for cell in ce/u40/seed1 ce/u20/seed2 mwnet/u20/seed1 mwnet/u40/seed2; do
    [ -s "cells/$cell/summary.json" ] && ok "a run in $cell" || bad "no run in $cell"
done
holds out "# A small table"
holds out "8 of 8 runs are done."
holds out "## uniform 40 %"
holds out "70.77 ± 2.31 [1]"
holds out "[1] Somebody 2020"
holds err "[8/8] mwnet/u20/seed2  last "
cmp -s out cells/table.md && ok "table.md is what was printed" || bad "table.md differs"
[ "$(wc -l <cells/table.csv)" -eq 5 ] && ok "a line of CSV for each entry" || bad "lines of CSV"
mv cells/ce/u40/seed1/last/model.safetensors kept
run 0 "table again" table table.yaml data.path=data -o cells -q --json
[ "$(wc -l <out)" -eq 1 ] && ok "one line of JSON" || bad "not one line of JSON"
holds out '"published": {"value": 70.77, "sd": 2.31, "source": "Somebody 2020"}'
empty err
[ -e cells/ce/u40/seed1/last/model.safetensors ] && bad "a finished cell was trained again" ||
    ok "finished cells are left alone"
run 7 "other options" table table.yaml data.path=data train.epochs=3 -o cells
holds err "epochs: 2"
holds err "choose another one by -o"

run 2 "one seed for all" table table.yaml data.path=data train.seed=3 -o cells
holds err "--seeds 1-5"
run 2 "one method for all" table table.yaml data.path=data method.name=ce -o cells
holds err "--only ROW,ROW"
run 2 "a budget for what is done" table table.yaml data.path=data --budget 1s -q -o cells
holds err "was begun at its full length"
[ -e cells/scale.json ] && bad "a scale was written over runs" || ok "no scale over runs"

# A run for each cell is the same as one by train.
run 0 "train" train small.yaml data.path=data method.name=ce train.seed=2 -q -o alone
same alone cells/ce/u40/seed2 last/model.safetensors recipe.yaml weights.npy

# Killed in the middle, it takes its children along and goes on later, to the same bytes.
more="data.path=data train.epochs=40 --only u40"
# shellcheck disable=SC2086
run 0 "whole table" table table.yaml $more -q -o whole
# shellcheck disable=SC2086
for wait in 0.05 0.15 0.3; do
    "$MWNET" table table.yaml $more -q --jobs 2 --threads 1 -o killed >/dev/null 2>&1 &
    child=$!
    sleep "$wait"
    kill -KILL "$child" 2>/dev/null
    wait "$child" 2>/dev/null
done
# shellcheck disable=SC2086
run 0 "taken up after kill -9" table table.yaml $more -q --jobs 2 -o killed
for cell in ce/u40/seed1 ce/u40/seed2 mwnet/u40/seed1 mwnet/u40/seed2; do
    claim="killed: $cell"
    same whole/$cell killed/$cell last/model.safetensors journal.npy weights.npy
done
"$MWNET" table table.yaml data.path=data train.epochs=100000 -q -o stopped >out 2>err &
child=$!
sleep 0.5
kill -INT "$child"
wait "$child"
got=$?
claim="SIGINT"
[ "$got" -eq 130 ] && ok "SIGINT gives 130" || bad "SIGINT gave $got"
holds err "the same command goes on"

# A cell that fails is reported, and the others go on.
sed 's/^    mwnet.*/    bare: {method.name: mwnet, data.meta_per_class: 0}\n    mwnet: {}/' table.yaml >failing.yaml
run 11 "a failing row" table failing.yaml data.path=data -o failing --seeds 1
holds err "bare/u40/seed1: data.meta_per_class"
holds err "mwnet: 2 of 6 runs failed"
holds out "4 of 6 runs are done, 2 failed."
holds out "- bare/u40/seed1: data.meta_per_class"
[ -s failing/mwnet/u20/seed1/summary.json ] && ok "the others went on" || bad "others are missing"

run 0 "dry run" table table.yaml data.path=data -o dry --dry-run
holds out "new    ce/u40/seed1  "
holds out "in all, 1 at once: "
[ -e dry ] && bad "a dry run has written something" || ok "nothing is written"
run 11 "dry run of what cannot be measured" table table.yaml data.path=nowhere -o dry --dry-run
run 11 "budget of what cannot be measured" table table.yaml data.path=nowhere -o dry --budget 5s
[ -e dry/scale.json ] && bad "a scale was written" || ok "no scale is written"
run 0 "budget" table table.yaml data.path=data train.epochs=100000 --only ce/u40 --seeds 1 \
    --budget 2s -q -o budget
holds out "scaled to a budget of 2 s: "
holds out " epochs, training samples x 1)"
run 0 "what a budget leaves" table table.yaml data.path=data train.epochs=100000 --only ce/u40 --seeds 1 \
    --budget 2s --dry-run -q -o look
holds out "scaled to a budget of 2 s: "
holds out "in all, 1 at once: "
[ -e look ] && bad "a dry run has written something" || ok "nothing is written"
[ -s budget/scale.json ] && ok "the scale is kept" || bad "no scale.json"
run 0 "budget again" table table.yaml data.path=data train.epochs=100000 --only ce/u40 --seeds 1 -q \
    -o budget
holds out "scaled to a budget of 2 s: "

run 2 "a mistake" table table.yaml data.path=data --seeds 3-1 -o cells
run 2 "a budget that is none" table table.yaml --budget soon
holds err "is not a time such as"
run 2 "no file" table
run 4 "a file that is not there" table nowhere.yaml

run 2 "sweep without a validation set" sweep small.yaml data.path=data 'train.lr=[0.1,0.01]'
holds err "data.valid_share="
run 2 "sweep of seeds" sweep small.yaml data.path=data data.valid_share=0.2 'train.seed=[1,2]'
holds err "--seeds 1-5"
run 0 "sweep" sweep small.yaml data.path=data data.valid_share=0.2 'train.lr=[0.1,0.01]' \
    'method.hidden=[[4],[3,2]]' -o tried
holds out "Chosen by the validation set: train.lr="
[ "$(grep -c '^| train.lr=.* | 1 | [0-9.]* | | |$' out)" -eq 3 ] &&
    ok "test accuracy of the chosen row alone" || bad "test accuracies of other rows"
[ -s "tried/lr=0.1,hidden=3,2/valid/seed1/summary.json" ] && ok "a run for each combination" ||
    bad "no run for a combination"
finish
