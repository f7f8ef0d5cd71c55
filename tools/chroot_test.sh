#!/bin/sh
# Tries the README's commands on a fresh Debian: makes a bare system in a temporary folder,
# puts git and a clean clone into it, and runs each command as the first one typed there.
#
# usage (as root): tools/chroot_test.sh bookworm|trixie [COMMAND...]
#   COMMAND   default: "./dev demo" "./dev test"; each gets a fresh copy of the system
#
# Needs debootstrap and a Debian mirror: $MIRROR, else the one that this machine's apt uses.
# ../shared is copied too where it is there, so that the tests that need it run.
# CHROOT_KEEP=dir keeps the bare systems there for the next time.
set -eu
cd "$(dirname "$0")/.."
suite=${1:?usage: tools/chroot_test.sh bookworm|trixie [COMMAND...]}
shift
[ $# -gt 0 ] || set -- './dev demo' './dev test'
[ "$(id -u)" -eq 0 ] || {
    echo "skip: a chroot needs root"
    exit 77
}
command -v debootstrap >/dev/null || {
    echo "skip: debootstrap is not installed"
    exit 77
}

# shellcheck disable=SC2016 # The first address in apt's sources that serves the suite's main archive.
mirror=${MIRROR:-$(apt-get indextargets --format '$(SITE) $(CODENAME) $(ORIGIN)' 2>/dev/null |
    awk '$3 == "Debian" && $2 !~ /-/ { print $1; exit }')}
[ -n "$mirror" ] || mirror=$(sed -n 's/^URIs: *\([^ ]*debian\/*\) *$/\1/p;
    s/^deb \(\[.*\] \)*\([^ ]*debian\/*\) .*/\2/p' /etc/apt/sources.list \
    /etc/apt/sources.list.d/*.sources 2>/dev/null | head -n 1)
[ -n "$mirror" ] || {
    echo "skip: no Debian mirror among apt's sources; set MIRROR"
    exit 77
}

work=$(mktemp -d)
# shellcheck disable=SC2317
leave() {
    for point in "$work"/system*/proc "$work"/system*/dev/shm; do
        ! mountpoint -q "$point" 2>/dev/null || umount "$point"
    done
    if grep -q " $work/" /proc/self/mounts; then
        echo "still mounted below $work; not removed" >&2
    else
        rm -rf --one-file-system "$work"
    fi
}
trap leave EXIT
trap 'exit 130' INT TERM

base=${CHROOT_KEEP:-$work}/$suite.tar
if [ ! -s "$base" ]; then
    echo "== debootstrap $suite"
    debootstrap --variant=minbase --include=git,ca-certificates "$suite" "$work/system" \
        "$mirror" >"$work/log" 2>&1 || {
        tail -n 20 "$work/log"
        exit 1
    }
    for part in /etc/apt/apt.conf.d/*prox* /etc/resolv.conf /etc/hosts; do
        [ -e "$part" ] && cp -L "$part" "$work/system$part"
    done
    mkdir -p "$(dirname "$base")"
    tar -C "$work/system" -cf "$base.part" .
    mv "$base.part" "$base"
    rm -rf "$work/system"
fi

status=0 number=0
for command in "$@"; do
    number=$((number + 1))
    root=$work/system$number
    mkdir "$root"
    tar -C "$root" -xf "$base"
    mount -t proc proc "$root/proc"
    mkdir -p "$root/dev/shm"
    mount -t tmpfs tmpfs "$root/dev/shm"
    mkdir "$root/src"
    git clone -q --no-hardlinks . "$root/src/mwnet"
    if [ -d ../shared ]; then
        mkdir "$root/src/shared"
        cp -r ../shared/. "$root/src/shared"
    fi
    echo "== $suite, $(nproc) cores: $command"
    began=$(date +%s)
    if chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LANG=C \
        sh -c "cd /src/mwnet && $command" </dev/null; then
        word=ok
    else
        word="not ok" status=1
    fi
    echo "$word - $suite: $command ($(($(date +%s) - began)) s)"
    umount "$root/proc" "$root/dev/shm"
    rm -rf --one-file-system "$root"
done
exit $status
