# Sourced by test and by .ci/run: installs packages of Debian and Ubuntu.

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
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install --quiet --yes --no-install-recommends "$@"
    status=$?
    [ -z "${made_policy:-}" ] || $as_root rm -f "$policy"
    return $status
}

# What the tests run beside Millau: the front servers, and what CGI programs are written in.
TEST_PACKAGES="nginx apache2 libapache2-mod-fcgid lighttpd lighttpd-mod-openssl openssl perl"
# What answers are compared with: mod_python, and old CGI programs in Perl, C and Python. Not every release has them; what
# needs one that is missing is left out, and says so.
COMPARED_PACKAGES="libapache2-mod-python awstats gitweb libcgi-pm-perl cgit nagios4-cgi mercurial"

# As root, installs what the tests need; otherwise says how, and fails.
require_test_packages() {
    command -v dpkg-query >/dev/null || return 0
    absent=$(absent_packages $TEST_PACKAGES)
    [ -z "$absent" ] || [ "$(id -u)" -eq 0 ] ||
        die "the tests run these beside Millau, and they are missing: sudo apt install" $absent
    [ -z "$absent" ] || install_packages $absent || die "these packages cannot be installed:" $absent
    [ "$(id -u)" -eq 0 ] || return 0
    for package in $(absent_packages $COMPARED_PACKAGES); do
        install_packages "$package" || echo "$package cannot be installed here: what is compared with it is left out"
    done
}
