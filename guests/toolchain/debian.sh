# Unpacks packages of one Debian release into a folder; nothing is installed, and the machine's own sources stay as
# they are. Sourced by rust.sh and c.sh.
#
# The mirror is the one that the machine uses, or DEBIAN_MIRROR. Packages are verified with the archive's keys.

readonly RELEASE=trixie

# unpack PREFIX PACKAGE..: a package may carry a version, `name=1.85.1*`.
unpack() {
    local prefix=$1 folder mirror
    shift
    folder=$(mktemp -d)
    mkdir -p "$folder"/{lists/partial,cache/archives/partial,packages} "$prefix"
    mirror=${DEBIAN_MIRROR:-$(sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/debian.sources | head -n 1)}
    cat > "$folder/release.sources" <<END
Types: deb
URIs: $mirror
Suites: $RELEASE
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END
    local apt=(apt-get -qq -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$folder/"
        -o Dir::Etc::preferencesparts=/dev/null -o "Dir::State::lists=$folder/lists" -o "Dir::Cache=$folder/cache"
        -o APT::Sandbox::User=root)
    "${apt[@]}" update
    (cd "$folder/packages" && "${apt[@]}" download "$@")
    for package in "$folder"/packages/*.deb; do
        dpkg-deb --show --showformat '${Package} ${Version}\n' "$package"
        dpkg -x "$package" "$prefix"
    done > "$prefix/packages.txt"
    rm -rf "$folder" "$prefix/usr/share/doc"
    cat "$prefix/packages.txt"
}

# wrap PREFIX NAME PROGRAM [ARGUMENT..]: makes PREFIX/NAME run a program with the release's own libraries.
wrap() {
    local prefix=$1 name=$2 program=$3
    shift 3
    local libraries="$prefix/usr/lib/x86_64-linux-gnu"
    printf '#!/bin/sh\nexec %q --library-path %q %q %s "$@"\n' \
        "$libraries/ld-linux-x86-64.so.2" "$libraries:$prefix/usr/lib/llvm-19/lib" "$prefix/$program" "$*" > "$prefix/$name"
    chmod +x "$prefix/$name"
}
