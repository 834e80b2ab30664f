#!/usr/bin/env bash
# Makes .venv-tts: the services as .venv has them, and what Chatterbox runs on. An environment
# of its own because torch is 1 GB that nothing else here needs.
#   tools/setup_tts.sh          torch for a CPU where the package index has it; enough for tests
#   tools/setup_tts.sh --cuda   torch as the package index has it: with CUDA on Linux
# A second call with the same option does nothing. ENVIRONMENT=DIR makes it somewhere else.
set -euo pipefail
cd "$(dirname "$0")/.."

environment=${ENVIRONMENT:-.venv-tts}
case ${1:-} in
    "") torch=torch==2.13.0 ;;        # a version `+cpu` goes before the plain one
    --cuda) torch=torch===2.13.0 ;;   # exactly this string: no `+cpu`
    *) echo "usage: tools/setup_tts.sh [--cuda]" >&2; exit 2 ;;
esac

# What the model classes import, newest of the day; numpy, tokenizers and the rest come from
# requirements.lock.
stack=(
    "$torch" diffusers==0.42.1 einops==0.8.2 librosa==0.11.0 omegaconf==2.4.0 onnx==1.23.2
    pyloudnorm==0.2.0 safetensors==0.8.0 scipy==1.17.1 transformers==5.23.0
    setuptools==80.10.2   # Perth needs pkg_resources, which 81 dropped; without it, it is None
)
# These name exact old versions of the above, or sizes of torch that are not here; they run
# well on the newer ones. chatterbox-tts must not be there: it brings the same module.
without_dependencies=(
    chatterbox-streaming==0.1.2 conformer==0.3.2 resemble-perth==1.0.1 s3tokenizer==0.3.0
    torchaudio==2.11.0
)
tests=(httpx2 hatchling psutil==7.2.2 pytest==9.2.0 pytest-asyncio==1.5.0 pytest-xdist==3.8.0 soundfile)

wanted=$(cat tools/setup_tts.sh requirements.lock | cksum)" $torch"
if [[ -r $environment/.ready && $(<"$environment/.ready") == "$wanted" ]]; then exit 0; fi

started=$SECONDS
python=$environment/bin/python
if ! "$python" -m pip --version >/dev/null 2>&1; then
    "$(tools/python.sh)" -m venv --clear "$environment"
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pip=("$python" -m pip --disable-pip-version-check --quiet)
# What the services run on, in the versions of the lock file, and what they need besides.
sed -n 's/^\([a-z0-9._-]*\)\(\[[^]]*\]\)\{0,1\}==\([^ ;]*\).*/\1==\3/p' requirements.lock >"$work/locked"

install() { # COMMAND…: installs with it
    "$@" --require-hashes -r requirements.lock || return
    "$@" --constraint "$work/locked" "${stack[@]}" "${tests[@]}" || return
    "$@" --no-deps "${without_dependencies[@]}" || return
    "$@" --no-deps --no-build-isolation --editable .
}
install_with_uv() {
    # uv at its locked version; see tools/setup.sh
    sed -n '/^uv==/,/^[^ ].*==/{/^uv==\|^ /p}' requirements-dev.lock >"$work/uv"
    "${pip[@]}" install --require-hashes --no-deps -r "$work/uv" || return
    local mirror wheels
    mirror=${PIP_INDEX_URL:-$("${pip[@]}" config get global.index-url 2>/dev/null || true)}
    if [[ -n $mirror ]]; then export UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-$mirror}; fi
    # a folder of wheels is where a torch for CPUs may be
    wheels=${PIP_FIND_LINKS:-$("${pip[@]}" config get global.find-links 2>/dev/null || true)}
    if [[ -n $wheels ]]; then export UV_FIND_LINKS=${UV_FIND_LINKS:-${wheels// /,}}; fi
    install "$environment/bin/uv" --quiet pip install --python "$python"
}

echo "setup: installing Chatterbox's packages into $environment"
if ! install_with_uv 2>"$work/log"; then
    echo "setup: uv could not ($(tail -n 1 "$work/log")); trying pip, which takes minutes"
    install "${pip[@]}" install
fi

# torchaudio's libraries want the CUDA of another torch and stop its import. Without them it
# does in Python all that is used of it: resampling, filter banks, spectrograms.
rm -f "$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')"/torchaudio/lib/*.so

"$python" - <<'CHECK'
import contextlib
import warnings

warnings.simplefilter("ignore")
import numpy as np
import perth
import torch
import torchaudio.transforms
from chatterbox.tts import ChatterboxTTS

if perth.PerthImplicitWatermarker is None:
    raise SystemExit("setup: Perth does not import; is setuptools older than 81?")
# compiled at its first use and kept: otherwise the first service waits for it
with contextlib.redirect_stdout(None):
    perth.PerthImplicitWatermarker().apply_watermark(np.zeros(24_000, np.float32), 24_000)
print(f"setup: torch {torch.__version__}, CUDA {torch.cuda.is_available()}")
CHECK
echo "$wanted" >"$environment/.ready"
echo "setup: done in $((SECONDS - started)) s, $(du -sm "$environment" | cut -f1) MB in $environment"
