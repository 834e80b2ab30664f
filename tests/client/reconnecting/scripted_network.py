"""Services at addresses that a test lets come and go, and a clock that it moves."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from voice_agent.client.connection import Resume
from voice_agent.client.reconnecting.connection import Runtime
from voice_agent.errors import EngineUnavailable, VoiceAgentError
from voice_agent.wire.asr import AsrServerMessage
from voice_agent.wire.common import Limits, Ready

_LIMITS = Limits(
    max_sessions=1,
    max_frame_bytes=1,
    max_unprocessed_audio_s=1,
    max_text_chars=1,
    idle_timeout_s=1,
)


class ScriptedConnection:
    """A connection whose other side is the test."""

    def __init__(self, ready: Ready, seq: int) -> None:
        self.ready = ready
        self.last_seq = seq
        self.gone = False
        self.closed = False
        self.sent: list[bytes | str] = []
        self._coming: asyncio.Queue[AsrServerMessage | VoiceAgentError | None] = asyncio.Queue()

    def say(self, message: AsrServerMessage | VoiceAgentError | None) -> None:
        """The other side sends it; None closes in order."""
        self._coming.put_nowait(message)

    def lose(self) -> None:
        """The connection breaks; what was sent before still comes."""
        self._coming.put_nowait(EngineUnavailable("the connection was lost"))

    async def receive(self) -> AsrServerMessage | bytes | None:
        message = await self._coming.get()
        if isinstance(message, VoiceAgentError):
            self.gone = "lost" in message.message
            raise message
        self.last_seq += 1
        return message

    async def send_frame(self, data: bytes | str) -> None:
        self.sent.append(data)

    async def close(self) -> None:
        self.closed = True


@dataclass
class ScriptedNetwork:
    """What a line finds when it connects.

    Attributes:
        answers: By address: what the next attempts find, `None` for a service that is there;
            when they have run out, it is there.
        resumes: Whether a service goes on with a session, and with how many received frames.
    """

    answers: dict[str, list[VoiceAgentError | None]] = field(
        default_factory=lambda: defaultdict(list)
    )
    resumes: Callable[[Resume], int | None] = lambda _: None
    asked: list[tuple[str, Resume | None]] = field(default_factory=list)
    connections: list[ScriptedConnection] = field(default_factory=list)
    now_s: float = 0.0
    waits_s: list[float] = field(default_factory=list)

    @property
    def surroundings(self) -> Runtime:
        """A clock that only waiting moves; every draw is the highest."""

        async def sleep(seconds: float) -> None:
            self.waits_s.append(seconds)
            self.now_s += seconds
            await asyncio.sleep(0)

        return Runtime(clock=lambda: self.now_s, draw=lambda: 1.0, sleep=sleep)

    async def connect(self, url: str, resume: Resume | None) -> ScriptedConnection:
        self.asked.append((url, resume))
        answer = self.answers[url].pop(0) if self.answers[url] else None
        if answer is not None:
            raise answer
        number = len(self.connections)
        received = None if resume is None else self.resumes(resume)
        ready = Ready(
            session_id="s",
            resume_token=f"t{number}",
            service="asr",
            engine={},
            limits=_LIMITS,
            resumed=None if received is None else True,
            received_frames=received,
        )
        self.connections.append(ScriptedConnection(ready, 1 if resume is None else resume.last_seq))
        return self.connections[-1]
