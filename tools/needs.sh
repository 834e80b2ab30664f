#!/usr/bin/env bash
# Makes sure that the system has what pip cannot bring:
#   tools/needs.sh        Python ≥ 3.11 that can make virtual environments
#   tools/needs.sh test   the same and what the page's tests need: Chromium, and the one
#                         library that Playwright's driver takes from the system
# Missing Debian packages are installed as root; anyone else is told the one line to run.
set -euo pipefail

cd "$(dirname "$0")/.."

missing=()
# Debian's python3 comes without ensurepip: that is the package python3-venv.
if ! .venv/bin/python -m pip --version >/dev/null 2>&1 &&
    ! "$(tools/python.sh 2>/dev/null || echo false)" -c 'import ensurepip, venv' 2>/dev/null; then
    missing+=(python3-venv)
fi
if [[ ${1:-} == test ]]; then
    if ! command -v chromium >/dev/null; then missing+=(chromium); fi
    # By its full path: sbin is not on the PATH of a Debian user.
    if [[ -x /sbin/ldconfig ]] && ! grep -q libatomic.so.1 <<<"$(/sbin/ldconfig -p)"; then
        missing+=(libatomic1)
    fi
fi
if [[ ${#missing[@]} -eq 0 ]]; then exit 0; fi

install="apt-get install -y --no-install-recommends ${missing[*]}"
if [[ $(id -u) -ne 0 ]] || ! command -v apt-get >/dev/null; then
    echo "Missing on this system: ${missing[*]}. As root, or with sudo before it, run:" >&2
    echo "  sh -c 'apt-get update && $install'" >&2
    exit 1
fi

echo "setup: installing ${missing[*]} from Debian"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The lock of another apt-get (unattended upgrades on a fresh machine) is waited for.
apt=(apt-get -o DPkg::Lock::Timeout=300 -qq)
if ! { "${apt[@]}" update && DEBIAN_FRONTEND=noninteractive "${apt[@]}" ${install#apt-get }; } \
    </dev/null >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    exit 1
fi
