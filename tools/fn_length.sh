#!/bin/sh
# Lists functions longer than 60 lines, braces included; fails if there is one.
# Relies on the brace style that clang-format enforces: { and } of a function in column 1.
set -eu
cd "$(dirname "$0")/.."
# shellcheck disable=SC2046
awk -v limit="${1:-60}" '
FNR == 1 { inside = 0 }
/^[A-Za-z_].*\(/ { name = $0 }
/^{/ { inside = 1; start = FNR }
/^}/ && inside {
    inside = 0
    if (FNR - start + 1 > limit) {
        printf "%s:%d: %d lines: %s\n", FILENAME, start, FNR - start + 1, name
        bad = 1
    }
}
END { exit bad }' $(find src tests examples bench include -name '*.[ch]' -o -name '*.inc')
