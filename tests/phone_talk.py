"""What people say to a phone agent: the small language that the test Whisper understands.

Sentences of a grammar, spoken by espeak-ng with the times of its words. Sentences and
voices that the model was not trained on are kept apart here, so that tests and training
agree on them.
"""

import random
from functools import cache
from pathlib import Path

import numpy as np

from tests.phone_speaker import SAMPLE_RATE_HZ, Samples, Speaker, Spoken
from voice_agent.audio.g711 import mulaw_decode, mulaw_encode
from voice_agent.audio.resample import Resampler

MODEL = Path(__file__).parent / "assets" / "whisper-micro"
"""A directory that ``faster_whisper.WhisperModel`` loads."""

TELEPHONE_HZ = 8_000

_SLOTS = {
    "name": "anna ben carla david emma frank grace henry julia kevin laura martin nina oscar "
    "paula robert sarah thomas",
    "num": "one two three four five six seven eight nine ten eleven twelve",
    "digit": "zero one two three four five six seven eight nine",
    "day": "monday tuesday wednesday thursday friday saturday sunday today tomorrow",
    "time": "morning afternoon evening",
    "thing": "table room order ticket taxi doctor meeting invoice package parcel refund "
    "password account contract battery window door",
    "city": "berlin london paris madrid vienna rome dublin oslo lisbon chicago boston",
    "verb": "book cancel change confirm check pay move find open close",
    "color": "red green blue black white yellow",
    "food": "coffee tea pizza salad soup bread rice fish chicken water",
    "kin": "brother sister mother father friend",
    "place": "station market airport hotel office bank",
    "sum": "plus minus times",
}

_TEMPLATES = (
    "i want to {verb} a {thing} for {day}",
    "i want to {verb} a {thing} for {num} people on {day} {time}",
    "please {verb} my {thing}",
    "please {verb} the {thing} and {verb} the {thing}",
    "can you {verb} the {thing} for {num} people",
    "can you tell me where the {place} is",
    "can you tell me when the {place} opens",
    "my name is {name}",
    "hello this is {name} from {city}",
    "hello my name is {name} and i need help with my {thing}",
    "hello how are you today",
    "the number is {digit} {digit} {digit} {digit}",
    "my number is {digit} {digit} {digit} {digit} {digit} {digit}",
    "i would like {num} {food} and {num} {food}",
    "i would like to have some {food} please",
    "is there a {thing} in {city} on {day} {time}",
    "when does the {thing} arrive",
    "yes please",
    "no thank you",
    "okay",
    "yes",
    "no",
    "thank you",
    "that is right",
    "that is wrong it is {digit} {digit} {digit}",
    "could you repeat that",
    "i need help with my {thing}",
    "how much is the {food}",
    "the {color} {thing} is broken",
    "send it to {name} in {city}",
    "at {num} in the {time}",
    "at {num} on {day} {time}",
    "thank you and goodbye",
    "what time is it",
    "what time is it in {city}",
    "what is the date today",
    "what is the weather like in {city} {day}",
    "the weather is very nice {day}",
    "what is {num} {sum} {num}",
    "transfer me to a person",
    "i have a question about my {thing}",
    "the {food} was cold",
    "where is my {color} {thing}",
    "call me back on {day} {time}",
    "we will meet again on {day} {time}",
    "did you speak with {name} on {day}",
    "she went to the {place} with her {kin}",
    "he lives in {city} with his {kin}",
    "stop it please now",
    "stop",
    "wait a minute",
    "hello world",
    "tell me a story about a {place} in {city}",
)


def sentence(rng: random.Random) -> str:
    """A sentence of the grammar: lower case, no punctuation."""
    text = rng.choice(_TEMPLATES)
    while "{" in text:
        slot = text[text.index("{") + 1 : text.index("}")]
        text = text.replace("{" + slot + "}", rng.choice(_SLOTS[slot].split()), 1)
    return text


@cache
def words() -> tuple[str, ...]:
    """Every word of the language, sorted."""
    text = " ".join((*_TEMPLATES, *_SLOTS.values()))
    return tuple(sorted({word for word in text.split() if "{" not in word}))


@cache
def held_out_sentences() -> tuple[str, ...]:
    """120 sentences of four words or more that the model was not trained on."""
    rng = random.Random(2026)
    held_out: dict[str, None] = {}
    while len(held_out) < 120:
        text = sentence(rng)
        if len(text.split()) >= 4 and text not in _TEMPLATES:
            held_out[text] = None
    return tuple(held_out)


HELD_OUT_VOICES = ("en-us+m4", "en+f5", "en-us+linda", "en+adam")
"""Voices that the model was not trained on, nor on their variants (m4, …) of other accents."""

_ACCENTS = ("en-us", "en-us", "en-us", "en", "en", "en-gb-x-rp", "en-gb-scotland")
_VARIANTS = (
    "m1 m1 m2 m2 m3 m3 m5 m6 m7 m8 f1 f1 f2 f2 f3 f3 f4 edward edward2 klatt klatt2 klatt3 klatt4 "
    "Alex Alicia Andrea Andy Annie Denis Diogo Gene Gene2 Henrique Hugo Jacky Lee Marco Mario "
    "Michael Mike Nguyen Reed Storm anika announcer antonio aunty belinda benjamin boris caleb "
    "david ed grandma grandpa gustave ian iven iven2 john kaukovalta marcelo max michel miguel "
    "mike2 norbert pablo paul pedro quincy rob robert sandro shelby steph steph2 steph3 travis "
    "victor zac"
)


def training_voice(rng: random.Random) -> str:
    """A voice that the model may be trained on."""
    accent = rng.choice(_ACCENTS)
    return accent if rng.random() < 0.08 else f"{accent}+{rng.choice(_VARIANTS.split())}"


@cache
def say(
    text: str, voice: str = HELD_OUT_VOICES[0], words_per_minute: int = 165, pitch: int = 50
) -> Spoken:
    """`text` (words, no punctuation) spoken; equal arguments give equal samples.

    There is next to no silence around it. Do not write into the samples.
    """
    with Speaker() as speaker:
        spoken = speaker.say(text, voice, words_per_minute, pitch)
    spoken.samples.flags.writeable = False
    return spoken


def telephone(samples: Samples) -> bytes:
    """Speech of 16 kHz as a telephone line carries it: µ-law, 8 kHz."""
    line = _resampled(samples, SAMPLE_RATE_HZ, TELEPHONE_HZ)
    return mulaw_encode((np.clip(line, -1, 1) * 32_767).astype(np.int16))


def over_telephone(samples: Samples) -> Samples:
    """Speech of 16 kHz as it sounds after a telephone line, 16 kHz again."""
    line = mulaw_decode(telephone(samples)).astype(np.float32) / np.float32(32_768)
    return _resampled(line, TELEPHONE_HZ, SAMPLE_RATE_HZ)[: len(samples)]


def _resampled(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    resampler = Resampler(from_hz, to_hz)
    return np.concatenate([resampler.push(samples), resampler.drain()])
