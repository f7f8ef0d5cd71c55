#!/bin/sh
# Checks that each header compiles alone as C17, and mwnet.h as C++ too. The *_list.h files
# are X-macro lists and mean nothing alone.
set -eu
cd "$(dirname "$0")/.."
cc=${CC:-gcc}
bad=0
have_dnnl=$(echo '#include <dnnl.h>' | $cc -E - >/dev/null 2>&1 && echo 1 || true)
for header in include/*.h src/*/*.h; do
    case $header in
    *_list.h) continue ;;
    *dnnl*) [ -n "$have_dnnl" ] || continue ;;
    esac
    name=${header#include/}
    name=${name#src/}
    printf '#include "%s"\n' "$name" |
        $cc -std=c17 -D_GNU_SOURCE -DMWN_HAVE_DNNL -Iinclude -Isrc -Wall -Wextra -Werror \
            -fopenmp -fsyntax-only -x c - || {
        echo "$header does not compile alone" >&2
        bad=1
    }
done
cxx=
for candidate in g++ clang++; do
    command -v $candidate >/dev/null && cxx=$candidate && break
done
if [ -n "$cxx" ]; then
    echo '#include "mwnet.h"' | $cxx -std=c++11 -Wall -Wextra -Wpedantic -Werror -Iinclude \
        -fsyntax-only -x c++ - || bad=1
else
    echo "skipped: mwnet.h as C++ (no C++ compiler)"
fi
exit $bad
