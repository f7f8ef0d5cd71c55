#!/bin/sh
# A trial on data of one's own: what is chosen, the verdict, the wrong labels, going on.
. "$(dirname "$0")/common"
cd "$work" || exit 1
data data

run 0 "try" try data train.epochs=2 data.noise=uniform data.noise_rate=0.4 -q -o first
holds out "data       120 training samples in 4 classes, 0 meta"
holds out "model.name="
holds out "meta.source=lowest_loss (no sample is known to be right"
holds out "verdict    "
holds out "95 % interval"
holds out "are probably wrong"
holds out "  mwnet why first/mwnet ID"
empty err
for method in ce mwnet; do
    [ -s first/$method/last/model.safetensors ] && ok "a model by $method" ||
        bad "no model by $method"
done
mv out once
run 0 "try again" try data train.epochs=2 data.noise=uniform data.noise_rate=0.4 -q -o first
cmp -s out once && ok "the same verdict without training" || bad "another verdict"
run 7 "try with other options" try data train.epochs=3 data.noise=uniform data.noise_rate=0.4 -q -o first
holds err "first/ce: was trained with other options: '  epochs: 2', now '  epochs: 3'"
awk 'BEGIN { print "a,b,label"; for (i = 0; i < 60; i++) print i * 7 % 31 "," i * 3 % 17 "," i % 2 }' \
    >rows.csv
run 2 "try without a test set" try rows.csv data.test_share=0 -q -o fourth
holds err "a trial compares two models on a test set, and there is none"
[ -e fourth ] && bad "a folder is left behind" || ok "nothing is left behind"

printf '0\n1\n2\n3\n4\n5\n6\n7\n' >ids.txt
run 0 "try with checked samples" try data --meta ids.txt train.epochs=1 -q --json -o second
[ "$(wc -l <out)" -eq 1 ] && ok "one line of JSON" || bad "not one line of JSON"
for key in suggestion comparison audit; do
    holds out "\"$key\": {"
done
holds out "\"meta\": 8"
run 2 "try nothing" try
holds err "name one file or folder"
run 4 "try what is not there" try nowhere -o third
[ -e third ] && bad "a folder is left behind" || ok "nothing is left behind"
finish
