#!/bin/sh
# mwnet fetch against a server on loopback: whole, broken off, changed, wrong, missing, hostile.
serve=$(cd "$(dirname "$0")" && pwd)/serve.py
. "$(dirname "$0")/common"
cd "$work" || exit 1
for python in "${PYTHON:-python3}" /usr/bin/python3; do
    "$python" -c 'import http.server' 2>/dev/null && break
    python=
done
[ -n "$python" ] || {
    echo "skip fetch: there is no Python for the server"
    exit 77
}
# Nothing here is to go through a proxy.
no_proxy=127.0.0.1
export no_proxy
unset http_proxy https_proxy ALL_PROXY all_proxy

# archive NAME FOLDER: a small archive of the layout of CIFAR-10.
archive() {
    mkdir -p "tree/$2"
    for file in data_batch_1 data_batch_2 data_batch_3 data_batch_4 data_batch_5 test_batch; do
        "$python" - "tree/$2/$file.bin" <<'TEXT'
import random, sys
random.seed(sys.argv[1])
with open(sys.argv[1], "wb") as out:
    for i in range(20):
        out.write(bytes([i % 10]) + random.randbytes(3072))
TEXT
    done
    printf 'a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n' >"tree/$2/batches.meta.txt"
    tar -C tree -czf "$1" "$2"
}

mkdir files
archive files/cifar-10-binary.tar.gz cifar-10-batches-bin
data idx
for file in train-images-idx3 train-labels-idx1 t10k-images-idx3 t10k-labels-idx1; do
    gzip -nc "idx/$file-ubyte" >"files/$file-ubyte.gz"
done
(cd files && sha256sum -- * >../sums && md5sum -- * >../md5sums)
size=$(wc -c <files/cifar-10-binary.tar.gz)

"$python" "$serve" files log >port 2>server_err &
server=$!
trap 'kill $server 2>/dev/null; cd /; chmod -R u+rwx "$work" 2>/dev/null; rm -rf "$work"' EXIT
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    [ -s port ] && break
    sleep 0.2
done
[ -s port ] || {
    echo "skip fetch: the server does not start: $(tail -n 1 server_err)"
    exit 77
}
url=http://127.0.0.1:$(cat port)

# unpacked DIR: the folder is the one that was packed, nothing is beside it.
unpacked() {
    if (cd "$1/cifar-10-batches-bin" && sha256sum --quiet -c SHA256SUMS) >/dev/null 2>&1 &&
        diff -r -x SHA256SUMS "$1/cifar-10-batches-bin" tree/cifar-10-batches-bin >/dev/null; then
        ok "$claim: every file is there"
    else
        bad "$claim: the folder is not what was packed"
    fi
    only "$1" cifar-10-batches-bin
}

# only DIR NAME...: the folder holds these and nothing else.
only() {
    dir=$1
    shift
    # shellcheck disable=SC2012
    [ "$(ls -A "$dir" 2>/dev/null | tr '\n' ' ')" = "$(printf '%s ' "$@")" ] &&
        ok "$claim: nothing else is there" || bad "$claim: there is $(ls -A "$dir" | tr '\n' ' ')"
}

# logged TEXT: a request was logged with this text.
logged() {
    grep -qE "$1" log && ok "$claim: request '$1'" || {
        bad "$claim: no request '$1'"
        sed 's/^/    /' log
    }
}

# requests N: so many since the log was emptied.
requests() {
    [ "$(wc -l <log)" -eq "$1" ] && ok "$claim: $1 requests" ||
        bad "$claim: $(wc -l <log) requests, expected $1"
}

: >log
run 0 "an archive" fetch cifar10 whole --from "$url/good" --sums sums
holds out "cifar10 is in whole ("
holds out "data.reader=cifar10 data.path=whole"
holds err "cifar-10-binary.tar.gz  download"
unpacked whole
requests 1
run 0 "once more" fetch cifar10 whole --from "$url/good" --sums sums
holds out "cifar10 is in whole already, and right: nothing to do."
requests 1
run 0 "as JSON" fetch cifar10 whole --sums sums --json -q
holds out '{"name": "cifar10", "dir": "whole", "reader": "cifar10", "files": 1, "fetched": 0, "bytes": 0,'
empty err
run 0 "what was fetched is read" info whole/cifar-10-batches-bin/test_batch.bin
holds out "kind = cifar10"
cp -r whole spoilt
printf x | dd of=spoilt/cifar-10-batches-bin/data_batch_3.bin bs=1 seek=9 conv=notrunc 2>/dev/null
run 3 "a file that changed" fetch cifar10 spoilt --from "$url/good" --sums sums
says err "cifar-10-binary.tar.gz  check
mwnet: spoilt/cifar-10-batches-bin/data_batch_3.bin: has changed since it was fetched
hint: move it away, or fetch into another folder"
rm spoilt/cifar-10-batches-bin/data_batch_3.bin
run 3 "a file that is gone" fetch cifar10 spoilt --sums sums
holds err "data_batch_3.bin: is missing"
rm spoilt/cifar-10-batches-bin/SHA256SUMS
run 3 "a folder of somebody else" fetch cifar10 spoilt --sums sums
holds err "spoilt/cifar-10-batches-bin: is there, but was not fetched by mwnet"
run 3 "of another archive" fetch cifar10 whole
holds err "whole/cifar-10-batches-bin: is of another archive than cifar-10-binary.tar.gz c4a38c50"

