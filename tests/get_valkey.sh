#!/bin/sh
# Unpacks valkey-server from Debian's backports: `tests/get_valkey.sh DIRECTORY`. Nothing is installed,
# and apt's own lists stay as they are.
set -eu
directory=$1
keys=/usr/share/keyrings/debian-archive-keyring.gpg
release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
if [ ! -e $keys ] || [ -z "$release" ]; then
    echo "not a Debian: install valkey-server 8, or name one in VALKEY_SERVER" >&2
    exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/sources" "$directory"
mirror="http://deb.debian.org/debian $release-backports main"
echo "deb [signed-by=$keys] $mirror" >"$work/sources.list"
fetch() {
    (cd "$work" && apt-get -qq -o Dir::Etc::SourceList="$work/sources.list" \
        -o Dir::Etc::SourceParts="$work/sources" -o Dir::State::Lists="$work/lists" \
        -o Dir::Cache="$work/cache" -o APT::Sandbox::User="$(id -un)" "$@")
}
fetch update
# The server's package has the service, and that of the tools the program.
fetch download valkey-tools valkey-server
for package in "$work"/*.deb; do
    dpkg -x "$package" "$directory"
done
"$directory/usr/bin/valkey-server" --version
