"""The tones of a telephone's keys, as ITU-T Q.23 has them."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

_LOW_HZ = (697, 770, 852, 941)
_HIGH_HZ = (1209, 1336, 1477, 1633)
_ROWS = ("123A", "456B", "789C", "*0#D")
_PAIRS = {
    key: (low, high)
    for low, row in zip(_LOW_HZ, _ROWS, strict=True)
    for high, key in zip(_HIGH_HZ, row, strict=True)
}
KEYS = "".join(sorted(_PAIRS))
"""All that have a tone."""
PAUSES_S = {"w": 0.5, "W": 1.0}
"""What else may stand between keys, as in Twilio's `<Play digits>`."""

# Receivers want 40 ms of each and get them also through a network that loses a packet
# (ITU-T Q.24 has 40 ms in most countries, 65 ms in Brazil).
_TONE_S = 0.1
_GAP_S = 0.1
# -8.8 and -6.8 dBm0 (ETSI ES 201 235-2: the higher one louder, for lines that dampen it),
# where a full sine has 3.17
_LOW_LEVEL, _HIGH_LEVEL = 0.252, 0.317
# no click at either end
_RAMP_S = 0.002

# Shares of a window's energy. Of 19,000 windows of real speech the two best tones together hold
# 0.73 at most, and never both of them 0.05; of keys 0.89 where the tone fills the window.
_ARE_KEY_ABOVE, _EACH_ABOVE = 0.8, 0.05


def tones(keys: str, rate_hz: int) -> NDArray[np.float32]:
    """Keys as they sound, 0.2 s for each, with silence after it.

    Args:
        keys: Of `KEYS` and `PAUSES_S`.
        rate_hz: 8000 or more.

    Raises:
        ValueError: Another character.
    """
    parts: list[NDArray[np.float32]] = []
    for key in keys:
        if key in PAUSES_S:
            parts.append(np.zeros(round(PAUSES_S[key] * rate_hz), np.float32))
        elif key in _PAIRS:
            parts += [_tone(*_PAIRS[key], rate_hz), np.zeros(round(_GAP_S * rate_hz), np.float32)]
        else:
            raise ValueError("keys are 0 to 9, *, #, A to D, and w and W for pauses")
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def are_key(samples: NDArray[np.float32], rate_hz: int) -> bool:
    """Whether samples are the two tones of one key and little else.

    Args:
        samples: Mono, about 30 ms: tones are told by their frequency within some 15 Hz.
        rate_hz: 8000 or more.
    """
    energy = float(np.dot(samples, samples))
    if not energy:
        return False
    shares = np.square(_bases(len(samples), rate_hz) @ samples) / energy
    each = shares[shares.sum(axis=1).argmax()].reshape(2, 2).sum(axis=1)
    return bool(each.sum() > _ARE_KEY_ABOVE and each.min() > _EACH_ABOVE)


@cache
def _bases(n_samples: int, rate_hz: int) -> NDArray[np.float32]:
    """Of every key an orthonormal basis, [16, 4, samples]; two rows for each of its tones."""
    at = 2 * np.pi * np.arange(n_samples) / rate_hz
    pairs = [
        [wave(hz * at) for hz in pair for wave in (np.sin, np.cos)] for pair in _PAIRS.values()
    ]
    return np.stack([np.linalg.qr(np.transpose(pair))[0].T for pair in pairs]).astype(np.float32)


def _tone(low_hz: int, high_hz: int, rate_hz: int) -> NDArray[np.float32]:
    n_samples = round(_TONE_S * rate_hz)
    at_s = np.arange(n_samples) / rate_hz
    both = _LOW_LEVEL * np.sin(2 * np.pi * low_hz * at_s)
    both += _HIGH_LEVEL * np.sin(2 * np.pi * high_hz * at_s)
    ramp = np.minimum(1.0, np.arange(n_samples) / (_RAMP_S * rate_hz))
    return (both * ramp * ramp[::-1]).astype(np.float32)
