"""The embedded speaker: espeak-ng in a worker process, shared by all sessions."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from itertools import count

from voice_agent import metrics
from voice_agent.engines.base import (
    Conditioning,
    EngineInfo,
    Samples,
    SpeakJob,
    SpokenChunk,
    VoiceInfo,
)
from voice_agent.engines.clauses import clauses
from voice_agent.engines.espeak.loop import EspeakLoop
from voice_agent.engines.espeak.questions import Phonemes
from voice_agent.engines.espeak.synthesis_job import SynthesisJob
from voice_agent.engines.espeak.voices import Catalogue
from voice_agent.errors import EngineTimeout, EngineUnavailable, Unsupported

_WORDS_PER_MINUTE = 170  # a calm reader; the default voice is understood best around it
_MIN_WORDS_PER_MINUTE, _MAX_WORDS_PER_MINUTE = 80, 450  # what espeak-ng can do
_WARM_UP = "Hello."
_CANNOT_CLONE = "the espeak engine cannot clone a voice; it speaks with its own, see list_voices"


class EspeakSpeaker:
    """A `Speaker` that needs no download and no GPU, and cannot clone voices.

    Jobs are spoken clause by clause, the clauses of all sessions in fair order
    (`turnstile`). A job's clauses wait while its reader is `ahead_s` behind. Equal jobs
    sound equal to the bit, whatever was spoken before. `emotion` and `seed` change
    nothing; `speed` reaches from 0.62 to 3.46, beyond that it is as at the limit.

    Args:
        max_jobs: Jobs that may be open at once; more are refused.
        ahead_s: Audio that may wait for a reader before the next clause is spoken.
    """

    def __init__(self, *, max_jobs: int = 64, ahead_s: float = 2.0) -> None:
        self._owner = EspeakLoop(max_jobs=max_jobs, ahead_s=ahead_s)
        self._numbers = count(1)
        self._warm = False

    @property
    def info(self) -> EngineInfo:
        """What this engine is; complete after `load`."""
        catalogue = self._owner.catalogue
        return EngineInfo(
            name="espeak",
            role="speaks",
            model=f"espeak-ng {catalogue.version}" if catalogue else "espeak-ng",
            precision="int16",
            sample_rate_hz=catalogue.sample_rate_hz if catalogue else 0,
            languages=catalogue.languages if catalogue else (),
        )

    @property
    def ready(self) -> bool:
        """The worker process runs and has spoken."""
        return self._warm and self._owner.ready

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
        """All voices, the default first; empty before `load`."""
        return self._owner.catalogue.voices if self._owner.catalogue else ()

    async def load(self) -> None:
        """Starts the worker process.

        Raises:
            EngineUnavailable: It does not start; the message says why.
        """
        await self._owner.start()

    async def warm_up(self) -> None:
        """Speaks a word to nobody."""
        async for _ in self.speak(SpeakJob(session_id="warm-up", text=_WARM_UP)):
            pass
        self._warm = True

    async def close(self) -> None:
        """Fails what waits and ends the process; may be called twice."""
        await self._owner.close()

    def forget(self, session_id: str) -> None:
        """Ends the session's jobs; whoever still reads them gets `engine_unavailable`."""
        for speech in self._owner.speeches():
            if speech.job.session_id == session_id:
                self._owner.abandon(speech, EngineUnavailable("the session is gone"))

    async def speak(self, job: SpeakJob) -> AsyncGenerator[SpokenChunk]:
        """Speaks chunk by chunk, as fast as the consumer takes them.

        Chunks are as short as espeak-ng makes them, 60 to 500 ms, whatever `chunk_s` says:
        so it is known to the word what is heard when.

        Closing the generator, or cancelling the task that iterates, stops the worker
        within one piece of audio; when `aclose` returns, nothing of the job runs.

        Raises:
            VoiceNotFound: No such voice; raised at the first step.
            Unsupported: The language is not spoken, or a cloned voice is asked for; raised
                at the first step.
            EngineTimeout: A chunk did not come within the job's time.
            EngineUnavailable: The engine is closed or broken, or too many jobs are open.
        """
        catalogue = self._owner.require()
        if job.voice is not None:
            raise Unsupported(_CANNOT_CLONE)
        speech = self._speech(job, catalogue)
        began_s = time.monotonic()
        outcome = "cancelled"
        try:
            self._owner.admit(speech)
            while (chunk := await self._read(speech)) is not None:
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
            metrics.engine_jobs_total.labels("espeak", kind, outcome).inc()
            metrics.engine_run_s.labels("espeak", kind).observe(time.monotonic() - began_s)
            # last: under HTTP the task is cancelled again at every wait
            await self._owner.release(speech)

    async def phonemes(self, text: str, voice: str, timeout_s: float) -> Phonemes:
        """How a clause is said, for other engines.

        Args:
            text: The clause.
            voice: Of espeak-ng, by its own name (`en-us`).
            timeout_s: It must be there within this.

        Raises:
            EngineTimeout: It took longer.
            EngineUnavailable: The engine is closed or broken, too many ask, or it has no such
                voice.
        """
        self._owner.require()
        return await self._owner.phonemes(text, voice, timeout_s)

    def check_voice(self, voice_id: str, language: str | None) -> None:
        """Says at once what `speak` would refuse at its first step.

        Raises:
            VoiceNotFound: No such voice.
            Unsupported: The language is not spoken.
            EngineUnavailable: The engine is not loaded, closed or broken.
        """
        self._owner.require().espeak_name(voice_id, language)

    async def condition(self, samples: Samples, sample_rate_hz: int) -> Conditioning:
        """This engine has its own voices only.

        Raises:
            Unsupported: Always.
        """
        raise Unsupported(_CANNOT_CLONE)

    def _speech(self, job: SpeakJob, catalogue: Catalogue) -> SynthesisJob:
        wanted = round(_WORDS_PER_MINUTE * (job.speed or 1.0))
        return SynthesisJob(
            next(self._numbers),
            job,
            catalogue.espeak_name(job.voice_id, job.language),
            min(max(wanted, _MIN_WORDS_PER_MINUTE), _MAX_WORDS_PER_MINUTE),
            clauses(job.text, language=catalogue.language(job.voice_id, job.language)),
        )

    async def _read(self, speech: SynthesisJob) -> SpokenChunk | None:
        timeout_s = speech.job.timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                chunk = await speech.read()
        except TimeoutError:
            raise EngineTimeout(f"espeak took longer than {timeout_s:g} s") from None
        self._owner.nudge()  # its next clause may be due now
        return chunk
