#!/usr/bin/env bash
# Makes tests/assets/whisper-micro anew: speech, training, export, figures. On two cores it
# takes MINUTES (default 85) and a little more; stopped, it goes on where it was. What it needs
# is in an environment of its own (1.5 GB), as torch is not needed for anything else here.
set -euo pipefail
cd "$(dirname "$0")/.."

work=${WORK:-build/test-whisper}
environment=.venv-train
packages=(
    ctranslate2==4.8.5 espeakng-loader==0.2.4 faster-whisper==1.2.1 jiwer==4.0.0
    numpy==2.4.6 soxr==1.1.0 tokenizers==0.23.3 torch==2.13.0
)

if [[ ! -e $environment/.ready ]]; then
    "$(tools/python.sh)" -m venv --clear "$environment"
    "$environment/bin/python" -m pip --disable-pip-version-check --quiet install "${packages[@]}"
    touch "$environment/.ready"
fi
mkdir -p "$work"

# On a busy machine threads that spin while they wait cost half the speed; memory that is given
# back after each step costs another tenth.
export OPENBLAS_NUM_THREADS=1 OMP_WAIT_POLICY=passive
export GLIBC_TUNABLES=glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=4000000000:glibc.malloc.top_pad=268435456
exec nice -n 10 "$environment/bin/python" -m tools.train_test_whisper \
    --work "$work" --minutes "${MINUTES:-85}" "$@"
