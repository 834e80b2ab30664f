"""Piper's voice: how soon and how steadily many hear it, what it costs, and how well.

``make bench-tts`` or ``python -m benchmarks.piper [--seconds 15] [-o FILE]``

What the columns mean stands above the tables that it writes.

piper-tts is measured if `make piper-tts-env` has made its environment (it is GPL: it runs as a
program in an environment of its own, nothing of it is imported). It speaks a sentence whole, so
its first audio comes when all of a sentence is there.
"""

import argparse
import asyncio
import os
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine
from benchmarks.spoken_sentences import SENTENCES
from benchmarks.voices_at_once import Told, quantile_ms, talk
from benchmarks.words import Heard, digits_apart, interval, word_error_rate
from voice_agent.audio.g711 import mulaw_decode, mulaw_encode
from voice_agent.audio.resample import Resampler
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, Samples, Speaker, SpeakJob
from voice_agent.engines.registry import SPEAKERS, pick
from voice_agent.settings import Settings, load_settings
from voice_agent.weights.store import model_folder

_COLUMNS = """\
- `first audio`, `late`: everybody is spoken to without end, in real time, by one engine with two
  threads; somebody is late who has heard all there was. `loop`: how late this process's event
  loop is, 99 % and worst.
- `of a core`: processor time for a second of speech, one voice alone; espeak-ng's process, and
  piper-tts's, included.
- `wrong words`: of sixty sentences, as Whisper base hears them (five beams, full windows), clean
  and over a telephone (8 kHz, µ-law). A number counts by its digits, however they are
  written."""
_PEER = Path(".venv-piper-tts/bin/python")
_PEER_LIMIT_S = 300.0
_TELEPHONE_HZ = 8_000
_SILENCE_S = 0.3  # around each sentence, as a recogniser is given it
_VOICES = (1, 8, 16)
_CORES = 2  # of the machine that the targets are for


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """What one of them made of the sentences.

    Attributes:
        name: Who.
        audio: One for each sentence, at 16 kHz.
        first_s: Until the first audio of each.
        cpu_s: Processor time of all.
    """

    name: str
    audio: Sequence[Samples]
    first_s: Sequence[float]
    cpu_s: float

    @property
    def real_time(self) -> float:
        """Processor time for a second of speech."""
        return self.cpu_s / (sum(map(len, self.audio)) / ASR_SAMPLE_RATE_HZ)


async def speak_all(name: str, speaker: Speaker) -> Spoken:
    """All sentences, one after the other."""
    await speaker.load()
    await speaker.warm_up()
    rate_hz, audio, first_s = speaker.info.sample_rate_hz, list[Samples](), list[float]()
    began_cpu_s = _cpu_s()
    for number, text in enumerate(SENTENCES):
        asked_s, pieces = time.perf_counter(), list[Samples]()
        job = SpeakJob(session_id="bench", text=text, seed=number)
        async for piece in speaker.speak(job):
            if not pieces:
                first_s.append(time.perf_counter() - asked_s)
            pieces.append(piece.samples)
        audio.append(np.concatenate(pieces))
    await speaker.close()  # a child's time counts when it is over
    cpu_s = _cpu_s() - began_cpu_s
    at_16 = [_at_rate(samples, rate_hz, ASR_SAMPLE_RATE_HZ) for samples in audio]
    return Spoken(name=name, audio=at_16, first_s=first_s, cpu_s=cpu_s)


def speak_peer(graph: Path) -> list[Spoken]:
    """The same by piper-tts, in its own process; nothing where it is not installed."""
    if not _PEER.exists():
        return []
    with tempfile.TemporaryDirectory() as folder:
        command = [str(_PEER), "-m", "piper", "-m", str(graph), "-d", folder]
        started_s = _peer_cpu_s(command, "")
        began_s = time.perf_counter()
        cpu_s = _peer_cpu_s(command, "\n".join(SENTENCES) + "\n") - started_s
        wall_s = time.perf_counter() - began_s
        paths = sorted(Path(folder).glob("*.wav"), key=lambda path: int(path.stem))
        audio = [_read(path) for path in paths]
    if len(audio) != len(SENTENCES):
        raise RuntimeError(f"piper-tts made {len(audio)} files of {len(SENTENCES)} sentences")
    each_s = wall_s / len(SENTENCES)
    first_s = [each_s] * len(audio)
    return [Spoken(name="piper-tts", audio=audio, first_s=first_s, cpu_s=cpu_s)]


