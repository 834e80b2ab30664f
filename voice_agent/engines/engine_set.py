"""The engines of one process: loaded together, warm before ready, closed together."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

from voice_agent.engines.base import (
    Engine,
    EngineInfo,
    MayBeLost,
    MayNeedHelp,
    Recognizer,
    SaysWhy,
    Speaker,
    TurnJudge,
)
from voice_agent.engines.registry import SPEAKERS, SelectedEngine, pick, pick_recognizer
from voice_agent.engines.silero import SileroVad
from voice_agent.engines.smart_turn.engine import SmartTurn
from voice_agent.errors import AtCapacity, EngineUnavailable, VoiceAgentError
from voice_agent.settings import Settings


@dataclass(slots=True)
class EngineSet:
    """What a process has loaded; None for the roles it does not play.

    Attributes:
        elsewhere: What hears and judges turns in another process, instead of a `recognizer`.
        picked: Why an engine plays its role, by role.
        thinks: What answers in the agent.
    """

    recognizer: Recognizer | None = None
    elsewhere: Engine | None = None
    speaker: Speaker | None = None
    vad: SileroVad | None = None
    judge: TurnJudge | None = None
    llm: Engine | None = None
    picked: dict[str, SelectedEngine[Any]] = field(default_factory=dict[str, SelectedEngine[Any]])
    _open: bool = field(default=False, init=False)

    @classmethod
    def hearing(cls, settings: Settings) -> "EngineSet":
        """Engines that turn audio into turns and text."""
        picked = pick_recognizer(settings)
        return cls(
            recognizer=picked.engine, vad=SileroVad(), judge=SmartTurn(), picked={"hears": picked}
        )

    @classmethod
    def speaking(cls, settings: Settings) -> "EngineSet":
        """Engines that turn text into audio."""
        picked = pick(SPEAKERS, settings.tts.engine, settings)
        return cls(speaker=picked.engine, picked={"speaks": picked})

    @property
    def engines(self) -> list[Engine]:
        """All that are here."""
        present = (self.recognizer, self.elsewhere, self.speaker, self.vad, self.judge, self.llm)
        return [engine for engine in present if engine is not None]

    @property
    def infos(self) -> dict[str, EngineInfo]:
        """What plays each role, for people."""
        players: dict[str, Engine | None] = {
            "hears": self.recognizer or self.elsewhere,
            "judges_turns": self.judge,
            "speaks": self.speaker,
            "thinks": self.llm,
        }
        infos = {role: engine.info for role, engine in players.items() if engine is not None}
        for role, picked in self.picked.items():
            infos[role] = replace(infos[role], why=picked.why, hint=picked.hint)
        return infos

    def unready(self) -> list[str]:
        """Reasons why no session should start; empty if all is well."""
        if helpless := self._helpless():
            return [_why_unready(engine) for engine in helpless]
        if not self._open:
            return ["engines are loading"]
        return [_why_unready(engine) for engine in self.engines if not engine.ready]

    def refusal(self, *, retry_after_ms: int) -> VoiceAgentError | None:
        """What a client is refused with just now; None if a session may start.

        Args:
            retry_after_ms: When an engine that is not ready now may be.
        """
        if not (reasons := self.unready()):
            return None
        if self.needs_help:
            return EngineUnavailable(reasons[0])
        return AtCapacity(reasons[0], retry_after_ms=retry_after_ms)

    @property
    def needs_help(self) -> bool:
        """Whether waiting is in vain: it is not ready, and somebody has to do something."""
        return bool(self._helpless())

    def _helpless(self) -> list[Engine]:
        return [e for e in self.engines if isinstance(e, MayNeedHelp) and e.needs_help]

    def lost(self) -> list[str]:
        """Engines that hang for good; only a new process has them again."""
        lost = [e for e in self.engines if isinstance(e, MayBeLost) and e.lost]
        return [engine.info.name for engine in lost]

    async def open(self) -> None:
        """Loads and warms everything.

        Raises:
            EngineUnavailable: An engine cannot be loaded; the others are closed again.
        """
        try:
            await asyncio.gather(*(engine.load() for engine in self.engines))
            await asyncio.gather(*(engine.warm_up() for engine in self.engines))
        except BaseException:
            await self.close()
            raise
        self._open = True

    async def close(self) -> None:
        """Ends everything; may be called twice."""
        self._open = False
        await asyncio.gather(*(engine.close() for engine in self.engines))

    def forget(self, session_id: str) -> None:
        """Takes a session's jobs out of all engines."""
        for engine in self.engines:
            engine.forget(session_id)


def _why_unready(engine: Engine) -> str:
    why = engine.why_unready if isinstance(engine, SaysWhy) else ""
    return why or f"{engine.info.name} is not ready"