for how in plain moved; do
    run 0 "$how" fetch cifar10 $how --from "$url/$how" --sums md5sums -q
    unpacked $how
done

: >log
run 0 "cut off twice" fetch cifar10 cut --from "$url/cut/" --sums sums
unpacked cut
requests 3
logged "bytes=$((size / 2))- \"[0-9a-f]+\" 206"
holds err "wait"
: >log
run 4 "cut off, no retries" fetch cifar10 kept --from "$url/always-cut" --sums sums --retries 0
holds err "what has come is kept"
requests 1

# A process that was killed, and one that was stopped.
claim="killed"
: >log
"$MWNET" fetch cifar10 killed --from "$url/slow" --sums sums -q >out 2>err &
running=$!
sleep 0.6
kill -9 $running
wait $running 2>/dev/null
[ -e killed/cifar-10-batches-bin ] && bad "killed: a folder is there" || ok "killed: no folder yet"
claim="stopped"
"$MWNET" fetch cifar10 stopped --from "$url/slow" --sums sums -q >out 2>err &
running=$!
sleep 0.6
kill -TERM $running
wait $running
code=$?
[ "$code" -eq 143 ] && ok "stopped: 143" || bad "stopped: $code"
grep -q "stopped on request" err && ok "stopped: said" || bad "stopped: $(cat err)"
if [ -s stopped/cifar-10-binary.tar.gz.part ]; then
    ok "stopped: what has come is kept"
else
    bad "stopped: nothing is kept"
