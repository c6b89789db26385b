#!/bin/sh
# Installs what is missing and runs every test: `./test.sh`, or `./test.sh NAME` for one.
set -eu
cd "$(dirname "$0")"

if ! command -v redis-server >/dev/null 2>&1; then
    echo "redis-server is missing; installing it with apt-get"
    if [ "$(id -u)" -eq 0 ]; then sudo=; else sudo=sudo; fi
    $sudo apt-get update -qq
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq redis-server
fi

# The tests of the command line run the program itself.
cargo build --release --locked
cargo test --release --locked --workspace -- "$@"
