#!/bin/sh
# Installs what is missing and runs every test: `./test.sh`, or `./test.sh NAME` for one.
set -eu
cd "$(dirname "$0")"

missing=
for program in redis-server z3; do
    command -v "$program" >/dev/null 2>&1 || missing="$missing $program"
done
if [ -n "$missing" ]; then
    echo "missing:$missing; installing with apt-get"
    if [ "$(id -u)" -eq 0 ]; then sudo=; else sudo=sudo; fi
    $sudo apt-get update -qq
    # Each package is called as its program.
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $missing
fi

# Valkey is held against the model too. Where the distribution has none, it is unpacked from Debian's
# backports; where that does not work either its tests say that they are skipped.
valkey=target/valkey
if ! command -v valkey-server >/dev/null 2>&1 && [ ! -e $valkey/usr/bin/valkey-server ]; then
    ./tests/get_valkey.sh $valkey || echo "no valkey-server: its tests are skipped"
fi

# The tests run the program itself: built as they are, so that nothing is built twice.
cargo build --release --locked --workspace --bins --tests --examples
cargo test --release --locked --workspace -- "$@"
