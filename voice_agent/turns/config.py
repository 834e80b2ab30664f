"""What a client may set about recognition, checked against what is loaded."""

from collections.abc import Sequence

from voice_agent.errors import Unsupported
from voice_agent.wire.asr import Config, Configured


class AsrConfig:
    """The values in force for one session.

    Args:
        models: Loaded models, the default first.
        languages: What they understand.
        silence_ms: Default of the service.
    """

    def __init__(self, *, models: Sequence[str], languages: Sequence[str], silence_ms: int) -> None:
        self._models = models
        self._languages = languages
        self.values = Configured(
            sample_rate=16_000,
            channels=1,
            encoding="auto",
            language=languages[0] if languages else "auto",
            model=models[0] if models else "",
            partials=True,
            words=True,
            prompt="",
            hotwords=[],
            turn_detection="smart_turn",
            silence_ms=silence_ms,
        )

    def apply(self, config: Config) -> Configured:
        """Changes the values named in `config`.

        Raises:
            Unsupported: A model or language that is not loaded; nothing is changed then.
        """
        if config.model is not None and config.model not in self._models:
            loaded = ", ".join(self._models)
            raise Unsupported(f"model {config.model} is not loaded; loaded: {loaded}")
        if config.language not in (None, "auto", *self._languages):
            known = ", ".join(self._languages)
            raise Unsupported(
                f"language {config.language} is not understood here; understood: {known}"
            )
        changes = config.model_dump(exclude_none=True, exclude={"type"})
        self.values = self.values.model_copy(update=changes)
        return self.values
