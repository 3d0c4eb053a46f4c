# Sourced by test, behind setup.sh: installs packages of Debian and Ubuntu, where that needs no password.

# For the one who runs this, or by way of a sudo that does not ask.
may_install() {
    [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null
}

package_is_installed() {
    dpkg-query --show --showformat='${Status}' "$1" 2>/dev/null | grep -q ' installed$'
}

# The packages among the arguments that are not installed.
absent_packages() {
    for package; do
        package_is_installed "$package" || echo "$package"
    done
}

# Installs the packages. Services among them are not started: they would only be in the way.
install_packages() {
    as_root=
    [ "$(id -u)" -eq 0 ] || as_root=sudo
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | $as_root install -m 755 /dev/stdin "$policy"
        made_policy=yes
    fi
    [ -n "${updated:-}" ] || $as_root apt-get update --quiet
    updated=yes
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes --no-install-recommends "$@"
    status=$?
    [ -z "${made_policy:-}" ] || $as_root rm -f "$policy"
    return $status
}

# The packages for what this machine lacks to build: a compiler that can link (and one for C++, which libFuzzer is), and the
# interpreter with venv and headers. An interpreter that is of no package is somebody's own business.
lacking_build_packages() {
    { can_link && command -v c++ >/dev/null; } || echo build-essential
    interpreter=$(command -v "${PYTHON:-python3}") || {
        [ -n "${PYTHON:-}" ] || echo python3 python3-venv python3-dev
        return
    }
    dpkg-query --search "$(readlink -f "$interpreter")" >/dev/null 2>&1 || return 0
    has_venv "$interpreter" || echo "${interpreter##*/}-venv"
    has_headers "$interpreter" || echo "${interpreter##*/}-dev"
}

# Installs those, or says how, and fails.
require_build_packages() {
    command -v dpkg-query >/dev/null || return 0
    lacking=$(lacking_build_packages)
    [ -n "$lacking" ] || return 0
    may_install || die "what building needs is missing: sudo apt install" $lacking
    install_packages $lacking || die "these packages cannot be installed:" $lacking
}

# What the tests run beside Millau: the front servers, and what CGI programs are written in.
TEST_PACKAGES="git nginx apache2 libapache2-mod-fcgid lighttpd lighttpd-mod-openssl openssl perl"
# What answers are compared with: mod_python, and old CGI programs in Perl, C and Python. Not every release has them; what
# needs one that is missing is left out, and says so.
COMPARED_PACKAGES="libapache2-mod-python awstats gitweb libcgi-pm-perl cgit nagios4-cgi mercurial"

# Installs what the tests need, or says how, and fails.
require_test_packages() {
    command -v dpkg-query >/dev/null || return 0
    absent=$(absent_packages $TEST_PACKAGES)
    [ -z "$absent" ] || may_install ||
        die "the tests run these beside Millau, and they are missing: sudo apt install" $absent
    [ -z "$absent" ] || install_packages $absent || die "these packages cannot be installed:" $absent
    may_install || return 0
    for package in $(absent_packages $COMPARED_PACKAGES); do
        install_packages "$package" || echo "$package cannot be installed here: what is compared with it is left out"
    done
}
