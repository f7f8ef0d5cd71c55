#!/bin/sh
# Exported models say in ONNX Runtime what they say here: every network after a few steps on real
# pictures, and the published ResNet-20 against its published logits. Needs Node.js, and npm once
# to fetch onnxruntime-node (into $BUILD/onnx; or name a folder that has it in $ONNX_MODULES).
if [ "${MWNET_TIER:-full}" = fast ]; then
    echo "skip ONNX Runtime is for './dev test full'"
    exit 77
fi
if ! command -v node >/dev/null; then
    echo "skip there is no node to run ONNX Runtime with"
    exit 77
fi
shared=${MWNET_SHARED:-../shared}/data
fashion=$shared/fashion_mnist_subset
if [ ! -s "$fashion/t10k-1000-images-idx3-ubyte.gz" ]; then
    echo "skip $shared has no Fashion-MNIST"
    exit 77
fi
shared=$(cd "$shared" && pwd)
tests=$(cd "$(dirname "$0")/.." && pwd)
. "$tests/cli/common"
if nm "$MWNET" 2>/dev/null | grep -q __asan; then
    echo "skip too slow under a sanitizer"
    exit 77
fi
if [ -z "${ONNX_MODULES:-}" ]; then
    mkdir -p "${BUILD:-build}/onnx"
    ONNX_MODULES=$(cd "${BUILD:-build}/onnx" && pwd)
    cp "$tests/onnx/package.json" "$ONNX_MODULES/"
    # Its install script only fetches what is for graphics cards.
    [ -d "$ONNX_MODULES/node_modules/onnxruntime-node" ] || {
        command -v npm >/dev/null &&
            (cd "$ONNX_MODULES" && timeout 300 npm install --ignore-scripts --no-audit \
                --no-fund >/dev/null 2>&1)
    }
fi
export ONNX_MODULES
if ! (cd "$ONNX_MODULES" && node -e 'require("onnxruntime-node")') 2>/dev/null; then
    echo "skip onnxruntime-node is not to be had"
    exit 77
fi
cd "$work" || exit 1
mkdir fashion
for part in images-idx3 labels-idx1; do
    ln -s "$shared/fashion_mnist_subset/train-5000-$part-ubyte.gz" \
        "fashion/train-$part-ubyte.gz"
    ln -s "$shared/fashion_mnist_subset/t10k-1000-$part-ubyte.gz" \
        "fashion/t10k-$part-ubyte.gz"
done

# agree CLAIM ARGUMENT...: compare.js finds no difference.
agree() {
    claim=$1
    shift
    if node "$tests/onnx/compare.js" "$@" >said 2>&1; then
        ok "$claim: $(cat said)"
    else
        bad "$claim: $(cat said)"
    fi
}

# network NAME SETTING...: trains a few steps, exports, compares.
network() {
    name=$1
    shift
    run 0 "$name is trained" train data.reader=idx data.path=fashion data.limit=320 \
        method.name=ce "model.name=$@" train.epochs=1 train.batch=16 train.lr=0.01 \
        bn.momentum=0.3 -q -o "run-$name"
    run 0 "$name is exported" export "run-$name" --onnx "$name.onnx"
    run 0 "$name predicts" predict "run-$name" fashion -q --format npy -o "$name.npy"
    agree "$name in ONNX Runtime" "$name.onnx" fashion/t10k-images-idx3-ubyte.gz "$name.npy"
    rm -rf "run-$name" "$name.onnx"
}

network mlp mlp model.hidden=32,16 model.dropout=0.2
network normed mlp model.hidden=32,16,8 model.norm=batch
network linear mlp model.hidden=
network smallconv smallconv model.dropout=0.3
network resnet8-a resnet8
network resnet8-b resnet8 model.shortcut=B
network wide wrn-10-2 model.dropout=0.2
network preact preact-resnet18
network resnet18 resnet18
network resnet50 resnet50

model=$shared/pretrained_cifar10/resnet20-12fca82f.safetensors
if [ -s "$model" ] && [ -s "$shared/cifar10/test_batch.bin.xz" ] &&
    command -v xz >/dev/null; then
    mkdir cifar
    xz -dc "$shared/cifar10/test_batch.bin.xz" >cifar/test_batch.bin
    run 2 "samples of a file from elsewhere" export "$model" model.name=resnet20 --onnx r.onnx
    holds err "does not say how large its samples are"
    run 0 "ResNet-20 is exported" export "$model" model.name=resnet20 data.reader=cifar10 \
        data.path=cifar data.normalize=imagenet --onnx r.onnx
    agree "ResNet-20 against its published logits" r.onnx cifar/test_batch.bin \
        "$shared/pretrained_cifar10/resnet20-12fca82f.test_logits_first256.npy" logits
else
    echo "skip $shared has no CIFAR-10 or no pretrained ResNet-20"
fi
finish
