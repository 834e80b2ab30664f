"""Chatterbox as a `Speaker`: what sessions ask becomes utterances, and audio comes back."""

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from voice_agent import metrics
from voice_agent.engines.base import (
    Conditioning,
    EngineInfo,
    Samples,
    SpeakJob,
    SpokenChunk,
    VoiceInfo,
)
from voice_agent.engines.chatterbox.checkpoint import CheckpointFiles
from voice_agent.engines.chatterbox.chunk_stretch import ChunkStretch
from voice_agent.engines.chatterbox.conditioning_executor import ConditioningExecutor
from voice_agent.engines.chatterbox.model_thread import Loaded
from voice_agent.engines.chatterbox.request_builder import OWN_VOICE, RequestBuilder
from voice_agent.engines.chatterbox.scheduler import Scheduler
from voice_agent.engines.chatterbox.spec import SAMPLE_RATE_HZ, TOKENS_PER_S
from voice_agent.engines.chatterbox.synthesis_job import SynthesisJob
from voice_agent.engines.chatterbox.synthesis_jobs import SynthesisJobs
from voice_agent.engines.chatterbox.utterance import Request
from voice_agent.engines.chatterbox.watermark import Watermarker
from voice_agent.engines.clauses import Clause, ClauseLimits
from voice_agent.errors import EngineTimeout, EngineUnavailable, VoiceNotFound
from voice_agent.settings import ChatterboxSettings

if TYPE_CHECKING:
    from voice_agent.engines.chatterbox.model import ChatterboxModel

_NAME = "chatterbox"
_WARM_UP_LIMIT_S = 300.0  # libraries choose their algorithms, Perth compiles


