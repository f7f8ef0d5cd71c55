#!/bin/sh
# The example of a model of one's own runs, and its weights help: Meta-Weight-Net is better than
# plain training by at least 3 points, and V falls with the loss.
set -eu
program=${BUILD:-build}/examples/own_model
[ -x "$program" ] || {
    echo "skip $program was not built"
    exit 77
}
out=$("$program")
printf '%s\n' "$out" | awk '
    { sub(/%/, "") }
    $2 == "accuracy" { accuracy[$1] = $3; first[$1] = $7; last[$1] = $NF }
    END {
        good = accuracy["ce"] > 50 && accuracy["mwnet"] > accuracy["ce"] + 3
        print (good ? "ok" : "not ok"), "accuracy", accuracy["ce"], "->", accuracy["mwnet"]
        falls = first["mwnet"] > last["mwnet"] + 0.1
        print (falls ? "ok" : "not ok"), "V falls from", first["mwnet"], "to", last["mwnet"]
        exit !(good && falls)
    }'
