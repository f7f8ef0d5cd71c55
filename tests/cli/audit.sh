#!/bin/sh
# From a run to its wrong labels and back: audit, why, cross-validation, decisions, weight nets.
. "$(dirname "$0")/common"
cd "$work" || exit 1
data data
recipe small.yaml

run 0 "train" train small.yaml data.path=data train.epochs=6 -q -o run
[ "$(wc -c <run/journal.npy)" -eq $((128 + 6 * 112 * 16)) ] && ok "six epochs of journal" ||
    bad "journal.npy has $(wc -c <run/journal.npy) bytes"
run 0 "no journal" train small.yaml data.path=data train.journal=false -q -o silent
[ -e silent/journal.npy ] && bad "journal.npy in spite of train.journal=false" ||
    ok "train.journal=false keeps none"
run 2 "audit without evidence" audit silent
says err "mwnet: silent: holds neither journal.npy nor pred_probs.npy
hint: train with train.journal=true, or make probabilities by mwnet cv"

run 0 "audit" audit run --top 3 --weights w.weight
holds out "evidence   what the run saw while it trained"
holds out "of 112 are probably wrong"
holds out "score       AUROC  AUPRC"
[ "$(wc -l <run/audit.csv)" -eq 113 ] && ok "a line a sample" || bad "lines of audit.csv"
[ "$(wc -l <w.weight)" -eq 112 ] && ok "a weight a sample" || bad "lines of w.weight"
run 0 "audit as JSON" audit run --json -o other.csv
for key in quality weight loss margin aum p_given; do
    holds out "\"$key\": "
done
for key in auroc auprc precision_at_k precision_at_100 noise truth; do
    holds out "\"$key\": {"
done
claim="another output"
same . run
cmp -s other.csv run/audit.csv && ok "the same table again" || bad "another table"
run 10 "more noise than allowed" audit run --fail-over 0%
holds err "of the labels are probably wrong, more than the 0.0 % of --fail-over"
run 0 "less noise than allowed" audit run --fail-over 1
run 2 "a share that is none" audit run --fail-over much
holds err "mwnet: --fail-over: 'much' is not a share such as 5% or 0.05"
run 4 "audit of nothing" audit nothing

id=$(sed -n '2s/,.*//p' run/audit.csv)
run 0 "why" why run "$id"
holds out "rank       1 of 112"
holds out "epoch   weight     loss   margin  strongest other class"
run 2 "why of an unknown sample" why run 12345
holds err "mwnet: run: no training sample has the id '12345'"

# ---- Cross-validation, also killed again and again
settings="data.path=data train.epochs=12"
# shellcheck disable=SC2086
run 0 "cv" cv small.yaml $settings --folds 3 -q -o whole/pred_probs.npy
holds out "whole/pred_probs.npy: 112 samples, 4 classes; "
[ "$(wc -c <whole/pred_probs.npy)" -eq $((128 + 112 * 4 * 4)) ] && ok "112 x 4 numbers" ||
    bad "pred_probs.npy has $(wc -c <whole/pred_probs.npy) bytes"
claim="labels beside"
same whole run labels.npy
for fold in 2 0 1; do
    # shellcheck disable=SC2086
    run 0 "fold $fold" cv small.yaml $settings --folds 3 --fold $fold -q -o parts/pred_probs.npy
done
claim="folds one by one"
same whole parts pred_probs.npy labels.npy ids.csv

tries=0
while [ ! -f killed/pred_probs.npy ] && [ "$tries" -lt 60 ]; do
    # shellcheck disable=SC2086
    "$MWNET" cv small.yaml $settings --folds 3 -q -o killed/pred_probs.npy >/dev/null 2>&1 &
    child=$!
    sleep "0.$((tries % 5 + 1))"
    kill -KILL "$child" 2>/dev/null
    wait "$child" 2>/dev/null
    tries=$((tries + 1))
done
# shellcheck disable=SC2086
run 0 "cv killed, then left alone" cv small.yaml $settings --folds 3 -q -o killed/pred_probs.npy
same whole killed pred_probs.npy labels.npy ids.csv
rm -f parts/pred_probs.npy.folds/0/fold_probs.npy
# shellcheck disable=SC2086
run 7 "cv with other options" cv small.yaml $settings train.lr=0.3 --folds 3 -q \
    -o parts/pred_probs.npy
holds err "hint: remove parts/pred_probs.npy.folds, or give another name by -o"
# shellcheck disable=SC2086
# shellcheck disable=SC2086
run 0 "cv of clean labels" cv small.yaml $settings data.noise=none --folds 2 -q -o eta/pred_probs.npy
run 2 "noise of its probabilities, at a rate out of reach" train small.yaml data.path=data \
    data.noise=pmd1 data.noise_rate=1e-6 data.noise_probs=eta/pred_probs.npy --dry-run
holds err "data.noise_rate: 1e-06, but the probabilities of data.noise_probs allow "
run 3 "noise of other samples' probabilities" train small.yaml data.path=data data.seed=77 \
    data.noise=pmd1 data.noise_rate=0.3 data.noise_probs=eta/pred_probs.npy --dry-run
