#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# check_install.sh BUILD: installs a build into an empty prefix and builds and runs examples/embed against it by
# pkg-config, with the shared and with the static library.  Prints TAP.
set -u
build=$(realpath "${1:?usage: check_install.sh BUILD}")
cd "$(dirname "$0")/.." || exit 1
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT

n=0
failed=0
step() { # step NAME COMMAND...
    local name=$1
    shift
    n=$((n + 1))
    if output=$("$@" 2>&1); then echo "ok $n - $name"; else
        sed 's/^/# /' <<<"$output" | tail -20
        echo "not ok $n - $name"
        failed=1
    fi
}

step "install into an empty folder" env DESTDIR="$prefix" meson install -C "$build" --no-rebuild --quiet
pc=$(find "$prefix" -name libhpo.pc | head -1)
export PKG_CONFIG_PATH=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$prefix
library=$(dirname "${pc%/*}")
step "pkg-config knows libhpo" pkg-config --exists --print-errors "libhpo >= $(tools/version.sh)"
for source in examples/embed/*.c; do
    program=$prefix/$(basename "$source" .c)
    # shellcheck disable=SC2046
    step "$(basename "$source") builds against the installed shared library" \
        cc -std=c17 -Wall -Wextra -Wpedantic -Werror "$source" -o "$program" $(pkg-config --cflags --libs libhpo) -lm
    step "$(basename "$source") runs" env -C "$prefix" LD_LIBRARY_PATH="$library" "$program"
    # shellcheck disable=SC2046
    step "$(basename "$source") builds against the installed static library" \
        cc -std=c17 -Wall -Wextra -Wpedantic -Werror "$source" -o "$program-static" $(pkg-config --cflags libhpo) \
        "$library/libhpo.a" $(PKG_CONFIG_SYSROOT_DIR='' pkg-config --libs-only-l --static libhpo | sed 's/-lhpo//')
    step "$(basename "$source") runs, linked statically" env -C "$prefix" "$program-static"
done
step "the command runs" "$(find "$prefix" -path '*/bin/hpo')" --version
step "the man page is installed" test -s "$(find "$prefix" -name 'hpo.1*' | head -1)"
echo "1..$n"
exit $failed
