"""Endpoints that follow a script, and a clock that stands still unless they take their time."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field

from voice_agent.llm.health import Health
from voice_agent.llm.request import EndpointFailed, Piece, Question
from voice_agent.llm.tool_calls import ToolCall


@dataclass
class Clock:
    """Seconds that pass when somebody waits."""

    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds


Act = Piece | float | EndpointFailed


@dataclass(eq=False)
class ScriptedEndpoint:
    """Each request gets the next script: text and calls are written, a number is a wait in
    seconds, a failure is raised. The last script is for ever."""

    name: str
    clock: Clock
    scripts: list[list[Act]]
    asked: list[Question] = field(default_factory=list)
    ended: int = 0

    def __post_init__(self) -> None:
        self.health = Health(self.name, clock=self.clock)

    async def write(
        self, question: Question, patience_s: Callable[[], float]
    ) -> AsyncGenerator[Piece]:
        self.asked.append(question)
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        try:
            for act in script:
                if isinstance(act, EndpointFailed):
                    raise act
                if isinstance(act, str | ToolCall):
                    yield act
                    continue
                limit_s = patience_s()
                self.clock.now_s += min(act, limit_s)
                if act > limit_s:
                    raise EndpointFailed("late")
        finally:
            self.ended += 1
