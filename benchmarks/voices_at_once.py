"""Many who are spoken to without end, in real time: when they hear something, and who waits."""

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from voice_agent.engines.base import Speaker, SpeakJob

SENTENCES = (
    "How can I help you?",
    "I can look up your booking for you, or change the date if you like.",
    "Thanks for waiting, your order was sent this morning and comes on Friday.",
    "Your appointment with Doctor Miller is on Tuesday the fourteenth of March at half past two "
    "in the afternoon, and you should bring your card and arrive ten minutes early.",
)
_PAUSE_S = 0.2  # between what somebody is told
_BEAT_S = 0.001


@dataclass(slots=True)
class Told:
    """What listeners noticed.

    Attributes:
        first_s: From each request to its first audio.
        late_s: How long each pause was that nobody meant.
        n_pieces: Words and pauses that came.
        audio_s: What was spoken.
        wall_s: How long it took.
        cpu_s: Processor time of this process, which has the models.
        beats_s: How late the event loop was, each millisecond.
    """

    first_s: list[float] = field(default_factory=list[float])
    late_s: list[float] = field(default_factory=list[float])
    n_pieces: int = 0
    audio_s: float = 0.0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    beats_s: list[float] = field(default_factory=list[float])


async def talk(speaker: Speaker, n_listeners: int, seconds: float) -> Told:
    """Speaks to so many at once for so long."""
    told, end_s = Told(), time.monotonic() + seconds
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    beating = asyncio.create_task(_beat(told.beats_s))
    try:
        async with asyncio.TaskGroup() as group:
            for number in range(n_listeners):
                group.create_task(_listen(speaker, number, end_s, told))
    finally:
        beating.cancel()
    told.wall_s = time.monotonic() - began_s
    told.cpu_s = time.process_time() - began_cpu_s
    return told


async def _listen(speaker: Speaker, number: int, end_s: float, told: Told) -> None:
    chosen = random.Random(number)
    await asyncio.sleep(chosen.random() * 2)  # callers do not come at one moment
    while time.monotonic() < end_s:
        await _hear(speaker, number, chosen.choice(SENTENCES), told)
        await asyncio.sleep(_PAUSE_S)


async def _hear(speaker: Speaker, number: int, text: str, told: Told) -> None:
    """Takes audio as it is played: a piece when the one before it is over."""
    rate_hz = speaker.info.sample_rate_hz
    asked_s = time.monotonic()
    dry_s = 0.0
    async with aclosing(speaker.speak(SpeakJob(session_id=str(number), text=text))) as pieces:
        async for piece in pieces:
            now_s, piece_s = time.monotonic(), len(piece.samples) / rate_hz
            if not dry_s:
                told.first_s.append(now_s - asked_s)
            elif now_s > dry_s:
                told.late_s.append(now_s - dry_s)
            dry_s = max(dry_s, now_s) + piece_s
            told.n_pieces += 1
            told.audio_s += piece_s
            # the player has 50 ms in hand: less than any telephone's jitter buffer
            await asyncio.sleep(max(dry_s - time.monotonic() - 0.05, 0))


async def _beat(beats_s: list[float]) -> None:
    while True:
        due_s = time.monotonic() + _BEAT_S
        await asyncio.sleep(_BEAT_S)
        beats_s.append(time.monotonic() - due_s)


def quantile_ms(values_s: Sequence[float], share: float) -> float:
    """So many of them are at most this long."""
    ordered = sorted(values_s)
    return 1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0
