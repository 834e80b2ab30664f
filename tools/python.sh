#!/usr/bin/env bash
# Prints the Python to make the environment with: $PYTHON, or the first on PATH that is ≥ 3.11.
set -euo pipefail

for python in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        echo "$python"
        exit 0
    fi
done
echo "No Python 3.11 or newer found${PYTHON:+ (PYTHON=$PYTHON)}." >&2
exit 1
