#!/bin/sh
# The examples of the library work on a table: train, audit, predict.
. "$(dirname "$0")/common"
examples=$(dirname "$MWNET")/examples
[ -x "$examples/train_on_csv" ] || {
    echo "skip the examples were not built"
    exit 77
}
cd "$work" || exit 1
awk 'BEGIN {
    print "id,width,height,class"
    for (i = 0; i < 300; i++) {
        class = i % 3
        printf "row%d,%.3f,%.3f,%s\n", i, class * 2 + (i * 7 % 11) / 9, (i * 5 % 13) / 9 - class,
            (i > 60 && i % 7 == 0) ? "b" : substr("abc", class + 1, 1)
    }
}' >table.csv
awk 'BEGIN { for (i = 0; i < 45; i++) print "row" i }' >checked.txt
claim="train_on_csv"
"$examples/train_on_csv" table.csv checked.txt run >out 2>err && ok "train_on_csv" ||
    bad "train_on_csv: $(cat err)"
holds out "epoch 10 of 10: loss "
[ "$(grep -c "^epoch" out)" -eq 10 ] && ok "a line an epoch" || bad "lines: $(grep -c "^epoch" out)"
claim="audit"
"$examples/audit" run audit.csv >out 2>err && ok "audit" || bad "audit: $(cat err)"
holds out " % of the labels are probably wrong"
holds out "10. row"
claim="predict"
"$examples/predict" run table.csv predicted.csv >out 2>err && ok "predict" ||
    bad "predict: $(cat err)"
holds out '"samples": 300'
[ "$(wc -l <predicted.csv)" -eq 301 ] && ok "a line a row" || bad "lines of predicted.csv"
for example in train_on_csv audit predict; do
    "$examples/$example" >out 2>err
    [ $? -eq 2 ] && ok "$example without arguments" || bad "$example without arguments"
done
finish
