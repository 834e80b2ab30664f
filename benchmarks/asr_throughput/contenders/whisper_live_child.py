"""Runs in WhisperLive's environment: requests on standard input, texts on standard output.

A request is two little-endian int32, its number and its samples' number, and the samples as
float32. An answer is a line of JSON. Needs nothing of ours.
"""

import json
import sys
import threading

import numpy as np
from whisper_live.batch_inference import (  # pyright: ignore[reportMissingImports]
    BatchInferenceWorker,
    BatchRequest,
    prepare_features,
)
from whisper_live.transcriber.transcriber_faster_whisper import (  # pyright: ignore[reportMissingImports]
    WhisperModel,
)

_TIMEOUT_S = 600


def main(folder: str) -> None:
    """Serves until its input ends."""
    # what the server makes of `--fw` and `--batch_inference` on a processor
    model = WhisperModel(folder, device="cpu", compute_type="int8", local_files_only=False)
    worker = BatchInferenceWorker(model)
    worker.start()
    writing = threading.Lock()

    def session(number: int, audio: np.ndarray) -> None:
        request = BatchRequest(audio=audio, language="en", use_vad=False)
        prepare_features(model, request)
        worker.submit(request)
        request.future.wait(_TIMEOUT_S)
        text = "".join(segment.text for segment in request.result or ()).strip()
        with writing:
            print(json.dumps({"id": number, "text": text}), flush=True)

    while header := sys.stdin.buffer.read(8):
        number, n_samples = (int(n) for n in np.frombuffer(header, "<i4"))
        audio = np.frombuffer(sys.stdin.buffer.read(4 * n_samples), "<f4")
        threading.Thread(target=session, args=(number, audio)).start()
    worker.stop()


if __name__ == "__main__":
    main(sys.argv[1])
