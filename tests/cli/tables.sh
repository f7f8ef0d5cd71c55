#!/bin/sh
# Tables, LIBSVM text and NumPy arrays: trained on, and what bad ones are told.
. "$(dirname "$0")/common"
cd "$work" || exit 1

options="model.name=mlp model.hidden=4 method.name=ce train.epochs=1 train.batch=10
    train.lr=0.1 train.backend=ref train.threads=1 data.threads=0"

# table FILE ROWS: three features, one of them a text; the classes cat and dog.
table() {
    awk -v n="$2" 'BEGIN {
        print "size,colour,weight,label"
        for (i = 0; i < n; i++)
            printf "%g,%s,%d,%s\n", i * 0.37, i % 3 ? "red" : "dark blue", (i * 7) % 11,
                i % 2 ? "cat" : "dog"
    }' >"$1"
}

# trains CLAIM ARGUMENT...
trains() {
    claim=$1
    shift
    rm -rf made
    # shellcheck disable=SC2086
    run 0 "$claim" train $options "$@" -q -o made
}

# refused CODE CLAIM TEXT ARGUMENT...
refused() {
    code=$1
    claim=$2
    text=$3
    shift 3
    # shellcheck disable=SC2086
    run "$code" "$claim" train $options "$@" -q -o refused
    holds err "$text"
    [ -e refused ] && bad "$claim: a folder is left"
}

table good.csv 60
trains "a table" data.path=good.csv
holds out "48 train, 12 test"
holds out "2 classes"
run 0 "the model is evaluated" eval made
awk -F, -v OFS=, '{ print $3, $1, $4, $2 }' good.csv >other.csv
sed -i '2,5s/dark blue/green/' other.csv
run 0 "columns in another order, and a new text" eval made data.test=other.csv
sed 1d good.csv >bare.csv
trains "a table without header" data.path=bare.csv
tr , ';' <good.csv >semicolons.csv
trains "semicolons" data.path=semicolons.csv
sed 's/dark blue/green/' good.csv | tr , ' ' >blanks.csv
trains "blanks" data.path=blanks.csv "data.delimiter= "
run 0 "blanks again, by the recipe" eval made
tr , '\t' <good.csv | gzip >tabs.tsv.gz
trains "tabs, packed" data.path=tabs.tsv.gz
table another.csv 20
trains "a test set of its own" data.path=good.csv data.test=another.csv data.overlap=keep
holds out "60 train, 20 test"

# changed LINE WITH: bad.csv is good.csv with a change in a line.
changed() {
    sed "$1s/.*/$2/" good.csv >bad.csv
}

changed 5 '1,red,3'
refused 3 "a field too few" "bad.csv:5: has 3 fields, line 1 has 4" data.path=bad.csv
changed 5 '1,red,3,cat,'
refused 3 "a field too many" "bad.csv:5: has 5 fields, line 1 has 4" data.path=bad.csv
changed 7 'abc,red,3,cat'
refused 3 "a text among numbers" "bad.csv:7: column 'size': 'abc' is not a number" \
    data.path=bad.csv
changed 8 'inf,red,3,cat'
refused 3 "infinity" "bad.csv:8: column 'size': 'inf' is not finite" data.path=bad.csv
changed 8 '1,red,3,'
refused 3 "no label" "bad.csv:8: has no label" data.path=bad.csv
changed 9 '1,"red,3,cat'
refused 3 "an open quote" "bad.csv:9: the quote in field 2 is never closed" data.path=bad.csv
changed 9 '1,"red"x,3,cat'
refused 3 "text behind a quote" "bad.csv:9: field 2 has text behind" data.path=bad.csv
printf 'a,b\n1,\377\n' >bad.csv
refused 3 "not UTF-8" "bad.csv:2: byte 0xff is not UTF-8" data.path=bad.csv
printf 'a,b\n1,\0\n' >bad.csv
refused 3 "zero bytes" "bad.csv:2: is not text" data.path=bad.csv
: >bad.csv
refused 3 "an empty file" "bad.csv: has no rows" data.path=bad.csv
head -n 1 good.csv >bad.csv
refused 3 "a header alone" "bad.csv: has a header, but no rows" data.path=bad.csv
refused 2 "an unknown column" "data.label_column: good.csv has no column 'lable'" \
    data.path=good.csv data.label_column=lable
holds err "did you mean 'label'?"
refused 3 "labels with a fraction" "column 'size' has numbers with a fraction" \
    data.path=good.csv data.label_column=size
refused 2 "two roles" "used by another such option" data.path=good.csv data.id_column=size \
    data.weight_column=size
