"""A caller on the page: its protocol, an open microphone, an answer played as it comes."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.voice_to_voice.callers import Spoken
from benchmarks.voice_to_voice.turn import PATIENCE_S, Turn, pause_s
from voice_agent.client.agent import AgentClient, Speech
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ
from voice_agent.wire.agent import AnswerEnd, AnswerStart, AnswerText
from voice_agent.wire.asr import Final

_ANSWER_RATE_HZ = 24_000
_FRAME_SAMPLES = ASR_SAMPLE_RATE_HZ // 50
_NOISE = 8
_AUDIBLE = 0.01  # of full scale: speech is louder, the silence before it is not


@dataclass(slots=True)
class Answer:
    """What was heard of one answer.

    Attributes:
        plays_until_s: When all of it that has come is played (monotonic).
        audible_s: When its first sound was played.
    """

    text: str = ""
    plays_until_s: float = 0.0
    audible_s: float | None = None
    ended: bool = False

    def play(self, samples: NDArray[np.float32], now_s: float) -> None:
        """Takes audio that has just come: it is played at once, or after what came before."""
        begins_s = max(now_s, self.plays_until_s)
        loud = np.flatnonzero(np.abs(samples) > _AUDIBLE)
        if self.audible_s is None and len(loud):
            self.audible_s = begins_s + float(loud[0]) / _ANSWER_RATE_HZ
        self.plays_until_s = begins_s + len(samples) / _ANSWER_RATE_HZ


@dataclass(slots=True)
class PageCaller:
    """One conversation."""

    spoken: Sequence[Spoken]
    seed: int
    turns: list[Turn] = field(default_factory=list[Turn])
    _answers: dict[int, Answer] = field(default_factory=dict[int, Answer])
    _finals: list[str] = field(default_factory=list[str])
    _to_say: list[NDArray[np.int16]] = field(default_factory=list[NDArray[np.int16]])
    _said_s: float = 0.0
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def call(self, url: str) -> None:
        """Asks everything, one after another."""
        chance = random.Random(self.seed)
        await asyncio.sleep(chance.uniform(0, 3))
        async with AgentClient.connect(url, timeout_s=30) as client:
            await client.configure(sample_rate=ASR_SAMPLE_RATE_HZ, encoding="pcm_s16le")
            tasks = [
                asyncio.create_task(self._listen(client)),
                asyncio.create_task(self._microphone(client)),
            ]
            try:
                for spoken in self.spoken:
                    await asyncio.sleep(pause_s(chance))
                    self.turns.append(await self._ask(spoken))
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, spoken: Spoken) -> Turn:
        before, finals = set(self._answers), len(self._finals)
        samples = spoken.clip.samples
        self._said_s = 0.0
        self._to_say = [
            samples[first : first + _FRAME_SAMPLES]
            for first in range(0, len(samples), _FRAME_SAMPLES)
        ]
        await self._until(lambda: self._said_s > 0, PATIENCE_S)
        end_s = self._said_s - len(samples) / ASR_SAMPLE_RATE_HZ + spoken.clip.speech_end_s

        def new() -> list[Answer]:
            return [answer for turn, answer in self._answers.items() if turn not in before]

        if await self._until(lambda: any(a.audible_s is not None for a in new()), PATIENCE_S):
            await self._until(lambda: all(answer.ended for answer in new()), PATIENCE_S)
        heard_s = [answer.audible_s for answer in new() if answer.audible_s is not None]
        await asyncio.sleep(max(0.0, max((a.plays_until_s for a in new()), default=0.0) - _now()))
        return Turn(
            spoken.question,
            min(heard_s) - end_s if heard_s else None,
            " ".join(self._finals[finals:]),
            " ".join(answer.text for answer in new()),
        )

    async def _until(self, holds: Callable[[], bool], within_s: float) -> bool:
        deadline_s = _now() + within_s
        while not holds() and _now() < deadline_s:
            self._news.clear()
            try:
                async with asyncio.timeout(max(0.0, deadline_s - _now())):
                    await self._news.wait()
            except TimeoutError:
                break
        return holds()

    async def _microphone(self, client: AgentClient) -> None:
        noise = np.random.default_rng(self.seed)
        due_s = _now()
        while True:
            frame = noise.integers(-_NOISE, _NOISE, _FRAME_SAMPLES, np.int16)
            if self._to_say:
                speech = self._to_say.pop(0)
                frame[: len(speech)] = speech
                last = not self._to_say
            else:
                last = False
            await client.send(frame.tobytes())
            due_s += _FRAME_SAMPLES / ASR_SAMPLE_RATE_HZ
            if last:
                self._said_s = due_s  # its last sample is spoken then
                self._news.set()
            await asyncio.sleep(max(0.0, due_s - _now()))

    async def _listen(self, client: AgentClient) -> None:
        current = Answer()
        async for message in client:
            match message:
                case AnswerStart(turn=turn):
                    current = self._answers.setdefault(turn, Answer())
                case AnswerText(turn=turn, delta=delta):
                    self._answers.setdefault(turn, Answer()).text += delta
                case AnswerEnd(turn=turn):
                    self._answers.setdefault(turn, Answer()).ended = True
                case Speech(chunk=chunk, data=data) if chunk.phrase is None:
                    current.play(np.frombuffer(data, np.float32), _now())
                case Final(text=text):
                    self._finals.append(text)
                case _:
                    continue
            self._news.set()


def _now() -> float:
    return time.monotonic()
