#!/bin/sh
# Image folders and lists from the command line: what is trained on, what is refused.
. "$(dirname "$0")/common"
cd "$work" || exit 1
pictures 48
small="data.size=8 model.name=smallconv train.batch=4 meta.batch=4 train.epochs=1
    train.backend=ref train.threads=1 data.augment=true"

# ---- Folders --------------------------------------------------------------------------
for part in train test; do
    for class in ant bee cat; do
        mkdir -p "set/$part/$class"
    done
done
i=0
while [ "$i" -lt 36 ]; do
    part=train
    [ "$i" -lt 24 ] || part=test
    case $((i % 3)) in
    0) class=ant ;;
    1) class=bee ;;
    *) class=cat ;;
    esac
    cp "$i.png" "set/$part/$class/"
    i=$((i + 1))
done
# shellcheck disable=SC2086
run 0 "an image folder is trained on" train data.reader=folder data.path=set \
    data.meta_per_class=2 $small -o run --json
holds out '"train": 18,'
holds out '"meta": 6,'
holds out '"test": 12,'
holds out '"classes": 3,'
# shellcheck disable=SC2086
run 0 "the same with other threads" train data.reader=folder data.path=set \
    data.meta_per_class=2 $small data.threads=3 -o again
same run again last/model.safetensors weights.npy
mv set/train/ant/0.png set/train/ant/00.png
run 7 "images of other names" train --resume run train.epochs=2
holds err "the data or its labels are not those that the run began with"
mv set/train/ant/00.png set/train/ant/0.png
run 0 "its model is evaluated" eval run --json
holds out '"samples": 12,'
run 0 "its folder predicts" predict run set/test -q -o by-folder.csv
run 0 "its model's file predicts" predict run/best/model.safetensors set/test train.backend=ref \
    -q -o by-file.csv
cmp -s by-folder.csv by-file.csv && ok "the file alone knows the size of images" ||
    bad "the file alone sees images of another size"
mkdir -p set/meta/ant set/meta/bee set/meta/cat
cp 41.png set/meta/ant
cp 42.png set/meta/bee
cp 43.png set/meta/cat
# shellcheck disable=SC2086
run 2 "a meta folder of its own cannot be appended" train data.reader=folder data.path=set \
    data.meta_per_class=1 data.train_on_meta=true $small -o made
holds err "a meta set of its own file or folder cannot be appended"
rm -r set/meta
mkdir -p set/test/dog
cp 40.png set/test/dog
run 3 "a class that training has not" eval run
holds err "set/test/dog: is none of the training set's 3 classes"
rm -r set/test/dog

# refused CODE CLAIM TEXT [OPTION...]: training on set/ fails and leaves no folder.
refused() {
    code=$1 what=$2 text=$3
    shift 3
    # shellcheck disable=SC2086
    run "$code" "$what" train data.reader=folder data.path=set data.meta_per_class=2 $small \
        -o made -q "$@"
    holds err "$text"
    rm -rf made
}
head -c 90 0.png >set/train/ant/0.png
refused 3 "a truncated image" "set/train/ant/0.png: damaged PNG image: "
holds err "data.damaged=skip"
: >set/train/ant/0.png
refused 3 "an empty image" "set/train/ant/0.png: is empty"
holds err "data.damaged=skip"
echo "no picture" >set/train/ant/0.png
refused 3 "a text" "set/train/ant/0.png: is no image"
# shellcheck disable=SC2086
run 0 "damaged images are left out" train data.reader=folder data.path=set \
    data.meta_per_class=2 $small data.damaged=skip -o skipped --json
holds out '"train": 17,'
holds out '"damaged": 1'
holds err "note: 1 damaged images are left out (data.damaged=skip)"
cp 0.png set/train/ant/0.png
refused 2 "a size above the resized image" "data.resize: 7 is less than data.size=8" data.resize=7
ln -s ../ant set/train/ant/loop
refused 3 "a link that leads back" "folders are more than 16 deep"
rm set/train/ant/loop
mkdir set/train/dog
refused 3 "a class without images" "set/train/dog: holds no JPEG or PNG files"
rmdir set/train/dog

# ---- Lists ----------------------------------------------------------------------------
(cd set && ls train/*/*.png | awk -F/ '{ print $0 "," $2 }') >set/train.csv
(cd set && ls test/*/*.png | awk -F/ '{ print $0 "," $2 }') >set/test.csv
# shellcheck disable=SC2086
run 0 "lists are trained on" train data.reader=list data.path=set/train.csv \
    data.test=set/test.csv data.meta_per_class=2 $small -o listed --json
holds out '"train": 18,'
holds out '"test": 12,'
same run listed weights.npy
# shellcheck disable=SC2086
run 0 "a list without a test set has a share held out" train data.reader=list \
    data.path=set/train.csv data.test_share=0.25 data.meta_per_class=2 $small -o shared --json
holds out '"test": 6,'
echo "../0.png,ant" >>set/train.csv
# shellcheck disable=SC2086
run 3 "a path out of the folder" train data.reader=list data.path=set/train.csv \
    data.meta_per_class=2 $small -o made
holds err "set/train.csv:25: '..' in a path could lead out of the folder set"
finish
