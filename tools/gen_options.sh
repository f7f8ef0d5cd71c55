#!/bin/sh
# Prints docs/options.md, made from the option rows of the program.
# usage: tools/gen_options.sh [PROGRAM] > docs/options.md
set -eu
cd "$(dirname "$0")/.."
cat <<'TEXT'
# Options

Made by `tools/gen_options.sh` from the program itself; do not edit. Write an option into a
recipe as `section:` and below it `name: value`, or on the command line as
`section.name=value`. `mwnet list options` prints the same list.

TEXT
"${1:-build/mwnet}" list options --json | tail -n 1 | tr '{' '\n' | awk '
function field(name, text) {
    if (!match($0, "\"" name "\": *(\"[^\"]*\"|\\[[^]]*]|[^],}]*)"))
        return ""
    text = substr($0, RSTART, RLENGTH)
    sub("^\"" name "\": *", "", text)
    gsub(/^"|"$/, "", text)
    gsub(/\|/, "\\|", text)
    return text
}
# What an option takes: its choices, its range, or its type.
function values(text) {
    text = field("choices")
    gsub(/[]["]/, "", text)
    if (text != "")
        return text
    text = field("range")
    gsub(/[][]/, "", text)
    sub(/, */, " .. ", text)
    return field("type") (text == "" ? "" : ", " text)
}
/"key"/ {
    key = field("key")
    section = substr(key, 1, index(key, ".") - 1)
    if (section != last)
        printf "%s## %s\n\n| option | default | values | meaning |\n|---|---|---|---|\n", \
            last == "" ? "" : "\n", section
    last = section
    printf "| `%s` | `%s` | %s | %s |\n", key, field("default"), values(), \
        (field("method") == "" ? "" : "(" field("method") ") ") field("help")
}'
