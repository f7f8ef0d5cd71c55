#!/bin/sh
# Prediction: the table's form, the same numbers as npy, agreement with eval, mistakes; export's
# mistakes and a file's first bytes (what it says is tested by onnx.sh).
. "$(dirname "$0")/common"
cd "$work" || exit 1
data pictures
recipe recipe.yaml
run 0 "a run" train recipe.yaml data.path=pictures -q -o run
run 0 "eval" eval run --json
sed -n 's/.*"accuracy": \([0-9.]*\).*/\1/p' out >eval
run 0 "predict" predict run pictures -q -o p.csv --json
holds out '"samples": 20, "classes": 4,'
sed -n 's/.*"accuracy": \([0-9.]*\).*/\1/p' out >predicted
cmp -s eval predicted && ok "as accurate as eval says" || bad "accuracy $(cat eval predicted)"
awk -F, '
    NR == 1 { good = $0 == "id,predicted,p,0,1,2,3"; next }
    {
        sum = $4 + $5 + $6 + $7
        good = good && NF == 7 && $1 == NR - 2 && sum > 0.9999 && sum < 1.0001
        good = good && $3 == $($2 + 4)
        for (k = 4; k <= 7; k++) good = good && $k <= $3
    }
    END { exit !(good && NR == 21) }' p.csv &&
    ok "a row for each sample, probabilities that sum to 1" || bad "another table"
run 0 "the model file alone" predict run/best/model.safetensors pictures -q -o q.csv
cmp -s p.csv q.csv && ok "the same table" || bad "another table"
run 0 "npy" predict run pictures -q -o p.npy --format npy
[ "$(wc -c <p.npy)" -eq $((128 + 20 * 4 * 4)) ] && ok "npy: 20 x 4" || bad "npy: another size"
run 0 "npy by its ending" predict run pictures -q -o ending.npy
cmp -s p.npy ending.npy && ok "the same probabilities" || bad "another file"
cp p.csv copy.csv
run 2 "output over the input" predict run copy.csv -o copy.csv
holds err "copy.csv: is to be read and written"
cmp -s p.csv copy.csv && ok "the input is as it was" || bad "the input was written over"
run 2 "no output" predict run pictures
holds err "name the file to write: -o FILE"
run 2 "no data" predict run -o x.csv
run 2 "unknown format" predict run pictures -o x.csv --format xml
run 4 "no such data" predict run nowhere -o x.csv
run 4 "no such folder" predict run pictures -q -o nowhere/x.csv
[ ! -e x.csv ] && ok "nothing is left behind" || bad "x.csv was written"

run 0 "export" export run --onnx m.onnx --json
holds out '"input": [1, 6, 6], "classes": 4, "opset": 13'
[ "$(od -An -tx1 -N 2 m.onnx)" = " 08 07" ] && ok "IR version 7" || bad "another file"
grep -qa data.normalize m.onnx && ok "metadata is there" || bad "no metadata"
run 2 "export to nothing" export run
run 4 "export to nowhere" export run --onnx nowhere/m.onnx
run 7 "export as another network" export run/best/model.safetensors model.hidden=9 --onnx n.onnx
[ ! -e n.onnx ] && ok "no file of a failed export" || bad "n.onnx was written"
finish
