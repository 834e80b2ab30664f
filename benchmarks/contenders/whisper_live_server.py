"""Runs WhisperLive's server with one shared model: ``PYTHON -P whisper_live_server.py MODEL PORT``.

By the Python of its own environment; the `-P` keeps this folder from being searched for modules.
"""

import sys

from whisper_live.server import TranscriptionServer  # pyright: ignore[reportMissingImports]

if __name__ == "__main__":
    TranscriptionServer().run(
        "127.0.0.1",
        port=int(sys.argv[2]),
        backend="faster_whisper",
        faster_whisper_custom_model_path=sys.argv[1],
        single_model=True,
        max_clients=100,
        max_connection_time=3600,
        batch_enabled=sys.argv[3] == "batched",
    )
