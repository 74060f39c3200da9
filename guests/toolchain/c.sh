#!/usr/bin/env bash
# Puts clang 19 and the linker wasm-ld 19 under PREFIX: 60 MB to download, 300 MB on disk. PREFIX/clang compiles for
# wasm32-unknown-unknown; it does not link by itself (`-c`), as it would start a second clang without its libraries.
set -euo pipefail
prefix=$(realpath -m "${1:?usage: c.sh PREFIX}")
source "$(dirname "$0")/debian.sh"

unpack "$prefix" 'clang-19=1:19.1.7*' 'lld-19=1:19.1.7*' libclang-cpp19 libllvm19 libclang-common-19-dev libc6 libgcc-s1 \
    libstdc++6 zlib1g libzstd1 libxml2 libffi8 libedit2 libtinfo6 libbsd0 libmd0 liblzma5 libicu76 libz3-4
wrap "$prefix" wasm-ld usr/lib/llvm-19/bin/lld -flavor wasm
wrap "$prefix" clang usr/lib/llvm-19/bin/clang --target=wasm32-unknown-unknown -no-canonical-prefixes \
    "-resource-dir=$prefix/usr/lib/llvm-19/lib/clang/19"
"$prefix/clang" --version | head -n 1
"$prefix/wasm-ld" --version
