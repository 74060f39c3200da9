#!/usr/bin/env bash
# Puts rustc 1.85.1 with the standard library for wasm32-unknown-unknown and the linker lld 19 under PREFIX:
# 200 MB to download, 800 MB on disk. What the modules in guests/algorithms/wasm are built with.
set -euo pipefail
prefix=$(realpath -m "${1:?usage: rust.sh PREFIX}")
source "$(dirname "$0")/debian.sh"

unpack "$prefix" 'rustc=1.85.1*' 'libstd-rust-1.85=1.85.1*' 'libstd-rust-dev=1.85.1*' 'libstd-rust-dev-wasm32=1.85.1*' \
    lld-19 libllvm19 libc6 libgcc-s1 libstdc++6 zlib1g libzstd1 libxml2 libffi8 libedit2 libtinfo6 libbsd0 libmd0 liblzma5 \
    libicu76 libz3-4
wrap "$prefix" rustc usr/bin/rustc
# rustc itself says which linker of the family it means.
wrap "$prefix" lld usr/lib/llvm-19/bin/lld
"$prefix/rustc" --version
"$prefix/lld" -flavor wasm --version
