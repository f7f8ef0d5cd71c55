#!/bin/sh
# Checks that every #include "dir/..." under src/ follows tools/layers.txt.
set -eu
cd "$(dirname "$0")/.."
awk '
FILENAME == "tools/layers.txt" {
    if ($0 ~ /^#/ || NF == 0)
        next
    from = $1
    sub(/:$/, "", from)
    known[from] = 1
    allowed[from, from] = 1
    for (i = 2; i <= NF; i++)
        allowed[from, $i] = 1
    next
}
FNR == 1 {
    split(FILENAME, part, "/")
    from = part[2]
    if (!(from in known)) {
        print FILENAME ": folder " from " is not in tools/layers.txt"
        bad = 1
    }
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
    split($0, piece, "\"")
    target = piece[2]
    if (target == "mwnet.h")
        next
    if (index(target, "/") == 0) {
        beside = "src/" from "/" target
        if ((getline line < beside) >= 0) {
            close(beside)
            next
        }
        print FILENAME ":" FNR ": no such file in its own folder: " target
        bad = 1
        next
    }
    to = substr(target, 1, index(target, "/") - 1)
    if (!((from, to) in allowed)) {
        print FILENAME ":" FNR ": " from " may not include " target
        bad = 1
    }
}
END { exit bad }' tools/layers.txt src/*/*.[ch] $(find src -name "*.inc")
# Third-party headers have one home each.
bad=0
for rule in 'dnnl.h nn/backend_dnnl.c|nn/dnnl_shim.h' 'yaml.h train/|base/' 'zlib.h base/file.c' \
    'turbojpeg.h data/image' 'spng.h data/image_png.c' 'zimg.h data/image_resize.c' \
    'curl.h fetch/' 'archive.h fetch/unpack.c' 'evp.h fetch/digest.c' \
    'onnx.pb-c.h train/onnx_file.c'; do
    header=${rule%% *} home=${rule#* }
    if grep -lE "^ *# *include *<([a-z]+/)*$header>" src/*/*.[ch] | grep -vE "^src/($home)"; then
        echo "$header may only be included in src/$home" >&2
        bad=1
    fi
done
exit $bad
