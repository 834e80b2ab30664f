#!/usr/bin/env bash
# Everything that has to hold: lint, format, types, import contracts, tests. Stops at the
# first failure. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."

started=$SECONDS
tools/needs.sh test
make --no-print-directory setup
tools/nginx.sh
tools/test_models.sh
mkdir -p build

step() { # NAME COMMAND…
    local name=$1 since=$SECONDS
    shift
    echo "── $name"
    "$@" || { echo "test: $name failed after $((SECONDS - started)) s" >&2; exit 1; }
    echo "   $((SECONDS - since)) s"
}
# Made meanwhile: what it waits for is the network and the disk.
tools/setup_tts.sh >build/tts-setup.log 2>&1 &
chatterbox=$!
step "ruff check" .venv/bin/ruff check
step "ruff format" .venv/bin/ruff format --check
step "pyright" .venv/bin/pyright
step "import contracts" .venv/bin/lint-imports --no-cache --no-logo
step "Chatterbox's environment" bash -c "tail --pid=$chatterbox -f /dev/null; cat build/tts-setup.log"
wait "$chatterbox" || { echo "test: Chatterbox's environment could not be made" >&2; exit 1; }
# Tests in real time fail when the host takes the processor away for a second. What failed
# runs once more, alone; what fails twice is broken. A test seen here often is to be mended.
pytest_twice() {
    # most wait for real time; files stay together, because they share services
    .venv/bin/pytest -n "$(($(nproc) + 1))" --maxprocesses 4 --dist loadfile --no-loadscope-reorder \
        "$@" </dev/null && return
    echo "── pytest, once more: only what failed"
    .venv/bin/pytest --last-failed --last-failed-no-failures none "$@" </dev/null
}
step "pytest" pytest_twice "$@"
# In an environment of its own, which it makes if need be; the long ones: make test-tts-all.
step "Chatterbox" tools/test_tts.sh -m "not slow"
echo "test: all green in $((SECONDS - started)) s"
