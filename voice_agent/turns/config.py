"""What a client may set about recognition, checked against what is loaded."""

from collections.abc import Callable, Sequence

from voice_agent.errors import Unsupported
from voice_agent.wire.asr import Config, Configured


class AsrConfig:
    """The values in force for one session.

    Args:
        models: Loaded models, the default first; none where nothing is recognised.
        languages: What a model understands.
        language: Default of the service; the model's first if it does not know it.
        silence_ms: Default of the service.
    """

    def __init__(
        self,
        *,
        models: Sequence[str],
        languages: Callable[[str], Sequence[str]],
        language: str,
        silence_ms: int,
    ) -> None:
        self._models = models
        self._languages = languages
        model = models[0] if models else ""
        known = languages(model) or ("auto",)
        self.values = Configured(
            sample_rate=16_000,
            channels=1,
            encoding="auto",
            language=language if language in ("auto", *known) else known[0],
            model=model,
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
        model = config.model or self.values.model
        language = config.language or self.values.language
        known = self._languages(model)
        if language not in ("auto", *known):
            raise Unsupported(
                f"model {model} does not understand the language {language}; "
                f"it understands: auto, {', '.join(known)}"
            )
        changes = config.model_dump(exclude_none=True, exclude={"type"})
        self.values = self.values.model_copy(update=changes)
        return self.values
