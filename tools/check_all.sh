#!/bin/sh
# Runs every check of form; ./dev check installs what they need and calls this.
# The last line is "check: N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/.." || exit 1
passed=0 failed=0 skipped=0
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT

# check LABEL COMMAND...: exit code 77 is a skip.
check() {
    label=$1
    shift
    "$@" >"$out" 2>&1
    case $? in
    0) word=ok passed=$((passed + 1)) ;;
    77) word=skip skipped=$((skipped + 1)) ;;
    *) word=FAIL failed=$((failed + 1)) ;;
    esac
    printf '%-4s  %s\n' "$word" "$label"
    [ "$word" = ok ] || sed 's/^/      /' "$out"
}

formatting() {
    command -v clang-format-14 >/dev/null || {
        echo "clang-format-14 is not to be had here; other versions format differently"
        return 77
    }
    wrong=$(find include src tests examples bench '(' -name '*.[ch]' -o -name '*.inc' ')' \
        -exec clang-format-14 --dry-run -Werror {} + 2>&1 | sed -n 's/: error: .*//p' |
        cut -d: -f1 | sort | uniq -c)
    [ -z "$wrong" ] || {
        echo "places that clang-format would change; ./dev format does it:"
        printf '%s\n' "$wrong"
        return 1
    }
}

check "formatting (clang-format 14)" formatting
check "layers (tools/layers.txt)" tools/check_layers.sh
check "functions of at most 60 lines" tools/fn_length.sh
check "headers compile alone, mwnet.h as C++" tools/check_headers.sh
check "documents (functions, options, commands)" tools/check_docs.sh "${BUILD:-build}"
check "text (paths, marks, white space)" tools/check_text.sh
check "clang-tidy 14" tools/check_tidy.sh
echo "check: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
