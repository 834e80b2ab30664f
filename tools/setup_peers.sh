#!/usr/bin/env bash
# Makes the environments of what `make peers` compares with: .venv-peers-whisper-livekit and
# .venv-peers-whisper-live (1.6 GB each, mostly torch). Pipecat's own services need none: they
# are in .venv.
#   tools/setup_peers.sh          the locked packages, checked against their hashes; what is
#                                 there already stays
#   tools/setup_peers.sh --lock   writes tools/peers/*.lock anew
# torch is the one package without a hash: a build for CPUs is taken where the index, or a
# folder of wheels (PIP_FIND_LINKS), has one. PyAudio (WhisperLive's own client), OpenVINO and
# CUDA, which are not used here, are left out; so no Debian package is needed.
set -euo pipefail
cd "$(dirname "$0")/.."

torch=torch==2.13.0
peers=(whisper-livekit whisper-live)
declare -A wanted=(
    # faster-whisper and CTranslate2 as in requirements.lock: the same engine below both
    [whisper-livekit]="whisperlivekit==0.2.26 faster-whisper==1.2.1 ctranslate2==4.8.5 $torch"
    [whisper-live]="whisper-live==0.10.0 ctranslate2==4.8.5 $torch"
)
unused=(pyaudio openvino openvino-genai openvino-tokenizers optimum optimum-intel)
apart='^(torch|triton|nvidia-[a-z0-9-]+|cuda-[a-z]+)=='  # torch, and what a build with CUDA needs
uv=.venv/bin/uv

# uv does not read pip's configuration; a mirror or a folder of wheels set there counts here too
mirror=${PIP_INDEX_URL:-$(.venv/bin/python -m pip config get global.index-url 2>/dev/null || true)}
wheels=${PIP_FIND_LINKS:-$(.venv/bin/python -m pip config get global.find-links 2>/dev/null || true)}
if [[ -n $mirror ]]; then export UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-$mirror}; fi
if [[ -n $wheels ]]; then export UV_FIND_LINKS=${UV_FIND_LINKS:-${wheels// /,}}; fi

lock() { # PEER
    printf '%s\n' ${wanted[$1]} | "$uv" pip compile - --quiet --python-version 3.11 \
        --override <(printf '%s ; python_version < "3"\n' "${unused[@]}") \
        --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header |
        awk -v apart="$apart" '
            BEGIN { print "# Written by tools/setup_peers.sh --lock." }
            /^[a-zA-Z0-9]/ { keep = $0 !~ apart }
            keep' >"tools/peers/$1.lock"
    echo "setup: tools/peers/$1.lock: $(grep -c '==' "tools/peers/$1.lock") packages"
}

environment() { # PEER
    local folder=.venv-peers-$1 key
    key=$(cat "tools/peers/$1.lock" tools/setup_peers.sh | cksum)
    if [[ -r $folder/.ready && $(<"$folder/.ready") == "$key" ]]; then return; fi
    echo "setup: making $folder"
    "$(tools/python.sh)" -m venv --clear "$folder"
    "$uv" pip install --quiet --python "$folder/bin/python" "$torch"
    "$uv" pip install --quiet --python "$folder/bin/python" --no-deps --require-hashes \
        -r "tools/peers/$1.lock"
    echo "$key" >"$folder/.ready"
}

case ${1:-} in
    "") for peer in "${peers[@]}"; do environment "$peer"; done ;;
    --lock) for peer in "${peers[@]}"; do lock "$peer"; done ;;
    *) echo "usage: tools/setup_peers.sh [--lock]" >&2; exit 2 ;;
esac
