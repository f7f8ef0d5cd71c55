#!/bin/sh
# Prints docs/results.md with the tables that are made from the records of finished runs,
# docs/records/NAME and recipes/tables/NAME.yaml, each between <!-- NAME --> and <!-- end -->.
# usage: tools/gen_results.sh [MWNET] > new; mv new docs/results.md
set -eu
cd "$(dirname "$0")/.."
program=${1:-build/mwnet}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# Nothing is trained: the one cell that is asked for is done. Headings go two levels down.
for records in docs/records/*; do
    name=${records#docs/records/}
    cp -r "$records" "$tmp/$name"
    done=$(cd "$records" && ls -d -- */*/* | head -n 1)
    "$program" table "recipes/tables/$name.yaml" data.path=none -o "$tmp/$name" --only "$done" -q \
        >/dev/null
    sed -n '2,$ { s/^#/###/; p; }' "$tmp/$name/table.md" >"$tmp/$name.md"
done

awk -v tmp="$tmp" '
skipping && /^<!-- end -->$/ { skipping = 0 }
!skipping { print }
/^<!-- [a-z0-9-]+ -->$/ && $2 != "end" {
    skipping = 1
    while ((getline line <(tmp "/" $2 ".md")) > 0)
        print line
}' docs/results.md
