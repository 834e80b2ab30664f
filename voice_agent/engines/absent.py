"""What stands for a recogniser where no model is: it hears nothing, and says what to do."""

from collections.abc import Mapping

from voice_agent.engines.base import EngineInfo, RecognizeJob, Transcript
from voice_agent.errors import EngineUnavailable

NAME = "none"
"""Instead of the name of an engine, in ``/v1/info`` and wherever engines are told."""


class Absent:
    """A recogniser that is never ready, so that its service starts and can be asked why.

    Args:
        reason: One sentence for a person: what is missing, and what to do.
    """

    ready = False
    needs_help = True

    def __init__(self, reason: str) -> None:
        self.why_unready = reason
        self.info = EngineInfo(name=NAME, role="hears", model="", why=reason, capacity=0)
        self.models: tuple[str, ...] = ()
        self.degraded: Mapping[str, str] = {}

    def languages(self, model: str) -> tuple[str, ...]:
        """None."""
        del model
        return ()

    async def load(self) -> None:
        """There is nothing to load."""

    async def warm_up(self) -> None:
        """Nor to warm up."""

    async def close(self) -> None:
        """Nor to end."""

    async def transcribe(self, job: RecognizeJob) -> Transcript | None:
        """Raises EngineUnavailable with the reason."""
        del job
        raise EngineUnavailable(self.why_unready)

    def release(self, session_id: str, turn_id: int) -> None:
        """Nothing is kept for a turn."""

    def forget(self, session_id: str) -> None:
        """Nor for a session."""
