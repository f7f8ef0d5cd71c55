#!/bin/sh
# mwnet inspect: classes, equal samples, overlap, damaged files, what a run would stumble over.
. "$(dirname "$0")/common"
cd "$work" || exit 1
data data

run 0 "IDX" inspect data
holds out "data       data (reader idx, by its names)"
holds out "samples    1 x 6 x 6, uint8, 4 classes"
holds out "training   120 samples, 30 to 30 a class (imbalance 1), values "
holds out "test       20 samples, 5 to 5 a class"
holds out "  3                            30          5  3, 7, 11"
holds out "a run has  120 training samples, 0 meta, 0 validation, 20 test"
holds out "No problems."
empty err
run 0 "IDX as JSON" inspect data data.reader=idx data.meta_per_class=2 --json
holds out '{"path": "data", "reader": "idx", "guessed": false, "sample": [1, 6, 6], "type": "uint8"'
holds out '"samples_of_class": [30, 30, 30, 30], "largest_class": 30, "smallest_class": 30, "imbalance": 1'
holds out '"conflicts": {"groups": 0, "samples": 0, "first": []}'
holds out '"sets": {"train": 112, "meta": 8, "valid": 0, "test": 20, "classes": 4'
holds out '"problems": []}'
[ "$(wc -l <out)" -eq 1 ] && ok "one line" || bad "more lines than one"

# Picture 1 again as 2 (another label), 4 (same label as 0) and as the first of the test set.
cp -r data twice
picture() { tail -c +$((17 + 36 * $2)) "$1" | head -c 36; }
picture data/train-images-idx3-ubyte 1 >one
picture data/train-images-idx3-ubyte 0 >zero
put() { dd of="$1" bs=1 seek=$((16 + 36 * $2)) conv=notrunc 2>/dev/null; }
put twice/train-images-idx3-ubyte 2 <one
put twice/train-images-idx3-ubyte 4 <zero
put twice/t10k-images-idx3-ubyte 0 <one
run 0 "equal samples" inspect twice
holds out "values 0 to 255, 2 copies of others"
holds out "Equal samples with different labels (1 group)"
holds out "  training 1: 1 ; training 2: 2 ; test 0: 0 "
holds out "  2 samples of the training part are in the test part as well"
holds out "  3 equal samples have different labels (1 group)"
run 0 "equal samples as JSON" inspect twice --json
holds out '"overlap": [{"part": "training", "other": "test", "samples": 2}, {"part": "test", "other": "training", "samples": 1}]'
holds out '"first": [{"samples": 3, "first": [{"part": "training", "id": [1], "label": 1}, {"part": "training", "id": [2], "label": 2}, {"part": "test", "id": [0], "label": 0}]}]'
holds out '"dropped": 2'
recipe small.yaml
run 0 "a plan of it" train small.yaml data.path=twice --dry-run
holds out "; 2 in two sets left out"
run 0 "training on it" train small.yaml data.path=twice train.epochs=1 -o dropped
holds err "note: 2 samples are left out of their set, as another set has equal ones (data.overlap=keep keeps them)"
holds out "; 2 in two sets left out"
grep -q '"dropped": 2' dropped/summary.json && grep -q '"dropped": 2' dropped/record.jsonl &&
    ok "summary and record have it" || bad "summary or record without dropped"
run 0 "nothing to leave out" train small.yaml data.path=data train.epochs=1 -o whole
grep -q '"dropped"' whole/summary.json && bad "dropped where nothing was" || ok "nothing is said"

# A gap in the labels, and a class with one sample.
cp -r data gaps
printf '\0\0\010\001\0\0\0\170' >gaps/train-labels-idx1-ubyte
awk 'BEGIN { for (i = 0; i < 119; i++) printf "\\%o", i % 2; printf "\\5" }' >labels
# shellcheck disable=SC2059
printf "$(cat labels)" >>gaps/train-labels-idx1-ubyte
run 0 "gaps in the labels" inspect gaps
holds out "  3 of 6 classes have no samples in the training part: 2, 3, 4"
holds out "  1 of 6 classes have a single training sample, which cannot be divided: 5"
holds out "  a run would fail: gaps: class 2 has no training samples"
holds out "(imbalance 60)"
rm gaps/t10k-images-idx3-ubyte
run 0 "no test part" inspect gaps
holds out "  test part: gaps"

run 0 "other parts" inspect data data.valid=twice
holds out "validation 120 samples"
holds out "  118 samples of the training part are in the validation part as well"
holds out "  a run would fail: "

run 4 "nothing there" inspect nothing
holds err "mwnet: nothing: "
empty out
mkdir other
echo text >other/notes
run 2 "not data" inspect other
says err "mwnet: other: cannot tell what kind of data this is
hint: for a table say data.reader=csv; 'mwnet list readers' shows all"
head -c 500 data/train-images-idx3-ubyte >twice/train-images-idx3-ubyte
run 3 "damaged" inspect twice
holds err "twice/train-images-idx3-ubyte: "
awk 'BEGIN { print "id,size,kind,label"; for (i = 0; i < 30; i++) print "s" i "," i ",k" i % 3 "," i % 2 }' \
    >t.csv
run 0 "columns of a table" inspect t.csv
holds out "the label is column 4 'label'; 1 of numbers, 1 of text, 1 no feature"
run 2 "no data" inspect
run 2 "two folders" inspect data twice
run 2 "unknown option" inspect data data.redaer=idx
holds err "'data.reader'"
finish
