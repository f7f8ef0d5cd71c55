#!/bin/sh
# A .npy file ten times as large as the address space that the program may use: an epoch of a
# linear classifier on it. Takes some minutes and 3.3 GB of the disk.
. "$(dirname "$0")/../cli/common"
cd "$work" || exit 1

limit=300000   # KiB of address space
rows=800000    # of 1024 floats: 3,276,800,000 bytes
[ "$(df -Pk . | awk 'NR == 2 { print $4 }')" -gt 4000000 ] || {
    echo "skip a large .npy file: less than 4 GB free in $work"
    exit 77
}

# header TYPE SHAPE: the 128 bytes in front of an array's items.
header() {
    printf '\223NUMPY\001\000\166\000'
    printf '%-117s\n' "{'descr': '$1', 'fortran_order': False, 'shape': ($2), }"
}

# The bytes of base64 text are finite floats, 1e-13 to 3e35 in size.
mkdir data
{
    header '<f4' "$rows, 1024"
    base64 /dev/urandom | head -c $((rows * 4096))
} >data/X_train.npy
{
    header '|u1' "$rows,"
    tr -dc '\000-\003' </dev/urandom | head -c "$rows"
} >data/y_train.npy

ulimit -v "$limit"
run 0 "an epoch on a file ten times the address space" train data.path=data data.reader=npy \
    data.test_share=0.01 data.threads=0 model.name=mlp model.hidden= method.name=ce \
    train.epochs=1 train.batch=100 train.lr=0.01 train.threads=1 -q -o made
sed 's/^/    /' "$work/out"
holds out "792000 train"
run 0 "the plan" train --dry-run data.path=data data.reader=npy data.test_share=0.01 \
    data.threads=0 model.name=mlp model.hidden= method.name=ce train.threads=1 train.batch=100
holds out "792000"
finish
