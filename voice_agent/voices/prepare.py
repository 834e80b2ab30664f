"""What a clip must be before a model hears it: speech without silence around, one loudness."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voice_agent.engines.base import Samples
from voice_agent.errors import BadAudio
from voice_agent.voices.loudness import at_target

MIN_CLIP_S = 1.0
"""Sound that must be left; models make little of less."""

CLIPPED = "clipped"
"""The note on a clip that was recorded too loud. It is used as it is: the voice keeps the
distortion, which its owner may accept and nobody else hears, and cannot be made better here."""

_FRAME_S = 0.02
_SILENT_DBFS = -50.0  # a clip without one louder frame is a recording of nothing
_PAUSE_DB = -40.0  # frames this far below the loudest are no speech
_MARGIN_S = 0.1  # soft beginnings and endings of words stay
_FULL_SCALE = 0.985
_CLIPPED_SHARE = 0.001  # clean speech at full scale is there for less than a tenth of this


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A clip that can become a voice.

    Attributes:
        samples: Mono, without silence at its ends, at `loudness.TARGET_LUFS`.
        sample_rate_hz: Its rate.
        notes: What its owner should know about it (`CLIPPED`).
    """

    samples: Samples
    sample_rate_hz: int
    notes: tuple[str, ...] = ()

    @property
    def duration_s(self) -> float:
        """How long it is."""
        return len(self.samples) / self.sample_rate_hz


def prepare(samples: Samples, sample_rate_hz: int) -> Clip:
    """Trims a clip and sets its loudness. Takes a tenth of a second for a minute.

    Raises:
        BadAudio: It is silent, or less than `MIN_CLIP_S` of it is not.
    """
    sound = trimmed(samples, sample_rate_hz)
    duration_s = len(sound) / sample_rate_hz
    if duration_s < MIN_CLIP_S:
        raise BadAudio(
            f"{duration_s:.1f} s of sound are in the clip, at least {MIN_CLIP_S:g} s are needed"
        )
    notes = (CLIPPED,) if _is_clipped(sound) else ()
    return Clip(
        samples=at_target(sound, sample_rate_hz), sample_rate_hz=sample_rate_hz, notes=notes
    )


def trimmed(samples: Samples, sample_rate_hz: int) -> Samples:
    """The clip from just before its first sound to just after its last.

    Raises:
        BadAudio: There is no sound in it.
    """
    frame = round(_FRAME_S * sample_rate_hz)
    power = _frame_powers(samples, frame)
    if power.max() < _power(_SILENT_DBFS):
        raise BadAudio("the clip is silent")
    loud = np.flatnonzero(power > power.max() * _power(_PAUSE_DB))
    margin = round(_MARGIN_S * sample_rate_hz)
    first = max(int(loud[0]) * frame - margin, 0)
    return samples[first : (int(loud[-1]) + 1) * frame + margin]


def _frame_powers(samples: Samples, frame: int) -> NDArray[np.float32]:
    """Mean squares of the frames; the last one is filled up with silence."""
    padded = np.pad(samples, (0, -len(samples) % frame))
    return np.square(padded.reshape(-1, frame)).mean(axis=1)


def _power(db: float) -> float:
    return 10 ** (db / 10)


def _is_clipped(samples: Samples) -> bool:
    return float((np.abs(samples) >= _FULL_SCALE).mean()) > _CLIPPED_SHARE
