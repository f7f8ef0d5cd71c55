#!/bin/sh
# Draws the README's picture from the runs of the last ./dev demo.
set -eu
cd "$(dirname "$0")/.."
mkdir -p docs/img
build/examples/compare_runs --svg runs/demo/ce runs/demo/mwnet >docs/img/demo.svg.part
mv docs/img/demo.svg.part docs/img/demo.svg
