#!/bin/sh
# Prints docs/methods.md, made from the program's list of methods, the comment that opens each
# method's source, and its option rows.
# usage: tools/gen_methods.sh [PROGRAM] > docs/methods.md
set -eu
cd "$(dirname "$0")/.."
program=${1:-build/mwnet}
methods=$("$program" list methods --json | tail -n 1 | tr '{' '\n' | grep '"name"')
options=$("$program" list options --json | tail -n 1 | tr '{' '\n' | grep '"method": ')

# field LINE NAME: a text of the JSON object in LINE.
field() {
    printf '%s\n' "$1" | sed -n 's/.*"'"$2"'": *"\(\([^"\\]\|\\.\)*\)".*/\1/p' |
        sed 's/\\\(.\)/\1/g'
}

# The rows of a method's options.
option_rows() {
    printf '%s\n' "$options" | grep '"method": *"'"$1"'"' | while IFS= read -r line; do
        printf '| `%s` | `%s` | %s |\n' "$(field "$line" key)" "$(field "$line" default)" \
            "$(field "$line" help | sed 's/|/\\|/g')"
    done
}

cat <<'TEXT'
# Methods

Made by `tools/gen_methods.sh` from the sources themselves; do not edit. Every method is a file in
`src/methods`, whose opening comment is shown here: its formula, where it is from, and where it is
not what was published. Choose one by `method.name=NAME`; its options are only valid with it.

In the formulas w are the parameters of the classifier, lr the learning rate of the iteration,
l_i the cross-entropy of sample i of a batch of n, y_i its label as given, m the samples of the
meta batch, C (or classes) the number of classes, and Opt_w a step of the optimiser of section
`train`.

| method | what it does | meta set |
|---|---|---|
TEXT
printf '%s\n' "$methods" | while IFS= read -r line; do
    name=$(field "$line" name)
    meta=no
    case $line in *'"meta_set": true'*) meta=yes ;; esac
    printf '| [`%s`](#%s) | %s | %s |\n' "$name" "$name" "$(field "$line" summary)" "$meta"
done
printf '%s\n' "$methods" | while IFS= read -r line; do
    name=$(field "$line" name)
    printf '\n## %s\n\nReference: %s.\n\n```text\n' "$name" "$(field "$line" reference)"
    # The comment as it stands, without its marks and the name of the file.
    awk '{ last = /\*\/$/; sub(/ *\*\/$/, ""); sub(/^\/\* [a-z0-9_]+\.c - /, ""); sub(/^ \*( |$)/, "")
           print; if (last) exit }' "src/methods/$name.c"
    printf '```\n'
    rows=$(option_rows "$name")
    [ -z "$rows" ] || printf '\n| option | default | meaning |\n|---|---|---|\n%s\n' "$rows"
done