refused 2 "no such delimiter" "data.delimiter: 'xyz'" data.path=good.csv data.delimiter=xyz
refused 3 "the wrong delimiter" "none of them a feature" data.path=good.csv data.delimiter=pipe

# Parts that are not alike.
cut -d, -f1,3,4 another.csv >part.csv
refused 3 "a column is missing" "part.csv: column 'colour' of the training data is missing" \
    data.path=good.csv data.test=part.csv
sed '1s/$/,more/; 2,$s/$/,1/' another.csv >part.csv
refused 3 "a column too many" "part.csv: column 'more' is not in the training data" \
    data.path=good.csv data.test=part.csv
sed '4s/dog$/cta/' another.csv >part.csv
refused 3 "an unknown label" "label 'cta' is not among the 2 classes" \
    data.path=good.csv data.test=part.csv
holds err "did you mean 'cat'?"
sed 1d another.csv >part.csv
refused 3 "no header" "part.csv:1: names none of the columns" data.path=good.csv \
    data.test=part.csv

# LIBSVM text.
awk 'BEGIN { for (i = 0; i < 60; i++)
    printf "%s 1:%g qid:3 4:%g # note\n", i % 2 ? "+1" : "-1", i, (i * 7) % 11 }' >good.svm
trains "LIBSVM text" data.path=good.svm
holds out "48 train, 12 test"
run 0 "its model is evaluated" eval made
# svm LINE TEXT MESSAGE
svm() {
    sed "3s/.*/$1/" good.svm >bad.svm
    refused 3 "LIBSVM: $1" "bad.svm:3: '$2' $3" data.path=bad.svm
}
svm 'x 1:2' x "is not an integer"
svm '1 2' 2 "is not index:value"
svm '1 a:2' a:2 "has no index"
svm '1 -1:2' -1:2 "has no index"
svm '1 1:nan' 1:nan "has no finite number"
svm '1 1:1e60' 1:1e60 "has no finite number"
svm '1 2:1 2:1' 2:1 "does not rise"
sed '3s/.*/1 2000000000:1/' good.svm >bad.svm
refused 3 "LIBSVM: too many features" "when stored in full, more than" data.path=bad.svm

# NumPy arrays.
# header TYPE SHAPE: what stands in front of an array's items.
header() {
    printf '\223NUMPY\001\000\166\000'
    printf '%-117s\n' "{'descr': '$1', 'fortran_order': False, 'shape': ($2), }"
}
# text N: N bytes of letters and digits, which are finite floats as well.
text() {
    awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) {
        x = (x * 16807 + 11) % 2147483647
        printf "%c", 48 + int(x / 1024) % 10 } }'
}
mkdir arrays
{ header '<f4' '60, 5' && text 1200; } >arrays/X_train.npy
{ header '|u1' '60,' && printf '%b' "$(awk 'BEGIN {
    for (i = 0; i < 60; i++) printf "\\0%o", 3 + i % 3 }')"; } >arrays/y_train.npy
trains "NumPy arrays" data.path=arrays
holds out "48 train, 12 test"
holds out "3 classes"

run 0 "their model is evaluated" eval made
cp arrays/X_train.npy alone.npy
refused 4 "no labels" "alone.npy: has no labels beside it" data.path=alone.npy
awk 'BEGIN { print "kind"; for (i = 0; i < 60; i++) print i % 2 ? "yes" : "no" }' >kinds.csv
trains "labels of a file of their own" data.path=alone.npy data.y=kinds.csv
{ header '|O' '60, 5' && text 1200; } >alone.npy
refused 3 "pickled" "alone.npy: holds pickled Python objects" data.path=alone.npy \
    data.y=kinds.csv
holds err "allow_pickle=False"
head -c 1000 arrays/X_train.npy >alone.npy
refused 3 "truncated" "the file is truncated" data.path=alone.npy data.y=kinds.csv
{ header '<f4' '30, 10' && text 1200; } >alone.npy
refused 3 "other labels" "kinds.csv: has 61 labels, but there are 30 samples" \
    data.path=alone.npy data.y=kinds.csv
{ header '<i8' '30, 5' && text 1200; } >alone.npy
refused 3 "integers" "holds integers, expected reals or bytes" data.path=alone.npy data.y=kinds.csv
{ header '<f4' '300,' && text 1200; } >alone.npy
refused 3 "one dimension" "has 1 dimensions" data.path=alone.npy data.y=kinds.csv
{ header '<f4' '60, 5' && text 1196 && printf '\377\377\377\377'; } >alone.npy
refused 3 "not finite" "value 4 of sample 59" data.path=alone.npy data.y=kinds.csv
echo "no zip file, but long enough to hold its end" >bad.npz
refused 3 "no zip file" "bad.npz: the .npz file is not a zip file" data.path=bad.npz
finish
