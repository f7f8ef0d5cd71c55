#!/bin/sh
# Checks that nothing public is undocumented: every function of mwnet.h has a comment, every
# option row has help, docs/options.md, docs/methods.md and docs/results.md are current, and every
# command in the documents exists.
# usage: tools/check_docs.sh [BUILD]
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}
program=$build/mwnet
bad=0
complain() {
    echo "$*" >&2
    bad=1
}

awk '/^MWN_API/ && last !~ /\*\/$/ {
    print "include/mwnet.h:" FNR ": no comment above: " $0
    bad = 1
}
{ last = $0 }
END { exit bad }' include/mwnet.h >&2 || bad=1

options=$("$program" list options --json | tail -n 1 | tr '{' '\n' | grep '"key"') ||
    complain "mwnet list options --json prints no options"
printf '%s\n' "$options" | grep -vE '"help": *"[^"]{8,}' >&2 &&
    complain "the options above have no help"
keys=$(printf '%s\n' "$options" | sed 's/.*"key": *"\([^"]*\)".*/\1/')

tools/gen_options.sh "$program" | cmp -s - docs/options.md ||
    complain "docs/options.md is not current: tools/gen_options.sh > docs/options.md"

documents="README.md CONTRIBUTING.md docs/*.md docs/man/*.scd"
tools/gen_methods.sh "$program" | cmp -s - docs/methods.md ||
    complain "docs/methods.md is not current: tools/gen_methods.sh > docs/methods.md"
tools/gen_results.sh "$program" | cmp -s - docs/results.md ||
    complain "docs/results.md is not current: tools/gen_results.sh > new; mv new docs/results.md"

# shellcheck disable=SC2086
for key in $(grep -ohE '\b[a-z]+\.[a-z_]+=' $documents | tr -d = | sort -u |
    grep -v '^section\.'); do
    printf '%s\n' "$keys" | grep -qx "$key" || complain "documents name unknown option $key"
done
# shellcheck disable=SC2086
for word in $(grep -ohE '^ +\./dev [a-z]+' $documents | sed 's/.* //' | sort -u); do
    ./dev help | grep -qE "^ +\./dev $word\b" || complain "documents name unknown ./dev $word"
done
# shellcheck disable=SC2086
for word in $(grep -ohE '^ +(build/)?mwnet [a-z]+' $documents | sed 's/.* //' | sort -u); do
    "$program" help 2>&1 | grep -qE "\b$word\b" ||
        complain "documents name unknown command mwnet $word"
done
# shellcheck disable=SC2086
for file in $(grep -ohE '\b(recipes|tools|docs|examples|tests)/[A-Za-z0-9_./-]+\.(yaml|sh|md|c|svg)' \
    $documents | sort -u); do
    [ -e "$file" ] || complain "documents name a file that is not there: $file"
done
exit $bad
