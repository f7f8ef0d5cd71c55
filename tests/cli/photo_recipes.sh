#!/bin/sh
# The recipes for published sets of photos, on tiny sets of the same layout.
if [ "${MWNET_TIER:-full}" = fast ]; then
    echo "skip networks of many layers are for './dev test full'"
    exit 77
fi
. "$(dirname "$0")/common"
cd "$work" || exit 1
pictures 48
tiny="data.size=32 data.resize=36 train.batch=4 meta.batch=4 train.epochs=1 train.stop_after=2"
recipes=$here/recipes

mkdir -p clothing/images/0 clothing/annotations
i=0
while [ "$i" -lt 42 ]; do
    cp "$i.png" "clothing/images/0/$i,$i.png"
    key="images/0/$i,$i.png"
    case $((i / 14)) in
    0) echo "$key" >>clothing/annotations/noisy_train_key_list.txt ;;
    1) echo "$key" >>clothing/annotations/clean_train_key_list.txt ;;
    *)
        echo "$key" >>clothing/annotations/clean_val_key_list.txt
        echo "$key" >>clothing/annotations/clean_test_key_list.txt
        ;;
    esac
    echo "$key $((i % 14))" >>clothing/annotations/noisy_label_kv.txt
    echo "$key $((i % 14))" >>clothing/annotations/clean_label_kv.txt
    i=$((i + 1))
done
# shellcheck disable=SC2086
run 0 "the recipe for Clothing1M" train "$recipes/clothing1m-resnet50.yaml" \
    data.path=clothing $tiny -o clothing1m --json
holds out '"train": 14,'
holds out '"meta": 14,'
holds out '"valid": 14,'

mkdir -p animal/training animal/testing
i=0
while [ "$i" -lt 40 ]; do
    part=training
    [ "$i" -lt 30 ] || part=testing
    cp "$i.png" "animal/$part/$((i % 10))_$i.png"
    i=$((i + 1))
done
# shellcheck disable=SC2086
run 0 "the recipe for ANIMAL-10N" train "$recipes/animal10n-resnet18.yaml" \
    data.path=animal $tiny meta.per_class=1 meta.every=1 -o animal10n --json
holds out '"train": 30,'
holds out '"test": 10,'

mkdir -p web/info web/google/q0001 web/val_images_256
i=0
while [ "$i" -lt 24 ]; do
    if [ "$i" -lt 16 ]; then
        cp "$i.png" "web/google/q0001/$i.png"
        echo "google/q0001/$i.png $((i % 4 < 3 ? i % 4 : 77))" >>web/info/train_filelist_google.txt
    else
        cp "$i.png" "web/val_images_256/$i.png"
        echo "$i.png $((i % 4 < 3 ? i % 4 : 77))" >>web/info/val_filelist.txt
    fi
    i=$((i + 1))
done
# The commands of the recipe's own comment.
(cd web && sed -n 's/^#   \(awk .*\)/\1/p' "$recipes/webvision-mini-resnet50.yaml" | sh)
# shellcheck disable=SC2086
run 0 "the recipe for mini-WebVision" train "$recipes/webvision-mini-resnet50.yaml" \
    data.path=web/mini_train.txt data.test=web/mini_val.txt $tiny meta.per_class=1 \
    -o webvision --json
holds out '"train": 12,'
holds out '"test": 6,'

release=food/Food-101N_release
mkdir -p $release/meta food/food-101/meta
echo class_name/key >$release/meta/imagelist.tsv
printf 'class_name/key\tverification_label\n' >$release/meta/verified_train.tsv
i=0
while [ "$i" -lt 30 ]; do
    class=apple_pie
    [ $((i % 2)) -eq 0 ] || class=waffles
    if [ "$i" -lt 24 ]; then
        mkdir -p "$release/images/$class"
        cp "$i.png" "$release/images/$class/$i.jpg"
        echo "$class/$i.jpg" >>$release/meta/imagelist.tsv
        [ "$i" -ge 8 ] || printf '%s\t%d\n' "$class/$i.jpg" $((i < 4)) \
            >>$release/meta/verified_train.tsv
    else
        mkdir -p "food/food-101/images/$class"
        cp "$i.png" "food/food-101/images/$class/$i.jpg"
        echo "$class/$i" >>food/food-101/meta/test.txt
    fi
    i=$((i + 1))
done
(cd food && sed -n '/^#   awk/,/^#$/s/^#  *//p' "$recipes/food101n-resnet50.yaml" | sh)
# shellcheck disable=SC2086
run 0 "the recipe for Food-101N" train "$recipes/food101n-resnet50.yaml" \
    data.path=food/train.tsv data.meta_ids=food/meta.txt data.test=food/test.tsv $tiny \
    -o food101n --json
holds out '"train": 20,'
holds out '"meta": 4,'
holds out '"test": 6,'
finish
