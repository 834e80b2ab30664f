"""Makes folders of turns with pauses: spoken texts, and recordings with pauses put into them.

``python -m benchmarks.turn_ends.make OUT --texts fit.tsv --voice en-us+edward --voice en-us+f3``
``python -m benchmarks.turn_ends.make OUT --recordings FOLDER --sentences --cuts 2``

Texts are spoken by the speaker of the settings (`VOICE_AGENT_TTS__ENGINE`). A bar in a text is
where the caller stops to think. Most sentences are spoken in one go and cut there, as somebody
stops who has planned to go on; the others, and all that is dictated in groups, in parts. A
recording is cut between two of its words. Pauses are as long as those of
real callers (`_PAUSE_LONGER_THAN`), and filled with the noise of a quiet room.
"""

import argparse
import asyncio
import csv
import json
import re
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import soundfile
import soxr

from voice_agent.audio.pcm import int16_to_float
from voice_agent.audio.stream_decoder import decode_file
from voice_agent.engines.base import (
    ASR_SAMPLE_RATE_HZ,
    RecognizeJob,
    Recognizer,
    Samples,
    Speaker,
    SpeakJob,
    Transcript,
)
from voice_agent.engines.engine_set import EngineSet
from voice_agent.engines.silero import WINDOW_S, SileroVad
from voice_agent.settings import load_settings
from voice_agent.turns.evaluation.judged_pauses import speaking
from voice_agent.turns.evaluation.recorded_turns import RecordedTurn, find_pauses, read_folder

