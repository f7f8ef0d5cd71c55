#!/bin/sh
# Runs clang-tidy 14 over every C file, each with the flags that make compiles it with.
# usage: tools/check_tidy.sh [FILE...]
set -eu
cd "$(dirname "$0")/.."
command -v clang-tidy-14 >/dev/null || {
    echo "clang-tidy-14 is not to be had here; other versions find other things"
    exit 77
}
database=$(mktemp -d)
trap 'rm -rf "$database"' EXIT
make -s CC=clang BUILD="$database/build" made
make -nB CC=clang BUILD="$database/build" all tests examples bench 2>/dev/null |
    awk -v dir="$PWD" '
    BEGIN { print "[" }
    /^clang .* -c .* -o / {
        sub(/ -c /, " -D__NO_CTYPE -c ") # tolower() as a call, not as a nest of macros
        gsub(/"/, "\\\"")
        match($0, / -c [^ ]+/)
        file = substr($0, RSTART + 4, RLENGTH - 4)
        if (file ~ /\.pb-c\.c$/)
            next
        printf "%s{\"directory\": \"%s\", \"file\": \"%s\", \"command\": \"%s\"}\n", \
            count++ ? "," : "", dir, file, $0
    }
    END { print "]" }' >"$database/compile_commands.json"
if [ $# -eq 0 ]; then
    # shellcheck disable=SC2046
    set -- $(sed -n 's/.*"file": "\([^"]*\)".*/\1/p' "$database/compile_commands.json")
fi
printf '%s\n' "$@" |
    xargs -n 1 -P "$(nproc)" clang-tidy-14 --quiet -p "$database" 2>&1 |
    grep -vE '^[0-9]+ warnings? generated|^Suppressed|^Use -header-filter' >"$database/found" ||
    true
cat "$database/found"
[ ! -s "$database/found" ]
