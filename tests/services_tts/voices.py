"""Voices for Chatterbox, registered over the wire, and how alike two answers are."""

import base64

import numpy as np
from numpy.typing import NDArray

from tests.services.listener import Listener, Message
from tests.voices.clips import hum, wav

SAME = 5e-3
"""Two answers that differ by less are the same: pitch adds up, so 1e-6 of it is 1e-3 of a
phase after two seconds. Two voices differ by 20 times as much."""
DIFFERENT = 0.04


def clip(number: int) -> bytes:
    """A clip that no other number has: its pitch, overtones and noise are its own."""
    random = np.random.default_rng(number)
    sound = hum(110 + 13 * number, 1.5) + 0.05 * random.standard_normal(36_000)
    return wav(sound.astype(np.float32))


async def register(listener: Listener, voice_id: str, number: int) -> Message:
    """Makes a voice of `clip(number)`; what came back."""
    audio = base64.b64encode(clip(number)).decode()
    await listener.send(type="register_voice", voice_id=voice_id, reference_audio=audio)
    return await listener.message()


def distance(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """0 for equal answers, 1 for those that have nothing in common; inf for other lengths."""
    if one.shape != other.shape:
        return float("inf")
    return float(np.linalg.norm(one - other) / np.linalg.norm(other))
