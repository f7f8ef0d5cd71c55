#!/bin/sh
# Puts the last ./dev demo into the README: its output as text, its curves as a picture.
set -eu
cd "$(dirname "$0")/.."
mkdir -p docs/img
build/examples/compare_runs --svg runs/demo/ce runs/demo/mwnet >docs/img/demo.svg.part
mv docs/img/demo.svg.part docs/img/demo.svg
awk -v output=runs/demo/output.txt '
/^<!-- demo output/ {
    print
    print "```"
    while ((getline line < output) > 0)
        print line
    print "```"
    skip = 1
}
/^<!-- end -->/ { skip = 0 }
!skip' README.md >README.md.part
mv README.md.part README.md
