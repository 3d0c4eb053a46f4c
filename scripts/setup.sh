# Sourced by demo, test and fuzz, from the root of the checkout: says in one line what the machine
# lacks, makes .venv, and builds the wheel into it. Everything is kept, so that a second run is quick.
# PYTHON names another interpreter than python3.

VENV=$PWD/.venv
WHEELS=dist

die() {
    echo "error: $*" >&2
    exit 1
}

require_python() {
    PYTHON=${PYTHON:-python3}
    command -v "$PYTHON" >/dev/null ||
        die "$PYTHON is missing; on Debian or Ubuntu: sudo apt install python3 python3-venv"
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
        die "Millau needs Python 3.10 or newer and this is $("$PYTHON" -V 2>&1); name another one: PYTHON=python3.12 $0"
    has_venv "$PYTHON" || die "$PYTHON has no venv module; on Debian or Ubuntu: sudo apt install python3-venv"
}

has_venv() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null
}

# Some of the frameworks in tests/requirements.txt are compiled when they are installed.
require_headers() {
    has_headers "$PYTHON" ||
        die "the headers of $PYTHON are missing, and tests need them; on Debian or Ubuntu: sudo apt install python3-dev"
}

has_headers() {
    "$1" -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' \
        2>/dev/null
}

require_rust() {
    PATH=$PATH:${CARGO_HOME:-${HOME:-}/.cargo}/bin
    rust_minimum=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    rust_remedy="install stable Rust with rustup (https://rustup.rs; Debian 13, Ubuntu 24.04 and newer: sudo apt install rustup && rustup default stable)"
    for program in cargo rustc; do
        "$program" --version >/dev/null 2>&1 || die "$program is missing; $rust_remedy"
    done
    rust_version=$(rustc --version | cut -d ' ' -f 2)
    at_least "$rust_version" "$rust_minimum" ||
        die "Millau needs Rust $rust_minimum or newer and this is $rust_version; rustup update stable, or $rust_remedy"
}

# Whether version $1 is not older than version $2; only the first two numbers count.
at_least() {
    [ "$(echo "$1" | awk -F. '{ print $1 * 1000 + $2 }')" -ge "$(echo "$2" | awk -F. '{ print $1 * 1000 + $2 }')" ]
}

require_linker() {
    can_link ||
        die "a C compiler that can link is missing, and Rust links with it; on Debian or Ubuntu: sudo apt install build-essential"
}

# Linking for real also finds a compiler without the C library's files.
can_link() {
    program=$(mktemp)
    echo 'int main(void) { return 0; }' | cc -x c -o "$program" - 2>/dev/null
    linked=$?
    rm -f "$program"
    return $linked
}

# Makes .venv, or makes it again if its interpreter is gone.
make_venv() {
    "$VENV/bin/python" -c 'import pip' 2>/dev/null && return
    echo "making .venv with $("$PYTHON" -V)"
    "$PYTHON" -m venv --clear "$VENV"
}

# install_requirements NAME ARGUMENT...: pip install, skipped if the same was installed under NAME before.
install_requirements() {
    stamp=$VENV/installed-$1
    shift
    wanted=$(for argument; do
        if [ -f "$argument" ]; then cat "$argument"; else echo "$argument"; fi
    done)
    [ -f "$stamp" ] && [ "$wanted" = "$(cat "$stamp")" ] && return
    echo "installing Python packages: $*"
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check "$@" || return
    echo "$wanted" >"$stamp"
}

# build_wheel PROFILE: leaves one wheel in dist, or in target/wheels if it is not for release. maturin must be in .venv.
build_wheel() {
    [ "$1" = release ] || WHEELS=target/wheels
    rm -f "$WHEELS"/millau-*.whl
    VIRTUAL_ENV=$VENV "$VENV/bin/maturin" build --profile "$1" --locked --out "$WHEELS"
}

# Installs that wheel, unless it is the one that is installed already.
install_wheel() {
    stamp=$VENV/installed-wheel
    wheel_sum=$(cksum <"$(wheel)")
    [ -f "$stamp" ] && [ "$wheel_sum" = "$(cat "$stamp")" ] && [ -x "$VENV/bin/millau" ] && return
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-index --force-reinstall "$(wheel)" ||
        return
    echo "$wheel_sum" >"$stamp"
}

wheel() {
    echo "$WHEELS"/millau-*.whl
}
