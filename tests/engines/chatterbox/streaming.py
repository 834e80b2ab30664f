"""Requests for a model's scheduler, and what they sound like."""

from typing import Any

import numpy as np

from tools.make_test_chatterbox import random_voice
from voice_agent.engines.chatterbox.model import ChatterboxModel
from voice_agent.engines.chatterbox.scheduler import Scheduler
from voice_agent.engines.chatterbox.utterance import Audio, Lead, Request


def request(model: ChatterboxModel, number: int, **changed: Any) -> Request:
    """In a voice, with a text and a seed of its number; of a reader who takes all at once."""
    voice = model.voice(f"v{number}", random_voice(number, 1.0 + number % 3))
    given = {"text": list(range(3, 12 + number)), "voice": voice, "seed": number}
    return Request(number=number, ahead=Lead(heard_s=1e6), **{**given, **changed})


def spoken(scheduler: Scheduler, *requests: Request) -> dict[int, list[Audio]]:
    """What comes of requests that are admitted together, to the end."""
    for one in requests:
        scheduler.admit(one)
    pieces: dict[int, list[Audio]] = {one.number: [] for one in requests}
    while (events := scheduler.tick()) is not None:
        for event in events:
            if isinstance(event, Audio):
                pieces[event.number].append(event)
    return pieces


def joined(pieces: list[Audio]) -> np.ndarray:
    """The audio of one request, which must be whole."""
    assert [piece.last for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    return np.concatenate([piece.samples for piece in pieces])


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """0 for equal audio, 1 for audio that has nothing in common."""
    assert a.shape == b.shape
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))
