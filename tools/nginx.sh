#!/usr/bin/env bash
# Debian's nginx in .venv/nginx, for the tests of calls behind a proxy: unpacked and not
# installed, so that no web server is started. Where there is an nginx, that one is taken.
set -euo pipefail
cd "$(dirname "$0")/.."

# by full path: sbin is not on the PATH of a Debian user
if [[ -x /usr/sbin/nginx || -x .venv/nginx/usr/sbin/nginx ]]; then exit 0; fi
if ! command -v apt-get >/dev/null; then
    echo "setup: no nginx here: install it for the tests of calls behind a proxy" >&2
    exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fetch() { (cd "$work" && apt-get -qq download nginx) >"$work/log" 2>&1; }
# a fresh system knows no packages yet
if ! fetch && { ! apt-get -qq update >>"$work/log" 2>&1 || ! fetch; }; then
    tail -n 5 "$work/log" >&2
    echo "setup: nginx could not be downloaded (without root: apt-get update as root first)" >&2
    exit 1
fi
dpkg -x "$work"/nginx_*.deb .venv/nginx
echo "setup: nginx is in .venv/nginx"
