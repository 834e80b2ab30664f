"""The TTS service as a speaker."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from voice_agent import metrics
from voice_agent.client.reconnecting.endpoints import Endpoints
from voice_agent.engines.base import (
    Conditioning,
    Priority,
    Samples,
    SpeakJob,
    SpokenChunk,
    VoiceInfo,
)
from voice_agent.errors import EngineTimeout, EngineUnavailable, Unsupported, VoiceNotFound
from voice_agent.remote.engine import RemoteEngine
from voice_agent.remote.tts_session import OutageListener, RemoteTtsSession
from voice_agent.wire.tts import SynthesisOptions

# what the wire makes of any engine's audio, and what an answer has
_SAMPLE_RATE_HZ = 24_000
_TOKENS_PER_S = 25
_MIN_TOKENS, _MAX_TOKENS = 5, 250
_DEFAULT_VOICE = "default"
_REGISTERED_THERE = "voices are registered at the TTS service"


class RemoteSpeaker(RemoteEngine):
    """Speaks through the TTS service, in a session of its own there for each session here.

    So texts of a session are spoken in order, and the slots of the service count callers.
    All voices of the service are its own, registered ones too.

    Args:
        urls: Where the service may be; the first that answers and has room is used.
        give_up_s: A service that is away for longer in a text is given up.
    """

    def __init__(self, urls: Sequence[str], *, give_up_s: float) -> None:
        super().__init__(service="tts", role="speaks", urls=urls, sample_rate_hz=_SAMPLE_RATE_HZ)
        self._endpoints = Endpoints(urls)
        self._give_up_s = give_up_s
        self._lines: dict[str, RemoteTtsSession] = {}
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def voices(self) -> Sequence[VoiceInfo]:
        """The voices of the service; empty until it has been seen."""
        return self._watch.seen.voices if self._watch.seen else ()

    @property
    def clones(self) -> bool:
        """Not here: voices are registered at the service."""
        return False

    @property
    def family(self) -> str:
        """None."""
        return ""

    @property
    def checkpoint(self) -> str:
        """None."""
        return ""

    async def close(self) -> None:
        """Ends all connections; may be called twice."""
        await super().close()
        for session_id in list(self._lines):
            self.forget(session_id)
        if self._closing:
            await asyncio.wait(self._closing)

    def forget(self, session_id: str) -> None:
        """Ends the session's connection, and with it what is spoken over it."""
        line = self._lines.pop(session_id, None)
        if line is not None:
            closing = asyncio.create_task(line.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def open(self, session_id: str, listener: OutageListener) -> None:
        """Connects for a session before it speaks, and tells `listener` how that goes."""
        line = self._line(session_id)
        line.listener = listener
        await line.open()

    async def speak(self, job: SpeakJob) -> AsyncGenerator[SpokenChunk]:
        """Speaks chunk by chunk, as fast as the consumer takes them.

        While the service is away it is tried again, up to `give_up_s`; then the text goes on
        where it stopped, give or take a word. Closing the generator, or cancelling the task that
        iterates, cancels the request at the service.

        Raises:
            VoiceNotFound: No such voice.
            Unsupported: A cloned voice of this process is asked for, or the language is not
                spoken.
            EngineTimeout: The service is there, and a chunk did not come in the job's time.
            EngineUnavailable: The service is away for too long.
            AtCapacity: It has no room for too long.
        """
        if job.voice is not None:
            raise Unsupported(_REGISTERED_THERE)
        # what nobody waits for holds no slot of the service afterwards
        passing = job.priority is Priority.BATCH
        line = self._new_line() if passing else self._line(job.session_id)
        outcome = "cancelled"
        try:
            spoken = line.speak(job.text, _options(job), timeout_s=job.timeout_s)
            async with aclosing(spoken):
                async for chunk in spoken:
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
            metrics.engine_jobs_total.labels("remote", kind, outcome).inc()
            if passing:
                await line.close()

    def check_voice(self, voice_id: str, language: str | None) -> None:
        """Says at once that there is no such voice; the service knows about languages.

        Raises:
            VoiceNotFound: The service had no such voice when it was last seen.
        """
        del language
        known = {voice.voice_id for voice in self.voices}
        if known and voice_id != _DEFAULT_VOICE and voice_id not in known:
            raise VoiceNotFound(f"the TTS service has no voice {voice_id}")

    async def condition(self, samples: Samples, sample_rate_hz: int) -> Conditioning:
        """Voices are registered at the service.

        Raises:
            Unsupported: Always.
        """
        raise Unsupported(_REGISTERED_THERE)

    def _line(self, session_id: str) -> RemoteTtsSession:
        if session_id not in self._lines:
            self._lines[session_id] = self._new_line()
        return self._lines[session_id]

    def _new_line(self) -> RemoteTtsSession:
        return RemoteTtsSession(self._endpoints, give_up_s=self._give_up_s)


def _options(job: SpeakJob) -> SynthesisOptions:
    """The job in the words of the wire; what it leaves open is left to the service."""
    chunk_size = round(job.chunk_s * _TOKENS_PER_S)
    values: dict[str, object] = {
        "chunk_size": min(max(chunk_size, _MIN_TOKENS), _MAX_TOKENS),
        "emotion": job.emotion,
        "sample_rate": _SAMPLE_RATE_HZ,
        "priority": "batch" if job.priority is Priority.BATCH else "interactive",
        "speed": job.speed,
        "seed": job.seed,
        "language": job.language,
        "voice_id": None if job.voice_id == _DEFAULT_VOICE else job.voice_id,
    }
    given = {name: value for name, value in values.items() if value is not None}
    return SynthesisOptions.model_validate(given)
