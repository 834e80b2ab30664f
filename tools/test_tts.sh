#!/usr/bin/env bash
# The tests of Chatterbox, in the environment that it needs. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."

tools/setup_tts.sh
# Warnings there are of the stock package and what it imports; here they are no errors.
OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} .venv-tts/bin/python -m pytest tests/engines/chatterbox tests/services_tts \
    -o filterwarnings= -p no:cacheprovider "$@"
