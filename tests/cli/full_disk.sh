#!/bin/sh
# Full disks: exit code 4, the file is named, and the run can be taken up when there is room.
. "$(dirname "$0")/common"
cd "$work" || exit 1
data data
recipe small.yaml

if [ -c /dev/full ]; then
    "$MWNET" list options >/dev/full 2>err
    code=$?
    [ "$code" -eq 4 ] && ok "standard output full: 4" || bad "standard output full: $code"
    grep -q '^mwnet: standard output: cannot write: ' err && ok "standard output full: said" ||
        bad "standard output full: $(cat err)"
else
    echo "skip there is no /dev/full"
fi

# A limit of file sizes stands in for a full disk: blocks of 512 bytes.
run 0 "whole run" train small.yaml data.path=data -q -o whole
(
    trap '' XFSZ
    ulimit -f 8
    exec "$MWNET" train small.yaml data.path=data -q -o limited
) >out 2>err
code=$?
[ "$code" -eq 4 ] && ok "no room for a checkpoint: 4" || bad "no room for a checkpoint: $code"
grep -q 'cannot write' err && ok "no room: said" || bad "no room: $(cat err)"
find limited -name '*.tmp-*' 2>/dev/null | grep -q . && bad "half a file is left" ||
    ok "no half a file is left"
if [ -d limited ]; then
    run 0 "taken up with room" train --resume limited -q
    same whole limited last/state.safetensors last/model.safetensors weights.npy
fi

if [ "$(id -u)" -eq 0 ] && mkdir disk && mount -t tmpfs -o size=40k tmpfs disk 2>/dev/null; then
    run 4 "small disk" train small.yaml data.path=data model.hidden=200 -q -o disk/run
    holds err "disk/run/"
    umount disk
else
    echo "skip small disk: no tmpfs can be mounted here"
fi
finish
