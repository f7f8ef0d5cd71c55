#!/bin/sh
# The README's commands, each as the first one typed on a fresh Debian 12 and 13.
# Takes about half an hour; skipped without root or debootstrap.
status=0
for suite in bookworm trixie; do
    tools/chroot_test.sh $suite './dev demo' './dev test'
    case $? in
    0) ;;
    77) exit 77 ;;
    *) status=1 ;;
    esac
done
exit $status