class ChatterboxSpeaker:
    """The shared speaker.

    Args:
        files: The checkpoint; not read before `load`.
        settings: Device, precision, and what is traded for speed.
        placement: Says device and precision when it is loaded.
        max_jobs: Jobs that may be open at once; more are refused.
    """

    def __init__(
        self,
        files: CheckpointFiles,
        settings: ChatterboxSettings,
        placement: Callable[[], tuple[str, str]],
        *,
        max_jobs: int = 128,
    ) -> None:
        self._files = files
        self._settings = settings
        self._placement = placement
        self._max_jobs = max_jobs
        self._device, self._precision = "", ""
        self._checkpoint = ""
        self._model: ChatterboxModel | None = None
        self._speeches = SynthesisJobs(self._request)
        self._owner = self._speeches.owner
        self._n_jobs = 0
        self._asking = RequestBuilder(files, settings)
        self._desk = ConditioningExecutor()
        self._warm = False
        self._closed = False

    @property
    def info(self) -> EngineInfo:
        """What this engine is; complete after `load`."""
        spec = self._files.spec
        return EngineInfo(
            name=_NAME,
            role="speaks",
            model=spec.family,
            device=self._device,
            precision=self._precision,
            sample_rate_hz=SAMPLE_RATE_HZ,
            languages=self._asking.languages,
            capacity=self._settings.slots,
        )

    @property
    def ready(self) -> bool:
        """The model is loaded, has spoken, and does not fail."""
        return self._warm and not self._closed and self._owner.healthy

    @property
    def voices(self) -> Sequence[VoiceInfo]:
        """The checkpoint's own voice, if it has one."""
        if "voice" not in self._files.parts:
            return ()
        language = self._files.spec.languages[0]
        return (VoiceInfo(voice_id=OWN_VOICE, name="Chatterbox", language=language),)

    @property
    def clause_limits(self) -> ClauseLimits:
        """What the model speaks well; its tokens count from `load` on."""
        return self._asking.limits(self._model)

    @property
    def clones(self) -> bool:
        """It does."""
        return True

    @property
    def family(self) -> str:
        """Which conditioning fits."""
        return self._files.spec.family

    @property
    def checkpoint(self) -> str:
        """Hash of the weights; empty before `load`."""
        return self._checkpoint

    async def load(self) -> None:
        """Loads the model.

        Raises:
            EngineUnavailable: It cannot be loaded; the message says why.
        """
        if self._closed:
            raise EngineUnavailable(f"{_NAME} is closed")
        if self._model is None:
            await self._owner.open(self._load)

    async def warm_up(self) -> None:
        """Speaks a sentence to nobody, in the voice of the checkpoint."""
        if self.voices:
            job = SpeakJob(session_id="warm-up", text="Hello.", timeout_s=_WARM_UP_LIMIT_S)
            async for _ in self.speak(job):
                pass
        self._warm = True

    async def close(self) -> None:
        """Fails what waits and ends the threads; may be called twice."""
        self._closed = True
        self._speeches.fail_all(EngineUnavailable(f"{_NAME} is closed"))
        await self._owner.close()
        self._desk.close()

    def forget(self, session_id: str) -> None:
        """Ends the session's jobs; whoever still reads them gets `engine_unavailable`."""
        self._speeches.forget(session_id)

    def check_voice(self, voice_id: str, language: str | None) -> None:
        """Says at once what `speak` would refuse at its first step.

        Raises:
            VoiceNotFound: No such voice.
            Unsupported: The language is not spoken.
            EngineUnavailable: The engine is not loaded, closed or broken.
        """
        self._require()
        if voice_id != OWN_VOICE:
            raise VoiceNotFound(f"there is no voice {voice_id}; list_voices says which there are")
        self._asking.language(language)

    async def speak(self, job: SpeakJob) -> AsyncGenerator[SpokenChunk]:
        """Speaks chunk by chunk; at most `ahead_s` of audio are made ahead of the reader.

        Every clause is an utterance of its own in the same voice; the next one is begun as
        soon as the tokens of one are drawn. `speed` stretches what the model says. Where a
        chunk is in the text is estimated from its length.

        Closing the generator, or cancelling the task that iterates, frees the job's slot
        before the next step of the model.

        Raises:
            VoiceNotFound: No such voice; raised at the first step.
            Unsupported: The language is not spoken, or the text has nothing but tags; raised
                at the first step.
            EngineTimeout: A chunk did not come within the job's time.
            EngineUnavailable: The engine is closed or broken, or too many jobs are open.
        """
        speech = self._open(job)
        began_s, outcome = time.monotonic(), "cancelled"
        pace = ChunkStretch(job.speed)
        try:
            self._speeches.begin(speech)
            while (chunk := await self._speeches.read(speech)) is not None:
                if (paced := pace.push(chunk)) is not None:
                    yield paced
            if (paced := pace.finish()) is not None:
                yield paced
            outcome = "done"
        except EngineTimeout:
            outcome = "timeout"
            raise
        except EngineUnavailable:
            outcome = "failed"
            raise
        finally:
            self._n_jobs -= 1
            self._speeches.drop(speech)
            kind = job.priority.name.lower()
            metrics.engine_jobs_total.labels(_NAME, kind, outcome).inc()
            metrics.engine_run_s.labels(_NAME, kind).observe(time.monotonic() - began_s)

    async def condition(self, samples: Samples, sample_rate_hz: int) -> Conditioning:
        """Computes what the model needs to speak in the voice of a clip.

        Raises:
            BadAudio: The clip is too short.
            EngineTimeout: It took longer than a minute.
            EngineUnavailable: The engine is not loaded or closed, or too many wait.
        """
        conditioner = self._require().conditioner
        return await self._desk.compute(conditioner.compute, samples, sample_rate_hz)

    def _open(self, job: SpeakJob) -> SynthesisJob:
        model = self._require()
        clauses = self._asking.clauses(job, model)
        if job.voice is None and (job.voice_id != OWN_VOICE or not self.voices):
            raise VoiceNotFound(f"there is no voice {job.voice_id}; register one, or use default")
        if self._n_jobs >= self._max_jobs:
            raise EngineUnavailable("too many jobs are waiting, try again", retry_after_ms=1000)
        self._n_jobs += 1
        return SynthesisJob(job, clauses)

    def _request(self, speech: SynthesisJob, clause: Clause) -> Request:
        return self._asking.request(speech.job, clause, self._require(), speech.ahead)

    def _require(self) -> "ChatterboxModel":
        if self._closed or self._model is None:
            raise EngineUnavailable(f"{_NAME} is {'closed' if self._closed else 'not loaded'}")
        return self._model

    def _load(self) -> Loaded:
        """Runs in the owner's thread."""
        loading: Any = import_module("voice_agent.engines.chatterbox.loading")
        settings, (self._device, self._precision) = self._settings, self._placement()
        model: ChatterboxModel = loading.load_model(
            self._files, settings, device=self._device, precision=self._precision
        )
        self._checkpoint = self._files.digest()
        self._model = model

        def make_scheduler() -> Scheduler:
            return Scheduler(
                model,
                ahead_s=settings.ahead_s,
                max_batch=settings.max_batch,
                context_tokens=int(settings.context_s * TOKENS_PER_S),
            )

        return Loaded(
            make_scheduler=make_scheduler,
            mode=loading.inference_mode,
            watermarker=Watermarker() if settings.watermark else None,
        )
