"""A session's handle on the shared recogniser: its jobs, with the values in force."""

from voice_agent.engines.base import Priority, RecognizeJob, Recognizer, Samples, Transcript
from voice_agent.errors import EngineTimeout, EngineUnavailable, Unsupported
from voice_agent.wire.asr import Config
from voice_agent.wire.common import Degraded, Restored

_PARTIAL_TIMEOUT_S = 2.0
_NOTHING = Transcript(words=(), text="", language="", confidence=0.0)

Decoded = Transcript | EngineTimeout | EngineUnavailable
"""A final's transcript, or why there is none."""


class RecognizerSession:
    """What a session asks of the recogniser.

    Args:
        session_id: Whose audio it is.
        recognizer: The shared engine.
        config: The session's first values; `change` takes others.
        final_timeout_s: A final that takes longer is given up.
    """

    def __init__(
        self, *, session_id: str, recognizer: Recognizer, config: Config, final_timeout_s: float
    ) -> None:
        self.session_id = session_id
        self.config = config
        self._recognizer = recognizer
        self._final_timeout_s = final_timeout_s
        self._told: dict[str, str] = {}

    def change(self, config: Config) -> None:
        """Takes the values named in `config` for the jobs from now on."""
        changes = config.model_dump(exclude_none=True)
        self.config = self.config.model_copy(update=changes)

    def choose(self, model: str, language: str) -> None:
        """Takes a model, or with an empty one the engine's first, and a language.

        Raises:
            Unsupported: The engine has no such model, or the model does not know the language.
        """
        if model and model not in self._recognizer.models:
            raise Unsupported(f"there is no model {model}: {', '.join(self._recognizer.models)}")
        known = self._recognizer.languages(model or self._recognizer.models[0])
        if language not in ("auto", *known):
            raise Unsupported(f"{language} is not understood: {', '.join(known)}")
        changes = {"model": model or None, "language": language}
        self.config = self.config.model_copy(update=changes)

    async def partial(self, turn_id: int, samples: Samples, settled_s: float) -> Transcript | None:
        """What is heard so far; None if there is nothing better than before."""
        job = self._job(turn_id, samples, Priority.PARTIAL, _PARTIAL_TIMEOUT_S, settled_s)
        try:
            return await self._recognizer.transcribe(job)
        except (EngineTimeout, EngineUnavailable):
            return None  # the next one may come through; the engine's metrics show it

    async def final(self, turn_id: int, samples: Samples) -> Decoded:
        """What was heard, or the error: as a task's exception it would be lost."""
        if not len(samples):
            return _NOTHING
        job = self._job(turn_id, samples, Priority.FINAL, self._final_timeout_s)
        try:
            return await self._recognizer.transcribe(job) or _NOTHING
        except (EngineTimeout, EngineUnavailable) as error:
            return error

    def degradations(self) -> list[Degraded | Restored]:
        """What to tell the client since the last call: what works less well, what again."""
        now = self._recognizer.degraded
        worse = [(what, why) for what, why in now.items() if self._told.get(what) != why]
        over = [what for what in self._told if what not in now]
        self._told = dict(now)
        return [
            *(Degraded(what=what, reason=why) for what, why in worse),
            *(Restored(what=what) for what in over),
        ]

    def release(self, turn_id: int) -> None:
        """Ends a turn."""
        self._recognizer.release(self.session_id, turn_id)

    def forget(self) -> None:
        """Takes the session's jobs out of the engine."""
        self._recognizer.forget(self.session_id)

    def _job(
        self,
        turn_id: int,
        samples: Samples,
        priority: Priority,
        timeout_s: float,
        settled_s: float = 0.0,
    ) -> RecognizeJob:
        return RecognizeJob(
            session_id=self.session_id,
            turn_id=turn_id,
            samples=samples,
            priority=priority,
            timeout_s=timeout_s,
            settled_s=settled_s,
            model=self.config.model or "",
            language=self.config.language or "auto",
            prompt=self.config.prompt or "",
            hotwords=tuple(self.config.hotwords or ()),
        )