_HZ = ASR_SAMPLE_RATE_HZ
# How many of a real caller's pauses (of 0.2 s or more, within a turn) are longer than so many
# seconds: what a detector that only waits so long cuts off, published for the English turns of
# livekit/eot-bench-data ("VAD baseline").
_PAUSE_LONGER_THAN = ((0.2, 1.0), (0.3, 0.556), (0.6, 0.217), (1.0, 0.10), (1.6, 0.05), (3.0, 0.0))
_BEFORE_S, _AFTER_S = 0.4, 1.0
_ROOM_NOISE = 0.0008  # of full scale, -62 dBFS
# How the voice leaves a part after which the caller goes on: mostly open, now and then as if
# that were all.
_OPEN = (",", ",", ",", ";", ".")
_SAID_IN_GROUPS = ("number", "spelled")
_IN_ONE_GO = 0.75  # of the others
_CHUNK_S = 0.02  # so that it is known when a word begins
_SPEEDS = (0.9, 1.0, 1.1, 1.2)
_SOFT_END_S = 0.1  # kept of a recording after the speech detector's last window
_FRAME_SAMPLES = _HZ // 100
_FRAME_S = _FRAME_SAMPLES / _HZ
_LOUD_ABOVE = 3 * _ROOM_NOISE
_CLICK_S = 0.04  # less sound than this between two silences
_QUIET_EDGE = 0.01  # of full scale: silence around a part that is spoken


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A turn to be written."""

    id: str
    group: str
    asked: str
    parts: Sequence[Samples]


def pause_s(rng: np.random.Generator) -> float:
    """The length of a pause, drawn."""
    seconds, longer = (list(column) for column in zip(*_PAUSE_LONGER_THAN, strict=True))
    return float(np.interp(rng.uniform(), longer[::-1], seconds[::-1]))


def _room(seconds: float, rng: np.random.Generator) -> Samples:
    """Noise of a quiet room."""
    return rng.normal(0, _ROOM_NOISE, round(seconds * _HZ)).astype(np.float32)


async def spoken(
    speaker: Speaker, texts: Path, voices: Sequence[str], *, seed: int
) -> AsyncIterator[Made]:
    """The texts of a table, each in every voice."""
    with texts.open(newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    for voice in voices:
        for number, row in enumerate(rows, 1):
            rng = np.random.default_rng([seed, number, zlib.crc32(voice.encode())])
            parts = [part.strip() for part in row["text"].split("|")]
            voicing = _Voicing(speaker, voice, speed=float(rng.choice(_SPEEDS)), rng=rng)
            in_one_go = row["kind"] not in _SAID_IN_GROUPS and rng.uniform() < _IN_ONE_GO
            said = await (voicing.cut(parts) if in_one_go else voicing.apart(parts))
            yield Made(
                id=f"{texts.stem}-{voice}-{number:03}",
                group=row["kind"],
                asked=row["asked"],
                parts=said,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spoken:
    samples: Samples
    starts: Sequence[tuple[int, int]]  # character of the text, sample from which it is heard


class _Voicing:
    """A voice that speaks one turn."""

    def __init__(
        self, speaker: Speaker, voice: str, *, speed: float, rng: np.random.Generator
    ) -> None:
        self._speaker = speaker
        self._voice = voice
        self._speed = speed
        self._rng = rng

    async def apart(self, parts: Sequence[str]) -> list[Samples]:
        """Each part for itself, all but the last as if more followed."""
        texts = [*(self._open(part) for part in parts[:-1]), _closed(parts[-1])]
        return [_trimmed((await self._say(text)).samples) for text in texts]

    async def cut(self, parts: Sequence[str]) -> list[Samples]:
        """The whole sentence, cut between the words where a part ends."""
        spoken = await self._say(_closed(" ".join(parts)))
        cuts, at = [0], 0
        for part in parts[:-1]:
            at += len(part) + 1
            cuts.append(next((n for char, n in spoken.starts if char >= at), cuts[-1]))
        cuts.append(len(spoken.samples))
        return [_trimmed(_faded(spoken.samples[a:b])) for a, b in pairwise(cuts) if b > a]

    def _open(self, part: str) -> str:
        return part if part[-1] in ".?!" else part.rstrip(",") + str(self._rng.choice(_OPEN))

    async def _say(self, text: str) -> _Spoken:
        job = SpeakJob(
            session_id="make",
            text=text,
            voice_id=self._voice,
            speed=self._speed,
            chunk_s=_CHUNK_S,
            seed=int(self._rng.integers(1 << 30)),
        )
        starts: list[tuple[int, int]] = []
        pieces: list[Samples] = []
        n_samples, rate_hz = 0, self._speaker.info.sample_rate_hz
        async for chunk in self._speaker.speak(job):
            starts.append((chunk.text_start, n_samples * _HZ // rate_hz))
            pieces.append(chunk.samples)
            n_samples += len(chunk.samples)
        sound = soxr.resample(np.concatenate(pieces), rate_hz, _HZ)
        return _Spoken(samples=np.clip(sound, -1, 1).astype(np.float32), starts=starts)


def _closed(part: str) -> str:
    return part if part[-1] in ".?!" else part + "."


def _trimmed(samples: Samples) -> Samples:
    heard = np.flatnonzero(np.abs(samples) > _QUIET_EDGE)
    return samples[heard[0] : heard[-1] + 1] if len(heard) else samples[:0]


async def recorded(
    vad: SileroVad, recognizer: Recognizer, turns: Sequence[RecordedTurn], *, n_cuts: int, seed: int
) -> AsyncIterator[Made]:
    """Recordings as they are and, if long enough, cut between two words."""
    for number, turn in enumerate(turns):
        samples = int16_to_float(np.concatenate([p async for p in decode_file(turn.path)]))
        pauses = find_pauses(await speaking(vad, samples), WINDOW_S)
        if not pauses:
            continue
        said = _faded(samples[: round((pauses[-1].start_s + _SOFT_END_S) * _HZ)])
        name = f"{turn.path.parent.name}-{turn.path.stem}"
        yield Made(id=name, group="whole", asked="", parts=[said])
        rng = np.random.default_rng([seed, number])
        job = RecognizeJob(session_id="make", turn_id=number, samples=samples)
        heard = await recognizer.transcribe(job)
        for index, at in enumerate(_cuts(heard, n_cuts, rng)):
            cut = round(at * _HZ)
            yield Made(
                id=f"{name}-cut{index}",
                group="cut",
                asked="",
                parts=[_faded(said[:cut]), _faded(said[cut:])],
            )


_MIN_WORDS_TO_CUT = 5
# One sentence, not longer than what callers say: prompts are parts of sentences as well ("The
# last caller was..."), and menus that read out one sentence after the other.
_SENTENCE = re.compile(r"(?!\.\.\.)[^.?!]*[^.?!][.?!]?")
_MOST_WORDS = 15


def is_sentence(text: str) -> bool:
    """Whether a transcript is one whole sentence that a caller might say."""
    return (
        _SENTENCE.fullmatch(text.strip()) is not None
        and 1 < len(text.split()) <= _MOST_WORDS
        and text.split()[-1].lower() not in _OPEN_ENDS
    )


_OPEN_ENDS = frozenset({"for", "to", "is", "are", "from", "currently", "number", "extension", "by"})


def _cuts(heard: Transcript | None, n_cuts: int, rng: np.random.Generator) -> Iterator[float]:
    """Where to stop: after some of the words but the last two."""
    if heard is None or len(heard.words) < _MIN_WORDS_TO_CUT:
        return
    words = heard.words
    places = rng.permutation(np.arange(0, len(words) - 2))[:n_cuts]
    for at in places:
        yield (words[at].end_s + words[at + 1].start_s) / 2


def _faded(samples: Samples) -> Samples:
    """Without a click at its ends."""
    ramp = np.ones(len(samples), np.float32)
    n = min(len(samples) // 2, _HZ // 100)
    ramp[:n] = np.linspace(0, 1, n)
    ramp[len(ramp) - n :] = np.linspace(1, 0, n)
    return samples * ramp


async def write(out: Path, made: Made, vad: SileroVad | None, *, seed: int) -> dict[str, object]:
    """Writes the audio of a turn; returns its line of ``turns.jsonl``."""
    rng = np.random.default_rng([seed, zlib.crc32(made.id.encode())])
    sounds: list[Samples] = [_room(_BEFORE_S, rng)]
    for index, part in enumerate(made.parts):
        sounds += [part, _room(pause_s(rng) if index < len(made.parts) - 1 else _AFTER_S, rng)]
    samples = np.concatenate(sounds)
    name = f"{made.id}.wav"
    soundfile.write(out / name, samples, _HZ)
    pauses = (
        find_pauses(_loud(samples), _FRAME_S, shortest_sound_s=_CLICK_S)
        if vad is None
        else find_pauses(await speaking(vad, samples), WINDOW_S)
    )
    row: dict[str, object] = {
        "id": made.id,
        "language": "en",
        "audio": name,
        "silence_spans": [{"start": round(p.start_s, 3), "end": round(p.end_s, 3)} for p in pauses],
        "group": made.group,
    }
    if made.asked:
        row["messages"] = [{"role": "assistant", "content": made.asked}]
    return row


def _loud(samples: Samples) -> list[bool]:
    """Which 10 ms sound: made speech lies far above its quiet room."""
    frames = samples[: len(samples) // _FRAME_SAMPLES * _FRAME_SAMPLES]
    levels = np.sqrt(np.square(frames.reshape(-1, _FRAME_SAMPLES)).mean(axis=1))
    return [bool(level > _LOUD_ABOVE) for level in levels]


async def write_all(
    out: Path, turns: AsyncIterator[Made], vad: SileroVad | None = None, *, seed: int
) -> None:
    """Adds turns to a folder; `vad` finds the pauses of recordings, the level those of others."""
    with (out / "turns.jsonl").open("a") as table:
        async for made in turns:
            table.write(json.dumps(await write(out, made, vad, seed=seed)) + "\n")


async def main() -> None:
    """Makes what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--texts", type=Path)
    parser.add_argument("--voice", action="append", default=[])
    parser.add_argument("--recordings", type=Path)
    parser.add_argument("--half", type=int, choices=(0, 1))
    parser.add_argument("--cuts", type=int, default=1, help="of each recording, each in a turn")
    parser.add_argument("--sentences", action="store_true", help="leave out what is none")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    settings = load_settings(None)
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.texts:
        speaker = EngineSet.speaking(settings).speaker
        assert speaker is not None
        await speaker.load()
        try:
            voices = arguments.voice or ["default"]
            turns = spoken(speaker, arguments.texts, voices, seed=arguments.seed)
            await write_all(arguments.out, turns, seed=arguments.seed)
        finally:
            await speaker.close()
    if arguments.recordings:
        room = EngineSet.hearing(settings)
        recognizer, vad = room.recognizer, room.vad
        assert recognizer is not None
        assert vad is not None
        await recognizer.load()
        await vad.load()
        try:
            chosen = [
                turn
                for turn in read_folder(arguments.recordings, language="en")
                if arguments.half in (None, zlib.crc32(turn.id.encode()) % 2)
                and (not arguments.sentences or is_sentence(turn.text))
            ]
            turns = recorded(vad, recognizer, chosen, n_cuts=arguments.cuts, seed=arguments.seed)
            await write_all(arguments.out, turns, vad, seed=arguments.seed)
        finally:
            await recognizer.close()
            await vad.close()


if __name__ == "__main__":
    asyncio.run(main())
