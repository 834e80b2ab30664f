"""Questions spoken to an agent one after another, as a caller would, and what came of each."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from voice_agent.client.agent import AgentClient, Speech
from voice_agent.client.tts import TtsClient
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ
from voice_agent.wire.agent import AnswerEnd, AnswerStart, AnswerText, Latency
from voice_agent.wire.asr import Final
from voice_agent.wire.tts import SynthesisOptions

FRAME_S = 0.04
"""Of audio in a message."""
_LOUD = 300
"""In int16 units: the last such sample is the end of what was said."""
_PATIENCE_S = 90.0
"""For an answer to be written, spoken and heard."""

Sound = NDArray[np.int16]


@dataclass(slots=True)
class Turn:
    """One question and its answer.

    Attributes:
        said: What the caller said.
        heard: What was understood.
        answer: What the model wrote.
        stages: Where the time went before the first sound, in ms.
        first_sound_ms: From the last sample of the question to the answer's first sound.
        text_after_sound: Pieces of the answer that came after its first sound: it was spoken
            while it was written.
        spoken_s: Length of the answer's sound.
        phrases: Fillers that were heard before it.
    """

    said: str
    heard: str = ""
    answer: str = ""
    stages: dict[str, float] = field(default_factory=dict[str, float])
    first_sound_ms: float | None = None
    text_after_sound: int = 0
    spoken_s: float = 0.0
    phrases: int = 0


async def spoken(tts_url: str, texts: Sequence[str]) -> list[Sound]:
    """What a caller says, in the voice of a TTS service."""
    options = SynthesisOptions(encoding="pcm_s16le", sample_rate=ASR_SAMPLE_RATE_HZ)
    sounds: list[Sound] = []
    async with TtsClient.connect(tts_url) as client:
        for text in texts:
            pieces = [data async for _, data in client.speak(text, options)]
            sound = np.frombuffer(b"".join(pieces), "<i2").astype(np.int16)
            sounds.append(sound[: np.flatnonzero(np.abs(sound.astype(np.int32)) > _LOUD)[-1] + 1])
    return sounds


async def turns(
    agent_url: str, texts: Sequence[str], sounds: Sequence[Sound]
) -> AsyncGenerator[Turn]:
    """Speaks, listens to the whole answer, and goes on; gives each turn when it is over.

    Raises:
        TimeoutError: An answer did not come to its end.
        VoiceAgentError: The agent failed.
    """
    async with AgentClient.connect(agent_url) as client:
        conversation = _Conversation(client)
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(conversation.listen()),
                tasks.create_task(conversation.microphone()),
            ]
            try:
                for text, sound in zip(texts, sounds, strict=True):
                    async with asyncio.timeout(_PATIENCE_S + len(sound) / ASR_SAMPLE_RATE_HZ):
                        yield await conversation.ask(text, sound)
            finally:
                for task in running:
                    task.cancel()


class _Conversation:
    """The caller's side: a microphone that is always open, and ears."""

    def __init__(self, client: AgentClient) -> None:
        self._client = client
        self._to_say = np.zeros(0, np.int16)
        self._spoken_at_s: float | None = None
        self._turn = Turn("")
        self._under_way: set[int] = set()
        self._news = asyncio.Condition()
        self._over = False

    async def ask(self, text: str, sound: Sound) -> Turn:
        """Says a question and hears the answer to its end."""
        async with self._news:
            self._turn = turn = Turn(text)
            self._spoken_at_s, self._over = None, False
            self._to_say = sound
            await self._news.wait_for(lambda: self._over and not self._under_way)
        return turn

    async def microphone(self) -> None:
        """Sends what there is to say, and the noise of a room."""
        n_samples = int(FRAME_S * ASR_SAMPLE_RATE_HZ)
        noise = np.random.default_rng(1)
        due_s = time.monotonic()
        while True:
            frame = noise.integers(-8, 8, n_samples).astype(np.int16)
            said, self._to_say = self._to_say[:n_samples], self._to_say[n_samples:]
            frame[: len(said)] += said
            await self._client.send(frame.tobytes())
            if len(said) and not len(self._to_say):
                self._spoken_at_s = time.monotonic()
            due_s += FRAME_S
            await asyncio.sleep(due_s - time.monotonic())

    async def listen(self) -> None:
        """Takes what the agent says, until the conversation is cancelled."""
        async for message in self._client:
            async with self._news:
                self._take(message)
                self._news.notify_all()

    def _take(self, message: object) -> None:
        turn = self._turn
        match message:
            case Final(text=text):
                turn.heard = f"{turn.heard} {text}".strip()
            case AnswerStart(turn=number):
                self._under_way.add(number)
            case AnswerText(delta=delta):
                turn.answer += delta
                turn.text_after_sound += turn.first_sound_ms is not None
            case Speech(chunk=chunk):
                turn.spoken_s += chunk.duration_ms / 1000
                if chunk.phrase:
                    turn.phrases += 1
                elif turn.first_sound_ms is None and self._spoken_at_s is not None:
                    turn.first_sound_ms = 1000 * (time.monotonic() - self._spoken_at_s)
            case Latency(stages=stages):
                turn.stages = {stage.name: stage.ms for stage in stages}
            case AnswerEnd(turn=number):
                self._under_way.discard(number)
                self._over = self._over or bool(turn.answer)
            case _:
                pass
