"""One job, clause by clause: the model speaks what it can, espeak-ng the rest."""

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

from loguru import logger

from voice_agent.engines.base import SpeakJob, SpokenChunk
from voice_agent.engines.clauses import clauses, is_speakable
from voice_agent.engines.espeak.speaker import EspeakSpeaker
from voice_agent.engines.piper.coding import coded
from voice_agent.engines.piper.config import primary
from voice_agent.engines.piper.model import Manner
from voice_agent.engines.piper.rated import at_rate
from voice_agent.engines.piper.render_pool import RenderPool
from voice_agent.engines.piper.rendering import Rendering, Work
from voice_agent.engines.piper.scripts import runs
from voice_agent.engines.piper.synthesis_job import Passage, SynthesisJob
from voice_agent.engines.piper.voice_store import LoadedVoice
from voice_agent.errors import EngineTimeout, EngineUnavailable
from voice_agent.settings import PiperSettings

_PAUSE_S = 0.12
"""After a sentence, with what the voice itself leaves (0.17 s) as long as a calm reader takes."""

_SLOWEST, _FASTEST = 0.33, 2.5
"""Speeds at which the voices still speak all phonemes; beyond them it is as at the limit."""

_SEED_BITS = 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A clause, or what of it is in one script.

    Attributes:
        text: What is said.
        start: Where in the job's text.
        language: Who has to say it; empty if the voice can.
    """

    text: str
    start: int
    language: str


class PiperRequest:
    """A job being spoken.

    Args:
        job: What was asked for.
        voice: Who speaks.
        speaker: Number of the speaker in that voice.
        rate_hz: Of the engine's audio.
        studio: Makes audio.
        espeak: Puts texts into phonemes, and speaks what the voice cannot.
        settings: How it speaks when the job does not say.
    """

    def __init__(
        self,
        job: SpeakJob,
        voice: LoadedVoice,
        speaker: int,
        *,
        rate_hz: int,
        studio: RenderPool,
        espeak: EspeakSpeaker,
        settings: PiperSettings,
    ) -> None:
        self._job = job
        self._voice = voice
        self._rate_hz = rate_hz
        self._studio = studio
        self._espeak = espeak
        self._speed = min(max(job.speed or 1.0, _SLOWEST), _FASTEST)
        self._manner = Manner(
            length_scale=voice.config.length_scale / self._speed,
            noise_scale=settings.noise_scale,
            noise_w=settings.noise_w,
            speaker=speaker,
        )
        self._seed = secrets.randbits(_SEED_BITS) if job.seed is None else job.seed

    async def chunks(self) -> AsyncGenerator[SpokenChunk]:
        """All of the job; closing it stops the model.

        Raises:
            EngineTimeout: A chunk did not come within the job's time.
            EngineUnavailable: It cannot go on, or too many jobs are open.
        """
        speech = self._studio.open(self._job, self._voice.config.sample_rate_hz)
        preparing: asyncio.Task[Passage | None] | None = None
        try:
            parts = _parts(self._job.text, self._voice.config.language)
            for number, part in enumerate(parts):
                preparing = preparing or self._prepare(speech, part)
                passage = await preparing
                more = number + 1 < len(parts)
                preparing = self._prepare(speech, parts[number + 1]) if more else None
                async with aclosing(self._part(speech, part, passage)) as chunks:
                    async for chunk in chunks:
                        yield chunk
        finally:
            if preparing is not None:
                _abandon(preparing)
            self._studio.drop(speech)

    def _prepare(self, speech: SynthesisJob, part: Part) -> "asyncio.Task[Passage | None]":
        return asyncio.create_task(self._begin(speech, part), name="piper phonemes")

    async def _begin(self, speech: SynthesisJob, part: Part) -> Passage | None:
        """Gives a part to the model; None if that cannot say it."""
        if part.language:
            return None
        config, job = self._voice.config, self._job
        said = await self._espeak.phonemes(part.text, config.espeak_voice, job.timeout_s)
        code = coded(said, config.phonemes)
        if not code.sayable:
            return None
        work = Work(
            text=part.text,
            words=said.words,
            ids=code.ids,
            owners=code.owners,
            manner=self._manner,
            seed=(self._seed + part.start) % (1 << _SEED_BITS),
            gain=self._voice.gain,
            pause_s=_PAUSE_S / self._speed if said.ends_sentence else 0.0,
        )
        rendering = Rendering(self._voice.model, work, config.sample_rate_hz)
        passage = Passage(rendering, part.start)
        self._studio.begin(speech, passage)
        return passage

    async def _part(
        self, speech: SynthesisJob, part: Part, passage: Passage | None
    ) -> AsyncGenerator[SpokenChunk]:
        heard = False
        if passage is not None:
            own = self._by_model(speech, passage)
            try:
                async with aclosing(at_rate(own, self._own_rate_hz, self._rate_hz)) as chunks:
                    async for chunk in chunks:
                        heard = True
                        yield chunk
                return
            except EngineTimeout:
                raise
            except EngineUnavailable:
                if heard or speech.over:
                    raise
                logger.warning("espeak speaks a clause that Piper failed at")
        other = self._by_espeak(speech, part)
        rate_hz = self._espeak.info.sample_rate_hz
        async with aclosing(at_rate(other, rate_hz, self._rate_hz)) as chunks:
            async for chunk in chunks:
                yield chunk

    @property
    def _own_rate_hz(self) -> int:
        return self._voice.config.sample_rate_hz

    async def _by_model(
        self, speech: SynthesisJob, passage: Passage
    ) -> AsyncGenerator[SpokenChunk]:
        timeout_s = self._job.timeout_s
        while (chunk := await self._studio.read(speech, passage, timeout_s)) is not None:
            yield chunk

    async def _by_espeak(self, speech: SynthesisJob, part: Part) -> AsyncGenerator[SpokenChunk]:
        language = part.language or self._voice.config.language
        if part.language and not _speaks(self._espeak, part.language):
            language = self._voice.config.language
        job = replace(self._job, text=part.text, voice_id="default", language=language)
        rate_hz = self._espeak.info.sample_rate_hz
        async with aclosing(self._espeak.speak(job)) as chunks:
            async for chunk in chunks:
                self._studio.heard_from_others(speech, len(chunk.samples) / rate_hz)
                yield replace(
                    chunk,
                    text_start=part.start + chunk.text_start,
                    text_end=part.start + chunk.text_end,
                )


def _parts(text: str, language: str) -> list[Part]:
    """What is spoken one after the other; together they are the text."""
    found = list[Part]()
    for clause in clauses(text, language=language):
        for run in runs(clause.text, language):
            start = clause.start + run.start
            if found and not is_speakable(run.text):
                continue
            found.append(Part(text=run.text, start=start, language=run.language))
    return found


def _speaks(espeak: EspeakSpeaker, language: str) -> bool:
    return any(primary(code) == language for code in espeak.info.languages)


def _abandon(task: "asyncio.Task[Passage | None]") -> None:
    """Cancels a task that nobody waits for; its error, if it has one, is nobody's."""
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    task.cancel()