fi
have=$(wc -c <stopped/cifar-10-binary.tar.gz.part)
: >log
cp -r stopped changed
cp -r stopped strange
run 0 "goes on" fetch cifar10 stopped --from "$url/slow" --sums sums -q
unpacked stopped
logged "slow/.* bytes=$have- \"[0-9a-f]+\" 206"
run 0 "goes on at another server" fetch cifar10 changed --from "$url/changed" --sums sums -q
unpacked changed
logged "changed/.* bytes=$have- \"[0-9a-f]+\" 200"
# Without its tag a part is gone on with; the checksum finds that it was of another file.
rm strange/*.tag
printf y | dd of=strange/cifar-10-binary.tar.gz.part bs=1 seek=5 conv=notrunc 2>/dev/null
: >log
run 0 "a part of another file" fetch cifar10 strange --from "$url/good" --sums sums -q
unpacked strange
logged "bytes=$have- - 206"
requests 2
cp files/cifar-10-binary.tar.gz stale.part
mkdir full long
cp files/cifar-10-binary.tar.gz full/cifar-10-binary.tar.gz.part
run 0 "a part that is all there" fetch cifar10 full --from "$url/good" --sums sums -q
unpacked full
cat files/cifar-10-binary.tar.gz sums >long/cifar-10-binary.tar.gz.part
run 0 "a part that is too long" fetch cifar10 long --from "$url/good" --sums sums -q
unpacked long

: >log
run 0 "a busy server" fetch mnist busy --from "$url/busy" --sums sums -q
requests 8
run 0 "idle again" fetch fashion-mnist busy --sums sums --json -q
holds out '"files": 4, "fetched": 0'
rm busy/t10k-labels-idx1-ubyte.gz
run 0 "one of four" fetch mnist busy --from "$url/good" --sums sums --json -q
holds out '"files": 4, "fetched": 1'
run 0 "trains on it" train data.reader=idx data.path=busy model.name=mlp model.hidden=4 \
    method.name=ce train.epochs=1 train.backend=ref -q -o run
echo mine >busy/t10k-labels-idx1-ubyte.gz
run 3 "another file is there" fetch mnist busy --from "$url/good" --sums sums -q
holds err "busy/t10k-labels-idx1-ubyte.gz: is there, but is not the file that is published: its SHA-256 is "
[ "$(cat busy/t10k-labels-idx1-ubyte.gz)" = mine ] && ok "it is left alone" || bad "it is gone"

run 3 "wrong content" fetch mnist wrong --from "$url/good" -q --retries 0
holds err "$url/good/train-images-idx3-ubyte.gz: wrong checksum: its SHA-256 is $(sha256sum files/train-images-idx3-ubyte.gz | cut -d ' ' -f 1), expected 440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
claim="wrong content"
[ -z "$(ls -A wrong)" ] && ok "nothing is kept" || bad "there is $(ls -A wrong)"
mkdir more
head -c 9912423 /dev/zero >more/train-images-idx3-ubyte.gz
run 3 "more than there should be" fetch mnist wrong --from "file://$work/more" -q
holds err "is longer than the 9912422 bytes that it should have"
[ -z "$(ls -A wrong)" ] && ok "nothing is kept" || bad "there is $(ls -A wrong)"
run 0 "a folder" fetch mnist local --from "file://$work/files" --sums sums -q
same files local train-images-idx3-ubyte.gz t10k-labels-idx1-ubyte.gz

sed 's/train-images/other-images/' sums >fewer
run 3 "no checksum" fetch mnist none --from "$url/good" --sums fewer -q
holds err "fewer: has no checksum of train-images-idx3-ubyte.gz"
mv files/t10k-labels-idx1-ubyte.gz .
run 4 "404" fetch mnist none --from "$url/good" --sums sums -q
holds err "mwnet: $url/good/t10k-labels-idx1-ubyte.gz: the server answers 404 (not found)"
only none t10k-images-idx3-ubyte.gz train-images-idx3-ubyte.gz train-labels-idx1-ubyte.gz
run 4 "nobody there" fetch mnist none2 --from http://127.0.0.1:1 --sums sums -q
holds err "hint: is there a network? A proxy is named by the variable https_proxy"
run 4 "no such name" fetch mnist none2 --from http://nowhere.invalid --sums sums -q
holds err "nowhere.invalid"
run 4 "no such folder" fetch mnist none2 --from "file://$work/nothing" --sums sums -q
run 2 "not an address" fetch mnist none2 --from gopher://127.0.0.1/ --sums sums -q
holds err "hint: give the address of a folder: https://"
run 2 "no such data set" fetch cifar1O none2
says err "mwnet: 'cifar1O' is not one of cifar10, cifar100, mnist, fashion-mnist
hint: did you mean 'cifar10'?"
run 2 "which data set?" fetch
run 4 "no such sums" fetch mnist none2 --sums nothing
echo hello >nosums
run 3 "not a list of sums" fetch mnist none2 --sums nosums
holds err "nosums: line 1 is not 'SUM  NAME'"
echo file >occupied
run 4 "a file in the place of the folder" fetch mnist occupied --from "$url/good" --sums sums

# hostile CLAIM TAR_OPTION...: an archive that must not be unpacked.
hostile() {
    claim=$1
    shift
    mkdir -p evil
    tar -czf evil/cifar-10-binary.tar.gz "$@" 2>/dev/null
    (cd evil && sha256sum -- * >../evil_sums)
    run 3 "$claim" fetch cifar10 victim/in --from "file://$work/evil" --sums evil_sums -q
    [ -z "$(find victim -type f)" ] && ok "$claim: nothing is written" ||
        bad "$claim: there is $(find victim)"
    rm -rf evil victim
}
mkdir -p hostile/cifar-10-batches-bin/deep
echo x >hostile/cifar-10-batches-bin/a.bin
echo x >hostile/cifar-10-batches-bin/deep/b.bin
ln -s /etc/passwd hostile/cifar-10-batches-bin/link
ln hostile/cifar-10-batches-bin/a.bin hostile/cifar-10-batches-bin/hard
hostile "a path upwards" -C hostile --transform 's,^,../,' -P cifar-10-batches-bin/a.bin
holds err "holds '../cifar-10-batches-bin/a.bin', expected nothing but files in cifar-10-batches-bin"
hostile "a path upwards inside" -C hostile --transform 's,bin/,bin/../../,' -P cifar-10-batches-bin/a.bin
hostile "an absolute path" -P "$work/hostile/cifar-10-batches-bin/a.bin"
hostile "a link" -C hostile cifar-10-batches-bin/a.bin cifar-10-batches-bin/link
holds err "holds 'cifar-10-batches-bin/link'"
hostile "a hard link" -C hostile cifar-10-batches-bin/a.bin cifar-10-batches-bin/hard
hostile "a folder in the folder" -C hostile cifar-10-batches-bin/deep
hostile "another folder" -C hostile --transform 's,^cifar-10,cifar-11,' cifar-10-batches-bin/a.bin
hostile "no files" -T /dev/null
mkdir evil
head -c $((size / 2)) files/cifar-10-binary.tar.gz >evil/cifar-10-binary.tar.gz
(cd evil && sha256sum -- * >../evil_sums)
run 3 "half an archive" fetch cifar10 victim --from "file://$work/evil" --sums evil_sums -q
holds err "damaged archive"
[ -z "$(ls -A victim)" ] && ok "nothing is kept" || bad "there is $(ls -A victim)"

# A limit of file sizes stands in for a full disk: blocks of 512 bytes.
claim="full disk"
(
    trap '' XFSZ
    ulimit -f 100
    exec "$MWNET" fetch cifar10 small --from "$url/good" --sums sums -q
) >out 2>err
code=$?
[ "$code" -eq 4 ] && ok "full disk: 4" || bad "full disk: $code"
holds err "small/cifar-10-binary.tar.gz.part: cannot write"
run 0 "with room again" fetch cifar10 small --from "$url/good" --sums sums -q
unpacked small

# Two at once: one of them works, the other says so.
claim="two at once"
"$MWNET" fetch cifar10 twice --from "$url/slow" --sums sums -q >/dev/null 2>&1 &
running=$!
sleep 0.5
run 4 "two at once" fetch cifar10 twice --from "$url/good" --sums sums -q
holds err "twice: another process is working in this folder"
wait $running && ok "two at once: the first ends well" || bad "two at once: the first fails"
unpacked twice
finish
