#!/usr/bin/env bash
# Builds the modules in `wasm/` and writes their digests, with the toolchains that ../toolchain/rust.sh and c.sh put under a
# prefix. The same bytes come out of every folder; `--check` builds elsewhere and compares with what is there.
# Usage: build.sh [--check] RUST_PREFIX C_PREFIX
#
# Modules have no import, at most 64 MiB of memory and 64 KiB of it as stack. They are built for speed (opt-level 3):
# for size (s) they are a tenth smaller and take up to twice as long for a row.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
check=false
if [ "${1-}" = --check ]; then
    check=true
    shift
fi
rust=$(realpath "${1:?usage: build.sh [--check] RUST_PREFIX C_PREFIX}")
c=$(realpath "${2:?usage: build.sh [--check] RUST_PREFIX C_PREFIX}")
readonly MEMORY_BYTES=67108864 STACK_BYTES=65536

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/wasm"

# Of the flags of the machine's own configuration none may enter.
flags=(-C "link-arg=--max-memory=$MEMORY_BYTES" -C link-arg=-zstack-size="$STACK_BYTES"
    --remap-path-prefix "$(dirname "$here")=guests" --remap-path-prefix "$work=target")
CARGO_ENCODED_RUSTFLAGS=$(printf '%s\x1f' "${flags[@]}")
export CARGO_ENCODED_RUSTFLAGS=${CARGO_ENCODED_RUSTFLAGS%$'\x1f'}
(cd "$here" && env -u RUSTFLAGS RUSTC="$rust/rustc" CARGO_TARGET_DIR="$work/target" \
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER="$rust/lld" \
    cargo build --quiet --release --locked --target wasm32-unknown-unknown)
for module in "$work"/target/wasm32-unknown-unknown/release/*.wasm; do
    name=$(basename "$module" .wasm)
    cp "$module" "$work/wasm/${name//_/-}.wasm"
done

# The example in C, which is what the contract looks like from another language.
(cd "$here/../sdk/c" && "$c/clang" -std=c11 -Wall -Wextra -Werror -O3 -c mean.c -o "$work/mean.o")
"$c/wasm-ld" --no-entry --strip-all "--max-memory=$MEMORY_BYTES" -z stack-size="$STACK_BYTES" "$work/mean.o" \
    -o "$work/wasm/mean.wasm"

(cd "$work/wasm" && sha256sum -- *.wasm > SHA256SUMS)
if $check; then
    diff "$here/wasm/SHA256SUMS" "$work/wasm/SHA256SUMS"
    (cd "$here/wasm" && sha256sum --check --strict --quiet SHA256SUMS)
    echo "$(wc -l < "$here/wasm/SHA256SUMS") modules are as their source builds them"
else
    mkdir -p "$here/wasm"
    chmod 644 "$work"/wasm/*
    cp "$work"/wasm/* "$here/wasm/"
fi
