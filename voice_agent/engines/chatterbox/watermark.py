"""Perth's watermark on a stream, without the ticks that marking chunk by chunk makes.

Perth looks at a spectrogram: at the ends of what it is given, its mark is another one. So a
piece is marked together with what came before it, its last 10 ms are held back, and the
next marking of them fades in.
"""

import contextlib
import io
from importlib import import_module
from typing import Any

import numpy as np

from voice_agent.engines.base import Samples
from voice_agent.engines.chatterbox.spec import SAMPLE_RATE_HZ

_BLOCK = SAMPLE_RATE_HZ // 100  # Perth cuts to whole 10 ms
_CONTEXT = 24 * _BLOCK  # 240 ms: its window of 64 ms and 150 ms of convolutions
_LEAST = 8 * _BLOCK  # 80 ms: it fails below 64


class Watermarker:
    """Perth's network, shared by all streams; called by one thread."""

    def __init__(self) -> None:
        torch: Any = import_module("torch")
        perth: Any = import_module("perth")
        self._inference = torch.inference_mode
        with contextlib.redirect_stdout(io.StringIO()):  # it prints
            self._perth = perth.PerthImplicitWatermarker()

    def mark(self, samples: Samples) -> Samples:
        """The same with the mark: float32 mono at 24 kHz, as long as it was."""
        n_samples = len(samples)
        n_padded = max(-(-n_samples // _BLOCK) * _BLOCK, _LEAST)
        padded = np.pad(samples, (0, n_padded - n_samples))
        with self._inference():
            marked: Samples = self._perth.apply_watermark(padded, sample_rate=SAMPLE_RATE_HZ)
        kept = marked[:n_samples].astype(np.float32)
        # what resampling left out at the end stays as it was
        return np.concatenate([kept, samples[len(kept) :]])

    def confidence(self, samples: Samples) -> float:
        """How surely audio has the mark, 0–1."""
        with self._inference():
            bits: Any = self._perth.get_watermark(samples, sample_rate=SAMPLE_RATE_HZ, round=False)
        return float(bits.mean())


class MarkedStream:
    """One stream on its way through the watermark.

    Args:
        watermarker: What marks.
    """

    def __init__(self, watermarker: Watermarker) -> None:
        self._watermarker = watermarker
        self._before = np.zeros(0, np.float32)  # unmarked; what is held is its end
        self._held = np.zeros(0, np.float32)  # marked
        self._ramp = np.linspace(0, 1, _BLOCK + 2, dtype=np.float32)[1:-1]

    def push(self, samples: Samples, *, last: bool) -> Samples:
        """Marks the next samples.

        Args:
            samples: Of the stream; a multiple of 10 ms, unless `last`; may be empty.
            last: Nothing follows.

        Returns:
            What can be sent: 10 ms less than was given, all that is left if `last`.
        """
        n_held = len(self._held)
        if not len(samples):
            return self._held if last else samples
        shown = np.concatenate([self._before, samples])
        marked = self._watermarker.mark(shown)[len(self._before) - n_held :]
        ramp = self._ramp[:n_held]
        marked[:n_held] = self._held * (1 - ramp) + marked[:n_held] * ramp
        self._before = shown[-_CONTEXT:]
        n_sent = len(marked) if last else len(marked) - _BLOCK
        self._held = marked[n_sent:].copy()
        return marked[:n_sent]
