#!/bin/sh
# Checks what is tracked for things that do not belong into a public tree: absolute paths of
# somebody's machine, unfinished marks, stray white space, missing final newlines.
set -eu
cd "$(dirname "$0")/.."
bad=0
files=$(git ls-files -co --exclude-standard | grep -vE '\.(npy|png|gz|bin|safetensors|golden)$|^fuzz/corpus/image/' |
    while read -r file; do [ -f "$file" ] && echo "$file"; done)
check() {
    # shellcheck disable=SC2086
    if grep -nIE "$2" $files /dev/null | grep -v '^tools/check_text.sh:'; then
        echo "^ $1" >&2
        bad=1
    fi
}
check "a path of one machine" '(^|[^A-Za-z0-9_.])/(home|root|work|Users)/'
# shellcheck disable=SC2016
for host in $(apt-get indextargets --format '$(SITE)' 2>/dev/null |
    sed 's|.*//||; s|[/:].*||' | grep -v '\.debian\.org$' | sort -u); do
    check "the package mirror of one machine" "$(printf '%s' "$host" | sed 's/\./\\./g')"
done
check "an unfinished mark" '\b(TODO|FIXME|XXX)\b'
check "white space at the end of a line" '[ 	]+$'
check "a merge mark" '^(<<<<<<<|>>>>>>>)'
for file in $files; do
    if [ -s "$file" ] && [ -n "$(tail -c 1 "$file")" ]; then
        echo "$file: no newline at the end" >&2
        bad=1
    fi
done
exit $bad
