#!/bin/sh
# The published ResNet-20 has its published accuracy on the CIFAR-10 test set.
shared=${MWNET_SHARED:-../shared}/data
model=$shared/pretrained_cifar10/resnet20-12fca82f.safetensors
if [ ! -s "$model" ] || [ ! -s "$shared/cifar10/test_batch.bin.xz" ] || ! command -v xz >/dev/null; then
    echo "skip $shared has no CIFAR-10 or no pretrained ResNet-20"
    exit 77
fi
shared=$(cd "$shared" && pwd)
model=$shared/pretrained_cifar10/resnet20-12fca82f.safetensors
. "$(dirname "$0")/common"
cd "$work" || exit 1
if nm "$MWNET" 2>/dev/null | grep -q __asan; then
    echo "skip too slow under a sanitizer"
    exit 77
fi
mkdir cifar
xz -dc "$shared/cifar10/test_batch.bin.xz" >cifar/test_batch.bin
run 0 "ResNet-20 is evaluated" eval "$model" model.name=resnet20 data.reader=cifar10 \
    data.path=cifar data.normalize=imagenet --json
holds out '"accuracy": 91.73,'
holds out '"samples": 10000,'
run 7 "as a ResNet-32 it does not fit" eval "$model" model.name=resnet32 \
    data.reader=cifar10 data.path=cifar data.normalize=imagenet
holds err "no tensor 'layer1.3.conv1.weight' of shape [16, 16, 3, 3], which the model needs"
run 2 "its network must be said" eval "$model" data.reader=cifar10 data.path=cifar
holds err "does not say which network it is"
finish
