#!/usr/bin/env bash
# The tests of Chatterbox, in the environment that it needs. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."

tools/setup_tts.sh
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
# Warnings there are of the stock package and what it imports; here they are no errors. A slow
# test is no hung one: no stacks after a minute.
pytest=(
    .venv-tts/bin/python -m pytest tests/services_tts tests/engines/chatterbox
    -o filterwarnings= -o faulthandler_timeout=0 -o cache_dir=build/pytest-tts --disable-warnings
)
# Two at once, on a thread each. What failed runs once more, alone, as in tools/test.sh.
"${pytest[@]}" -n 2 --dist loadgroup "$@" </dev/null && exit
echo "── once more: only what failed"
"${pytest[@]}" --last-failed --last-failed-no-failures none "$@" </dev/null
