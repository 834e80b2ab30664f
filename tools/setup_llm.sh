#!/usr/bin/env bash
# Makes .venv-llm: llama.cpp's server for Python, which speaks OpenAI's chat completions, and brings
# SmolLM2-135M-Instruct (98 MB). An environment of its own: nothing of it is imported by this
# project, and it needs no torch. It comes as source code and is built here: a C++ compiler, and
# 6 minutes of processor time. A second call does nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

environment=.venv-llm
wanted=$(cat tools/setup_llm.sh requirements-llm.lock | cksum)
if ! [[ -r $environment/.ready && $(<"$environment/.ready") == "$wanted" ]]; then
    if ! command -v c++ >/dev/null; then
        echo "No C++ compiler: as root, apt-get install -y g++" >&2
        exit 1
    fi
    started=$SECONDS
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    "$(tools/python.sh)" -m venv --clear "$environment"
    pip=("$environment/bin/python" -m pip --disable-pip-version-check --quiet install
        --require-hashes)

    block() { # NAME: its lines of the lock file
        sed -n "/^$1==/,/^[^ ].*==/{/^$1==\|^ /p}" requirements-llm.lock
    }
    # What builds it goes first, and then builds without fetching anything unlocked.
    for name in cmake ninja scikit-build-core packaging pathspec; do block "$name"; done >"$log.lock"
    "${pip[@]}" --no-deps -r "$log.lock" 2>"$log" || { tail -n 20 "$log" >&2; exit 1; }
    rm -f "$log.lock"
    # Not for the very processor of this machine: a virtual one may announce AMX and kill who
    # uses it. No programs and no pictures: they are half of the build.
    export CMAKE_ARGS="-DGGML_NATIVE=OFF -DLLAVA_BUILD=OFF -DLLAMA_BUILD_TOOLS=OFF
        -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=OFF"
    CMAKE_BUILD_PARALLEL_LEVEL=$(nproc)
    export CMAKE_BUILD_PARALLEL_LEVEL
    echo "setup: building llama.cpp into $environment, which takes minutes"
    # pip would take a wheel that it built before with other options
    if ! PATH="$PWD/$environment/bin:$PATH" "${pip[@]}" --no-build-isolation --no-cache-dir \
        -r requirements-llm.lock >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        echo "setup: llama.cpp could not be built." >&2
        exit 1
    fi
    echo "$wanted" >"$environment/.ready"
    echo "setup: done in $((SECONDS - started)) s, $(du -sm "$environment" | cut -f1) MB in $environment"
fi
.venv/bin/voice-agent models pull smollm2-135m-instruct >/dev/null
