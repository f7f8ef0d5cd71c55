#!/bin/sh
# Training by the program: what it prints and leaves behind, the same bytes again, resumption.
. "$(dirname "$0")/common"
cd "$work" || exit 1
data data
recipe small.yaml
files="last/state.safetensors last/model.safetensors best/model.safetensors weights.npy
journal.npy"

run 0 "train" train small.yaml data.path=data train.seed=7 -o one
holds out "method     mwnet"
holds out "data       112 train, 8 meta, 20 test; 4 classes; "
holds out "(epoch 2)"
holds out "V(loss), the learned weight of a sample"
holds out "  mwnet eval one"
holds err "run folder one"
holds err "epoch 1/2  loss "
holds err "epoch 2/2  loss "
for file in $files recipe.yaml record.jsonl summary.json train_ids.npy labels.npy \
    true_labels.npy weight_net.json journal.npy; do
    [ -s "one/$file" ] && ok "train: wrote $file" || bad "train: no $file"
done
[ "$(wc -l <one/record.jsonl)" -eq 2 ] && ok "two lines of record" || bad "lines of record"

run 0 "train again" train small.yaml data.path=data train.seed=7 -o two -q
empty err
# shellcheck disable=SC2086
same one two $files recipe.yaml weight_net.json
run 0 "train from its own recipe" train one/recipe.yaml -o three -q
# shellcheck disable=SC2086
same one three $files

run 0 "train as JSON" train small.yaml data.path=data -q --json -o four
[ "$(wc -l <out)" -eq 1 ] && ok "one line of JSON" || bad "not one line of JSON"
cmp -s out four/summary.json || true
for key in options sets model best last detection cost curve; do
    holds out "\"$key\": {"
done

run 2 "a folder that holds a run" train small.yaml data.path=data -o one
says err "mwnet: one: the folder holds a run already
hint: go on with it by --resume one, or choose another folder"
run 0 "default folder" train small.yaml data.path=data train.epochs=1 -q
run 0 "default folder taken" train small.yaml data.path=data train.epochs=1 -q
[ -s runs/small/summary.json ] && [ -s runs/small-2/summary.json ] &&
    ok "runs/small and runs/small-2" || bad "default folders: $(ls runs)"

run 0 "plain training" train small.yaml data.path=data method.name=ce -o plain
holds out "method     ce"
grep -q "V(loss)" out && bad "ce has no curve" || ok "ce has no curve"
[ -e plain/weight_net.json ] && bad "ce: weight_net.json" || ok "ce: no weight_net.json"

run 0 "dry run" train small.yaml data.path=data --dry-run
holds out "train.epochs = 2"
holds out "method.name = mwnet"
holds out "memory     "
holds out "11 steps an epoch"
run 0 "dry run as JSON" train small.yaml data.path=data --dry-run --json
holds out '"steps_per_epoch": 11'

run 0 "more epochs" train --resume two train.epochs=3
holds err "epoch 3/3  loss "
run 0 "nothing left to do" train --resume two
holds out "(epoch 3)"
run 2 "another option at resumption" train --resume two train.lr=1
says err "mwnet: train.lr: cannot change when a run is taken up again
hint: only train.epochs, train.threads, train.memory and data.threads can"
run 4 "resumption of nothing" train --resume nothing
holds err "hint: nothing holds no run to take up"

run 0 "eval of a run" eval one
holds out "accuracy   "
holds out "samples    20 in "
run 0 "eval of a file" eval one/last/model.safetensors data.path=data --json
holds out '{"model": "mlp", "file": "one/last/model.safetensors", "accuracy": '
holds out '"samples": 20'
run 2 "eval of a file without data" eval one/last/model.safetensors
holds err "mwnet: data.path: "
run 7 "eval with another network" eval one/last/model.safetensors data.path=data \
    model.hidden=9
holds err "mwnet: one/last/model.safetensors: tensor 'fc1.weight' has shape [8, 36] where the model needs [9, 36]"
run 0 "info of a run" info one
holds out "kind = run"
run 0 "info of a model" info one/best/model.safetensors
holds out "fc1.weight"
run 0 "info of weights" info one/weights.npy --json
holds out '"kind": "npy", "type": "float32", "shape": [112]'
finish
