#!/usr/bin/env bash
# Brings the models that tests listen and speak with into the folder of models, if they are not
# there; takes no time if they are. tests/real_models.py finds them, and says which is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p build

for model in base tiny.en en_US-joe-medium; do
    .venv/bin/voice-agent models pull "$model" >/dev/null 2>build/models.log ||
        echo "test: $(tail -n 1 build/models.log)" >&2
done
