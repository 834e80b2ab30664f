#!/usr/bin/env bash
# Makes .venv-piper-tts: the piper-tts package, which make bench-tts runs as a program and compares
# with. An environment of its own because it is GPL-3: nothing of ours imports it.
# A second call does nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

package=piper-tts==1.8.0
environment=.venv-piper-tts
stamp=$environment/.ready
if [[ -f $stamp && $(<"$stamp") == "$package" ]]; then exit 0; fi

rm -rf "$environment"
"$(tools/python.sh)" -m venv "$environment"
"$environment/bin/pip" install --quiet --disable-pip-version-check "$package"
echo "$package" > "$stamp"
echo "$environment: $package"
