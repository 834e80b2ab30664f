"""A caller on the telephone, as Twilio would carry the call."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.voice_to_voice.callers import Spoken
from benchmarks.voice_to_voice.turn import PATIENCE_S, Turn, pause_s
from voice_agent.audio.g711 import mulaw_decode, mulaw_encode
from voice_agent.audio.pcm import float_to_int16, int16_to_float
from voice_agent.audio.resample import Resampler
from voice_agent.client.twilio_call import RATE_HZ, TwilioCall, calling
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ

_QUIET_S = 1.0  # an answer is over when nothing of it has come for so long
# of an int16 sample: speech is louder, a pause in it is not
_LOUD = 300


@dataclass(slots=True)
class TelephoneCaller:
    """One call.

    Attributes:
        turns: What came of the questions.
        heard: µ-law that was heard after each.
        odd: What Twilio would complain about, by its kind.
    """

    spoken: Sequence[Spoken]
    seed: int
    turns: list[Turn] = field(default_factory=list[Turn])
    heard: list[bytes] = field(default_factory=list[bytes])
    odd: int = 0

    async def call(self, url: str) -> None:
        """Asks everything, one after another."""
        chance = random.Random(self.seed)
        await asyncio.sleep(chance.uniform(0, 3))
        async with calling(url, timeout_s=30) as call:
            for spoken in self.spoken:
                await call.wait(lambda: False, pause_s(chance))
                heard, delay_s = await ask(call, on_the_line(spoken.clip.samples))
                self.heard.append(heard)
                self.turns.append(Turn(spoken.question, delay_s))
            self.odd = sum(call.odd.values())


async def ask(call: TwilioCall, said: bytes) -> tuple[bytes, float | None]:
    """Says something; returns what was heard after it, and the delay in seconds, if anything.

    The delay is from the last loud sample that was said to the first that was heard.
    """
    await call.say(said)
    begin = len(call.heard)
    answered = await call.wait(lambda: call.busy, PATIENCE_S)
    while answered and await call.wait(lambda: call.busy, _QUIET_S):
        await call.wait(lambda: not call.busy, PATIENCE_S)
    heard = bytes(call.heard[begin:])
    loud, spoken = _loud(heard), _loud(said)
    # what was said ends before its last frame is full
    tail_s = (len(said) - 1 - int(spoken[-1])) / RATE_HZ
    return heard, float(loud[0]) / RATE_HZ + tail_s if len(loud) else None


def on_the_line(samples: NDArray[np.int16]) -> bytes:
    """Speech of 16 kHz as µ-law of 8 kHz."""
    resampler = Resampler(ASR_SAMPLE_RATE_HZ, RATE_HZ)
    line = np.concatenate([resampler.push(int16_to_float(samples)), resampler.drain()])
    return mulaw_encode(float_to_int16(np.clip(line, -1, 1)))


def _loud(ulaw: bytes) -> NDArray[np.intp]:
    return np.flatnonzero(np.abs(mulaw_decode(ulaw).astype(np.int32)) > _LOUD)
