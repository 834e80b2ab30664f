"""espeak-ng in a process of its own, with the times of words and speech sounds.

Speech is deterministic: espeak-ng keeps state from one utterance to the next, so each gets
a freshly loaded library.
"""

import ctypes
import json
import subprocess
import sys
from _ctypes import dlclose
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple, Self

import numpy as np
import soxr
from numpy.typing import NDArray

Samples = NDArray[np.float32]

SAMPLE_RATE_HZ = 16_000
_REPOSITORY = Path(__file__).parent.parent


class SpokenWord(NamedTuple):
    """A word and when it is said, by espeak-ng's own events."""

    word: str
    start_s: float
    end_s: float


class Phone(NamedTuple):
    """A speech sound by espeak-ng's name for it; ``_`` and what starts with it is a pause."""

    name: str
    start_s: float


class Spoken(NamedTuple):
    """An utterance: float32 mono 16 kHz and what is said when."""

    samples: Samples
    words: tuple[SpokenWord, ...]
    phones: tuple[Phone, ...]


class Speaker:
    """A process that speaks one text after the other, each as if it were its first."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.phone_speaker"],
            cwd=_REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._process:  # closes its stdin, which ends it, and waits
            pass

    def say(
        self, text: str, voice: str, words_per_minute: int, pitch: int, stretch: float = 1.0
    ) -> Spoken:
        """Speaks `text`; `stretch` > 1 makes it slower and deeper, as of a larger head."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps([text, voice, words_per_minute, pitch]).encode() + b"\n")
        stdin.flush()
        head = json.loads(stdout.readline())
        raw = np.frombuffer(stdout.read(head["n_bytes"]), np.int16)
        return _spoken(text, raw, head, head["rate_hz"] / stretch)


def _spoken(text: str, raw: NDArray[np.int16], head: dict[str, Any], rate_hz: float) -> Spoken:
    phones = tuple(Phone(name, sample / rate_hz) for sample, name in head["phones"])
    spans = _word_spans(text, head["words"], len(raw))
    last = min(phones[-1].start_s, len(raw) / rate_hz)
    pauses = [phone.start_s for phone in phones if phone.name.startswith("_")]
    said = []
    for word, (start, end) in zip(text.split(), spans, strict=True):
        start_s, end_s = start / rate_hz, end / rate_hz
        pause_s = min((pause for pause in pauses if start_s < pause < end_s), default=end_s)
        said.append(SpokenWord(word, start_s, min(pause_s, last)))
    sound = soxr.resample(raw.astype(np.float32) / 32_768, rate_hz, SAMPLE_RATE_HZ)
    n_samples = round((said[-1].end_s + 0.06) * SAMPLE_RATE_HZ)  # it decays a little
    return Spoken(np.clip(sound[:n_samples], -1, 1), tuple(said), phones)


def _word_spans(text: str, events: list[list[int]], n_samples: int) -> list[tuple[int, int]]:
    """Start and end of each word; words said as one (such as "in the") share by letters."""
    starts = {position: sample for sample, position in events}
    spans: list[tuple[int, int]] = []
    group: list[str] = []
    begin = offset = 0
    for word in [*text.split(), None]:
        if word is None or offset in starts:
            end = n_samples if word is None else starts[offset]
            spans += _share(group, begin, end)
            begin, group = end, []
        if word is not None:
            group.append(word)
            offset += len(word) + 1
    return spans


def _share(group: list[str], start: int, end: int) -> list[tuple[int, int]]:
    n_letters = sum(map(len, group))
    edges = [start]
    for word in group:
        edges.append(edges[-1] + round((end - start) * len(word) / n_letters))
    return list(pairwise(edges))


_EVENT_WORD, _EVENT_PHONE = 1, 7
_RATE, _PITCH = 1, 3


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event))


def _synthesize(text: str, voice: str, words_per_minute: int, pitch: int) -> tuple[dict, bytes]:
    loader: Any = import_module("espeakng_loader")
    library = ctypes.CDLL(loader.get_library_path())
    pieces: list[bytes] = []
    marks: dict[int, list[list[Any]]] = {_EVENT_WORD: [], _EVENT_PHONE: []}

    def take(wave: int | None, n_samples: int, events: Any) -> int:
        if wave and n_samples > 0:
            pieces.append(ctypes.string_at(wave, 2 * n_samples))
        index = 0
        while kind := events[index].type:
            event = events[index]
            index += 1
            if kind == _EVENT_WORD:
                marks[kind].append([event.sample, event.text_position - 1])
            elif kind == _EVENT_PHONE:
                marks[kind].append([event.sample, event.id.decode()])
        return 0

    callback = _Callback(take)
    rate_hz = library.espeak_Initialize(2, 0, loader.get_data_path().encode(), 1)
    library.espeak_SetSynthCallback(callback)
    library.espeak_ng_SetRandSeed(ctypes.c_long(1))  # breath noise is drawn
    ctypes.CDLL(None).srand(1)
    refused = library.espeak_SetVoiceByName(voice.encode())
    library.espeak_SetParameter(_RATE, words_per_minute, 0)
    library.espeak_SetParameter(_PITCH, pitch, 0)
    data = text.encode()
    refused = refused or library.espeak_Synth(data, len(data) + 1, 0, 1, 0, 0x1001, None, None)
    library.espeak_Terminate()
    dlclose(library._handle)  # its state would colour the next utterance
    if refused:
        raise ValueError(f"espeak-ng does not speak {text!r} as {voice!r}")
    head = {"rate_hz": rate_hz, "words": marks[_EVENT_WORD], "phones": marks[_EVENT_PHONE]}
    return head, b"".join(pieces)


def _serve(requests: BinaryIO, answers: BinaryIO) -> None:
    for request in requests:
        head, samples = _synthesize(*json.loads(request))
        answers.write(json.dumps(head | {"n_bytes": len(samples)}).encode() + b"\n" + samples)
        answers.flush()


if __name__ == "__main__":
    _serve(sys.stdin.buffer, sys.stdout.buffer)
