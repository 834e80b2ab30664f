"""Piper's voices as a `Speaker`, with espeak-ng for all that they cannot say."""

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from loguru import logger

from voice_agent import metrics
from voice_agent.engines.base import (
    Conditioning,
    EngineInfo,
    Samples,
    SpeakJob,
    SpokenChunk,
    VoiceInfo,
)
from voice_agent.engines.espeak.speaker import EspeakSpeaker
from voice_agent.engines.piper.config import VoiceConfig
from voice_agent.engines.piper.rated import at_rate
from voice_agent.engines.piper.render_pool import NAME, RenderPool
from voice_agent.engines.piper.request import PiperRequest
from voice_agent.engines.piper.voice_store import LoadedVoice, VoiceStore
from voice_agent.engines.piper.voices import Chosen, Voices
from voice_agent.errors import EngineTimeout, EngineUnavailable, Unsupported
from voice_agent.settings import PiperSettings

_WARM_UP = "Hello."
_CANNOT_CLONE = "a Piper voice cannot become another one; see list_voices for those there are"


class PiperSpeaker:
    """The shared speaker.

    A job is spoken clause by clause, each in windows that grow, the windows of all sessions in
    the order in which listeners need them (`order`). Text in another script or language, and
    what fails before any of it was heard, is spoken by espeak-ng within the same job, at the
    same rate. Chunks are words and pauses, so that it is known to the word what is heard when.
    `emotion` changes nothing.

    Args:
        voices: The default first; not empty. Others are loaded when they are first asked for.
        settings: How they speak.
        fall_back: Where the default voice cannot be loaded, espeak-ng speaks alone; without
            this, `load` fails.
        n_threads: Windows that are made at once.
        max_jobs: Jobs that may be open at once; more are refused.
    """

    def __init__(
        self,
        voices: Sequence[VoiceConfig],
        settings: PiperSettings,
        *,
        fall_back: bool,
        n_threads: int,
        max_jobs: int = 128,
    ) -> None:
        self._voices = Voices(voices)
        self._settings = settings
        self._fall_back = fall_back
        self._espeak = EspeakSpeaker(max_jobs=max_jobs, ahead_s=settings.ahead_s)
        self._shelf = VoiceStore(self._espeak)
        self._studio = RenderPool(n_threads=n_threads, max_jobs=max_jobs, ahead_s=settings.ahead_s)
        self._n_threads = n_threads
        self._alone = False  # the default voice cannot be used: espeak-ng speaks everything
        self._loaded = self._warm = self._closed = False

    @property
    def info(self) -> EngineInfo:
        """What this engine is; complete after `load`."""
        if self._alone:
            return self._espeak.info
        default = self._voices.default
        return EngineInfo(
            name=NAME,
            role="speaks",
            model=default.name,
            precision="float32",
            sample_rate_hz=default.sample_rate_hz,
            languages=(*self._voices.languages, *self._espeak.info.languages),
            capacity=self._n_threads,
        )

    @property
    def ready(self) -> bool:
        """It has spoken, and both engines can go on."""
        return self._warm and not self._closed and self._espeak.ready and not self.lost

    @property
    def lost(self) -> bool:
        """A thread hangs in the model: only a new process gets it back."""
        return self._studio.lost

    @property
    def clones(self) -> bool:
        """It does not."""
        return False

    @property
    def family(self) -> str:
        """None."""
        return ""

    @property
    def checkpoint(self) -> str:
        """None."""
        return ""

    @property
    def voices(self) -> Sequence[VoiceInfo]:
        """Piper's, the default first, then espeak-ng's; empty before `load`."""
        others = list(self._espeak.voices)
        if self._alone or not self._loaded:
            return others
        return [*self._voices.infos(), *others[1:]]

    async def load(self) -> None:
        """Starts espeak-ng and loads the default voice.

        Raises:
            EngineUnavailable: Either cannot be had; the message says why.
        """
        if self._closed:
            raise EngineUnavailable(f"{NAME} is closed")
        await self._espeak.load()
        try:
            await self._shelf.get(self._voices.default)
        except EngineUnavailable as error:
            if not self._fall_back:
                raise
            self._alone = True
            logger.warning("espeak-ng speaks instead of Piper: {}", error)
        self._loaded = True

    async def warm_up(self) -> None:
        """Speaks a word to nobody, with both engines."""
        await self._espeak.warm_up()
        async for _ in self.speak(SpeakJob(session_id="warm-up", text=_WARM_UP)):
            pass
        self._warm = True

    async def close(self) -> None:
        """Fails what waits and ends threads and process; may be called twice."""
        self._closed = True
        await self._studio.close()
        await self._espeak.close()

    def forget(self, session_id: str) -> None:
        """Ends the session's jobs; whoever still reads them gets `engine_unavailable`."""
        self._studio.forget(session_id)
        self._espeak.forget(session_id)

    def check_voice(self, voice_id: str, language: str | None) -> None:
        """Says at once what `speak` would refuse at its first step.

        Raises:
            VoiceNotFound: No such voice.
            Unsupported: The language is not spoken.
            EngineUnavailable: The engine is not loaded, closed or broken.
        """
        self._require()
        if self._choose(voice_id, language) is None:
            self._espeak.check_voice(self._espeak_id(voice_id), language)

    async def speak(self, job: SpeakJob) -> AsyncGenerator[SpokenChunk]:
        """Speaks word by word; at most `ahead_s` of audio are made ahead of the reader.

        Closing the generator, or cancelling the task that iterates, stops the model within
        one window (60 ms of a core); nothing of the job runs after that. Equal jobs with a
        `seed` sound equal. `speed` reaches from 0.33 to 2.5, beyond that it is as at the limit.

        Raises:
            VoiceNotFound: No such voice; raised at the first step.
            Unsupported: The language is not spoken, or a cloned voice is asked for; raised
                at the first step.
            EngineTimeout: A chunk did not come within the job's time.
            EngineUnavailable: The engine is closed or broken, or too many jobs are open.
        """
        self._require()
        if job.voice is not None:
            raise Unsupported(_CANNOT_CLONE)
        chosen = await self._ready_voice(self._choose(job.voice_id, job.language))
        began_s, outcome = time.monotonic(), "cancelled"
        try:
            async with aclosing(self._chunks(job, chosen)) as chunks:
                async for chunk in chunks:
                    yield chunk
            outcome = "done"
        except EngineTimeout:
            outcome = "timeout"
            raise
        except EngineUnavailable:
            outcome = "failed"
            raise
        finally:
            kind = job.priority.name.lower()
            metrics.engine_jobs_total.labels(NAME, kind, outcome).inc()
            metrics.engine_run_s.labels(NAME, kind).observe(time.monotonic() - began_s)

    async def condition(self, samples: Samples, sample_rate_hz: int) -> Conditioning:
        """Its voices are trained, none is cloned.

        Raises:
            Unsupported: Always.
        """
        raise Unsupported(_CANNOT_CLONE)

    def _chunks(
        self, job: SpeakJob, chosen: tuple[LoadedVoice, int] | None
    ) -> AsyncGenerator[SpokenChunk]:
        rate_hz = self.info.sample_rate_hz
        if chosen is None:
            other = replace(job, voice_id=self._espeak_id(job.voice_id))
            return at_rate(self._espeak.speak(other), self._espeak.info.sample_rate_hz, rate_hz)
        voice, speaker = chosen
        telling = PiperRequest(
            job,
            voice,
            speaker,
            rate_hz=rate_hz,
            studio=self._studio,
            espeak=self._espeak,
            settings=self._settings,
        )
        return telling.chunks()

    async def _ready_voice(self, chosen: Chosen | None) -> tuple[LoadedVoice, int] | None:
        """The voice's model; None if espeak-ng has to speak."""
        if chosen is None:
            return None
        try:
            return await self._shelf.get(chosen.voice), chosen.speaker
        except EngineUnavailable:
            return None  # said in the log when it was found out

    def _choose(self, voice_id: str, language: str | None) -> Chosen | None:
        return None if self._alone else self._voices.choose(voice_id, language)

    def _espeak_id(self, voice_id: str) -> str:
        """What espeak-ng speaks in for a voice of ours."""
        return "default" if self._voices.knows(voice_id) else voice_id

    def _require(self) -> None:
        if self._closed or not self._loaded:
            raise EngineUnavailable(f"{NAME} is {'closed' if self._closed else 'not loaded'}")