holds err "eta/pred_probs.npy: has no row for training sample "
mkdir -p clash
cp eta/labels.npy clash
# shellcheck disable=SC2086
run 7 "cv beside other labels" cv small.yaml $settings --folds 2 -q -o clash/pred_probs.npy
holds err "clash/labels.npy: holds other labels"
[ "$(ls clash)" = labels.npy ] && ok "no fold was trained for it" || bad "folds were trained first"
# shellcheck disable=SC2086
run 2 "cv with too many folds" cv small.yaml $settings --folds 200 -q -o many.npy
holds err "folds: 200 of 112 samples"
# shellcheck disable=SC2086
run 0 "cv of another split" cv small.yaml $settings data.seed=9 --folds 2 -q -o other/pred_probs.npy
run 2 "cv without a second fold" cv small.yaml $settings --folds 1 -q -o one.npy
cp whole/pred_probs.npy run/
run 0 "audit with probabilities" audit run
holds out "evidence   out-of-sample probabilities in run/pred_probs.npy; journal of 6 epochs"
run 7 "probabilities of other data" audit run --pred-probs run/weights.npy
holds err "mwnet: run/weights.npy: is not a table of probabilities of 112 training samples"
run 7 "probabilities of another split" audit run --pred-probs other/pred_probs.npy
holds err "other/pred_probs.npy is of other samples, or in another order"

for out in run/labels.npy run/recipe.yaml; do
    run 2 "audit over $out" audit run -o "$out"
    holds err "$out: is a file of the run, and would be written over"
done
# shellcheck disable=SC2086
run 2 "probabilities over something else" cv small.yaml $settings --folds 2 -q -o data.csv
holds err "data.csv: probabilities are written as .npy"

# ---- Decisions
awk -F, 'NR == 2 { print $1 ",relabel," ($2 == 0 ? 1 : 0) } NR == 3 { print $1 ",drop," }
    NR == 4 { print $1 ",keep," }' run/audit.csv >lines
{ echo "id,action,label"; cat lines; } >decisions.csv
run 0 "apply" apply run decisions.csv -o corrected.csv
holds out "1 kept, 1 relabelled, 1 dropped"
[ "$(wc -l <run/decisions.jsonl)" -eq 3 ] && ok "a line a decision" || bad "lines of the trail"
[ "$(grep -c ',-$' corrected.csv)" -eq 1 ] && ok "one sample is left out" || bad "left out"
run 0 "train with corrected labels" train small.yaml data.path=data data.labels=corrected.csv \
    data.noise=none -q -o again
holds out "data       111 train, 8 meta, 20 test; 4 classes"
grep -q "training labels wrong" out && bad "corrected labels count as wrong" ||
    ok "corrected labels are the truth"
run 0 "audit of it" audit again
awk -F, 'NR == 1 { print "id,action" } NR == 2 { print $1 ",drop" }' again/audit.csv >more.csv
run 0 "more decisions, on the run without the sample" apply again more.csv -o added.csv
[ "$(grep -c ',-$' added.csv)" -eq 2 ] && ok "the first one stays out" || bad "it comes back"
echo "999,drop," >>decisions.csv
cp corrected.csv before.csv
run 3 "an unknown id" apply run decisions.csv -o corrected.csv
holds err "mwnet: decisions.csv:5: no training sample has the id '999'"
cmp -s before.csv corrected.csv && [ "$(wc -l <run/decisions.jsonl)" -eq 3 ] &&
    ok "nothing was changed" || bad "something was changed"

# ---- The weight net travels
run 0 "export as JSON" export run --weight-net v.json
run 0 "export as C" export run --weight-net v.h
run 2 "export as something else" export run --weight-net v.txt
holds err "mwnet: 'v.txt' ends neither in .json nor in .h, so what is to be in it?"
printf 'id,loss\na,0\nb,0.7\nc,3.5\n' >losses.csv
run 2 "score over the losses" score v.json losses.csv -o losses.csv
holds err "losses.csv: is to be read and written"
run 0 "score" score v.json losses.csv -o scored.weight
[ "$(wc -l <scored.weight)" -eq 3 ] && ok "a weight a loss" || bad "lines of scored.weight"
printf '#include "v.h"\n#include <stdio.h>\nint main(void)\n{\n    printf("%%.9g\\n%%.9g\\n%%.9g\\n", mwn_weight(0), mwn_weight(0.7), mwn_weight(3.5));\n}\n' >v.c
if command -v cc >/dev/null; then
    cc -Wall -Wextra -Werror v.c -o v -lm && ./v >compiled.weight
    cmp -s scored.weight compiled.weight && ok "the header gives the same weights" ||
        bad "the header: $(cat compiled.weight), not $(cat scored.weight)"
else
    echo "skip no C compiler for the header"
fi
run 0 "train with it" train small.yaml data.path=data method.freeze=true \
    method.weight_net=v.json data.meta_per_class=0 -q -o frozen
holds out "data       120 train, 20 test; 4 classes"
run 0 "it is what it was" export frozen --weight-net same.json
cmp -s v.json same.json && ok "to the byte" || bad "same.json differs from v.json"
run 0 "start from it" train small.yaml data.path=data method.weight_net=v.json \
    method.hidden=7 -q -o warm
run 0 "it has learned on" export warm --weight-net warm.json
cmp -s v.json warm.json && bad "warm.json is v.json" || ok "warm.json is another"
run 2 "nothing to start from" train small.yaml data.path=data method.freeze=true -q -o none
says err "mwnet: method.freeze: true needs method.weight_net, the file of a weight net
hint: make one by mwnet export RUN --weight-net FILE.json"
run 2 "a meta set to learn on" train small.yaml data.path=data method.weight_net=v.json \
    data.meta_per_class=0 -q -o none
mv v.json moved.json
run 4 "taken up without its file" train --resume frozen train.epochs=3
mv moved.json v.json
run 0 "taken up" train --resume frozen train.epochs=3 -q
run 0 "plain training" train small.yaml data.path=data method.name=ce -q -o plain
run 2 "no weight net in it" export plain --weight-net v.json
holds err "mwnet: plain: method 'ce' learns no weight net"
finish