def _peer_cpu_s(command: Sequence[str], text: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        command, input=text.encode(), check=True, timeout=_PEER_LIMIT_S, capture_output=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _cpu_s() -> float:
    """Of this process and its children that are over."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _read(path: Path) -> Samples:
    import soundfile  # pyright: ignore[reportMissingTypeStubs]  it has none

    samples, rate_hz = soundfile.read(path, dtype="float32")
    return _at_rate(samples.astype(np.float32), rate_hz, ASR_SAMPLE_RATE_HZ)


def _at_rate(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    resampler = Resampler(from_hz, to_hz)
    return np.concatenate([resampler.push(samples), resampler.drain()])


def over_telephone(samples: Samples) -> Samples:
    """As it comes out at the other end."""
    narrow = _at_rate(samples, ASR_SAMPLE_RATE_HZ, _TELEPHONE_HZ)
    pcm = (np.clip(narrow, -1, 1) * 32_767).astype(np.int16)
    heard = mulaw_decode(mulaw_encode(pcm)).astype(np.float32) / np.float32(32_768)
    return _at_rate(heard, _TELEPHONE_HZ, ASR_SAMPLE_RATE_HZ)


class Listener:
    """Whisper base, two texts at once.

    Args:
        folder: Of the model.
    """

    def __init__(self, folder: Path) -> None:
        from faster_whisper import WhisperModel

        self._model: Any = WhisperModel(
            str(folder), device="cpu", compute_type="int8", cpu_threads=1, num_workers=_CORES
        )

    def wrong(self, spoken: Spoken, change: Callable[[Samples], Samples]) -> str:
        """Its share of wrong words, and between what it lies."""
        with ThreadPoolExecutor(_CORES) as threads:
            said = list(threads.map(lambda samples: self._hear(change(samples)), spoken.audio))
        heard = [
            Heard(text, digits_apart(text), digits_apart(words))
            for text, words in zip(SENTENCES, said, strict=True)
        ]
        for one in heard:
            if one.counts()[0]:
                print(f"  {spoken.name}: {one.said} | {one.recognised}")
        low, high = interval(heard)
        return f"{word_error_rate(heard):.1%} ({low:.1%}–{high:.1%})"

    def _hear(self, samples: Samples) -> str:
        silence = np.zeros(int(_SILENCE_S * ASR_SAMPLE_RATE_HZ), np.float32)
        padded = np.concatenate([silence, samples, silence])
        segments, _ = self._model.transcribe(
            padded, language="en", beam_size=5, temperature=0.0, without_timestamps=True
        )
        return " ".join(segment.text.strip() for segment in segments)


def _engine(name: str, settings: Settings) -> Speaker:
    return pick(SPEAKERS, name, settings).engine


async def crowds(settings: Settings, seconds: float) -> list[str]:
    """The first table."""
    rows = [
        "| voices | first audio p50 / p95 ms | requests | late | pieces | worst ms "
        "| loop p99 / worst ms | cores |",
        "|---|---|---|---|---|---|---|---|",
    ]
    engine = _engine("piper", settings)
    await engine.load()
    await engine.warm_up()
    await talk(engine, 2, 3)  # warm: memory for windows of every size
    for n_voices in _VOICES:
        rows.append(_crowd(n_voices, await talk(engine, n_voices, seconds)))
        print(rows[-1], flush=True)
    await engine.close()
    return rows


def _crowd(n_voices: int, told: Told) -> str:
    first = [quantile_ms(told.first_s, share) for share in (0.5, 0.95)]
    loop = [quantile_ms(told.beats_s, share) for share in (0.99, 1)]
    return (
        f"| {n_voices} | {first[0]:.0f} / {first[1]:.0f} | {len(told.first_s)} "
        f"| {len(told.late_s)} | {told.n_pieces} | {quantile_ms(told.late_s, 1):.0f} "
        f"| {loop[0]:.1f} / {loop[1]:.1f} | {told.cpu_s / told.wall_s:.2f} |"
    )


async def quality(settings: Settings) -> list[str]:
    """The second table."""
    listener = Listener(model_folder("base", "whisper", settings))
    graph = next(model_folder("en_US-joe-medium", "piper", settings).glob("*.onnx"))
    everybody = [
        await speak_all("this engine", _engine("piper", settings)),
        await speak_all("espeak-ng", _engine("espeak", settings)),
    ]
    everybody += await asyncio.to_thread(speak_peer, graph)
    rows = [
        "| | first audio p50 ms | of a core | wrong words, clean | telephone |",
        "|---|---|---|---|---|",
    ]
    for spoken in everybody:
        clean, telephone = (listener.wrong(spoken, f) for f in (lambda x: x, over_telephone))
        first_ms = 1000 * statistics.median(spoken.first_s)
        rows.append(
            f"| {spoken.name} | {first_ms:.0f} | {spoken.real_time:.3f} | {clean} | {telephone} |"
        )
        print(rows[-1], flush=True)
    return rows


async def main() -> None:
    """Measures, prints and writes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=15, help="for each number of voices")
    parser.add_argument("-o", type=Path, help="also write the tables here")
    options = parser.parse_args()
    settings = load_settings()
    about = f"`make bench-tts`: Piper's voice en_US-joe-medium. {machine()}."
    print(about, flush=True)
    tables = [await crowds(settings, options.seconds), await quality(settings)]
    if options.o:
        title = "# Piper's voice: first audio, cost, wrong words"
        report = "\n\n".join([title, about, _COLUMNS, *("\n".join(table) for table in tables)])
        options.o.write_text(report + "\n")


if __name__ == "__main__":
    asyncio.run(main())
