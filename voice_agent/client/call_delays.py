"""How long a caller waited for each answer, by what was said and heard on the line."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voice_agent.audio.g711 import mulaw_decode

_FRAME_S = 0.02
_FRAME_BYTES = 160
# speech is louder than this, and the noise of a line is not
_LOUD = 0.01
# shorter sounds are no turn
_SPOKEN_S = 0.1
# what is shorter than this is a pause inside an answer
_QUIET_S = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The caller spoke, and was answered; in seconds of the call."""

    stopped_s: float
    answered_s: float

    @property
    def delay_s(self) -> float:
        """From the caller's last sound to the first one of the answer."""
        return self.answered_s - self.stopped_s


def turns(sent: bytes, heard: bytes) -> list[Turn]:
    """Every turn of the caller that was answered.

    Args:
        sent: µ-law that the caller said.
        heard: µ-law that the caller heard at the same time.
    """
    found: list[Turn] = []
    stopped = 0
    n_spoken = 0
    n_quiet = round(_QUIET_S / _FRAME_S)
    for number, (speaks, hears) in enumerate(zip(_loud(sent), _loud(heard), strict=False)):
        if speaks:
            stopped, n_spoken = number + 1, n_spoken + 1
        if hears and n_quiet * _FRAME_S >= _QUIET_S and n_spoken * _FRAME_S >= _SPOKEN_S:
            found.append(Turn(stopped_s=stopped * _FRAME_S, answered_s=number * _FRAME_S))
            n_spoken = 0
        n_quiet = 0 if hears else n_quiet + 1
    return found


def _loud(ulaw: bytes) -> NDArray[np.bool_]:
    whole = mulaw_decode(ulaw[: len(ulaw) // _FRAME_BYTES * _FRAME_BYTES]).astype(np.float32)
    frames = whole.reshape(-1, _FRAME_BYTES) / np.float32(32_768)
    return np.sqrt(np.mean(np.square(frames), axis=1)) > _LOUD
