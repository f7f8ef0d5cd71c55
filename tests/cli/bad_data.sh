#!/bin/sh
# Damaged, missing and contradicting input: what is said, the exit code, and nothing is left.
. "$(dirname "$0")/common"
cd "$work" || exit 1
data data
recipe small.yaml

# broken CODE CLAIM TEXT: trains on the data in broken/.
broken() {
    run "$1" "$2" train small.yaml data.path=broken -o made
    holds err "$3"
    [ -e made ] && bad "$2: a folder is left" || ok "$2: no folder is left"
    rm -rf broken made
    cp -r data broken
}

cp -r data broken
run 4 "no folder" train small.yaml data.path=nothing -o made
holds err "nothing"
rm broken/train-labels-idx1-ubyte
broken 4 "no labels" "train-labels-idx1-ubyte"
rm broken/t10k-images-idx3-ubyte
broken 4 "no test images" "t10k-images-idx3-ubyte"
head -c 2000 data/train-images-idx3-ubyte >broken/train-images-idx3-ubyte
broken 3 "truncated images" "broken/train-images-idx3-ubyte: "
head -c 50 data/train-labels-idx1-ubyte >broken/train-labels-idx1-ubyte
broken 3 "truncated labels" "broken/train-labels-idx1-ubyte: "
echo more >>broken/train-images-idx3-ubyte
broken 3 "oversized images" "broken/train-images-idx3-ubyte: "
head -c 10 data/train-images-idx3-ubyte >broken/train-images-idx3-ubyte
broken 3 "truncated header" "broken/train-images-idx3-ubyte: "
: >broken/train-images-idx3-ubyte
broken 3 "empty file" "broken/train-images-idx3-ubyte: "
echo "this is not IDX" >broken/train-images-idx3-ubyte
broken 3 "not IDX" "broken/train-images-idx3-ubyte: "
idx_labels broken/train-labels-idx1-ubyte 100 4
broken 3 "fewer labels than images" "100"
gzip -c data/train-images-idx3-ubyte | head -c 1500 >broken/train-images-idx3-ubyte.gz
rm broken/train-images-idx3-ubyte
broken 3 "truncated gzip" "broken/train-images-idx3-ubyte.gz: "
cp data/train-images-idx3-ubyte broken/t10k-images-idx3-ubyte
idx_labels broken/t10k-labels-idx1-ubyte 120 4
broken 3 "the same images in training and test set" "broken"

run 3 "a meta set larger than a class" train small.yaml data.path=data \
    data.meta_per_class=31 -o made
holds err "data.meta_per_class=31"
run 2 "no meta set" train small.yaml data.path=data data.meta_per_class=0 -o made
says err "mwnet: data.meta_per_class: method 'mwnet' needs a meta set, but there is none
hint: name samples that were checked: data.meta, data.meta_ids, or data.meta_per_class=10 if all labels are right; or do without: meta.source=lowest_loss meta.loss=mae"
run 2 "unknown noise" train small.yaml data.path=data data.noise=unifrom -o made
holds err "uniform"
run 2 "unknown reader" train small.yaml data.path=data data.reader=idxx -o made
holds err "idxx"
run 2 "unknown network" train small.yaml data.path=data model.name=resnet33 -o made
holds err "resnet33"
run 4 "the data of another reader" train small.yaml data.path=data data.reader=cifar10 -o made
holds err "data/data_batch_1.bin"
run 6 "divergence" train small.yaml data.path=data method.name=ce train.lr=1e5 \
    train.epochs=20 -q -o diverged
holds err "mwnet: epoch 1, step "
holds err "lower train.lr"

# Root may read and write everywhere, so these go by another user.
chmod 711 .
chmod -R a+rX data
mkdir locked fixed
chmod 000 locked
chmod 555 fixed
if [ "$(id -u)" -ne 0 ]; then
    as=
elif setpriv --reuid=65534 --regid=65534 --clear-groups "$MWNET" --version >out 2>&1; then
    as="setpriv --reuid=65534 --regid=65534 --clear-groups"
else
    as=none
    echo "skip unreadable folder: no other user can run the program here"
fi
if [ "$as" != none ]; then
    $as "$MWNET" train data.path=locked model.name=mlp data.meta_per_class=1 -o made >out 2>err
    code=$?
    [ "$code" -eq 4 ] && ok "unreadable folder: 4" || bad "unreadable folder: $code"
    claim="unreadable folder"
    holds err "locked"
    $as "$MWNET" train data.path=data model.name=mlp data.meta_per_class=1 -o fixed/run >out 2>err
    code=$?
    [ "$code" -eq 4 ] && ok "unwritable folder: 4" || bad "unwritable folder: $code"
    claim="unwritable folder"
    holds err "fixed/run"
fi
chmod 755 locked fixed
[ -e made ] && bad "a folder is left" || ok "no folder is left"

echo "12345678{}" >odd.safetensors
run 3 "not a model" eval odd.safetensors data.path=data model.name=mlp
holds err "odd.safetensors: "
run 4 "no model" eval nothing.safetensors data.path=data model.name=mlp
holds err "nothing.safetensors: "
run 4 "a folder without a run" eval data
holds err "data: the folder holds no model"
finish
