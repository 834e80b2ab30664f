"""Speech for tests: made by the espeak engine when a test asks for it, kept for the run."""

import asyncio
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import jiwer
import numpy as np
import soxr

from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, Samples, SpeakJob
from voice_agent.engines.espeak.speaker import EspeakSpeaker

GOOD_VOICE = "en-us+edward"
"""A voice that every model the tests have understands, at `GOOD_WPM`."""
GOOD_WPM = 170

SENTENCES = (
    "please open the window and close the door",
    "we will meet again on monday morning",
    "the weather is very nice today",
    "i would like to have some water please",
    "she went to the market with her brother",
    "can you tell me where the station is",
)


@cache
def speech(text: str, voice: str = GOOD_VOICE, wpm: int = GOOD_WPM) -> Samples:
    """`text` as float32 mono 16 kHz, without silence around it; do not write into it."""
    with ThreadPoolExecutor(1) as thread:
        spoken = thread.submit(asyncio.run, _speak(text, voice, wpm)).result()
    spoken.flags.writeable = False
    return spoken


async def _speak(text: str, voice: str, wpm: int) -> Samples:
    speaker = EspeakSpeaker()
    await speaker.load()
    try:
        job = SpeakJob(session_id="test", text=text, voice_id=voice, speed=wpm / GOOD_WPM)
        pieces = [chunk.samples async for chunk in speaker.speak(job)]
        rate_hz = speaker.info.sample_rate_hz
    finally:
        await speaker.close()
    sound = soxr.resample(np.concatenate(pieces), rate_hz, ASR_SAMPLE_RATE_HZ)
    heard = np.flatnonzero(np.abs(sound) > 0.01)
    return np.clip(sound[heard[0] : heard[-1] + 1], -1, 1).astype(np.float32)


def pause(seconds: float) -> Samples:
    """Silence with a little noise in it, as a microphone gives."""
    noise = np.random.default_rng(1).normal(0, 0.0005, round(seconds * ASR_SAMPLE_RATE_HZ))
    return noise.astype(np.float32)


def dialogue(texts: Iterable[str], pause_s: float, voice: str = GOOD_VOICE) -> Samples:
    """Several sentences with pauses before, between and after them."""
    parts = [pause(pause_s)]
    for text in texts:
        parts += [speech(text, voice), pause(pause_s)]
    return np.concatenate(parts)


def error_rate(said: str, heard: str) -> float:
    """Word error rate, 0 is perfect."""
    return float(jiwer.wer(_plain(said), _plain(heard) or "-"))


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[\w']+", text.lower()))
