from typing import Any

import pytest

from voice_agent.errors import Unsupported
from voice_agent.turns.config import AsrConfig
from voice_agent.wire.asr import Config


def config() -> AsrConfig:
    known = {"small": ("en", "de"), "large": ("en", "fr")}
    return AsrConfig(
        models=("small", "large"), languages=known.__getitem__, language="en", silence_ms=1600
    )


def test_it_starts_with_the_first_model_and_language_and_the_defaults() -> None:
    values = config().values
    assert (values.model, values.language) == ("small", "en")
    assert (values.sample_rate, values.channels, values.encoding) == (16_000, 1, "auto")
    assert (values.partials, values.words) == (True, True)
    assert (values.turn_detection, values.silence_ms) == ("smart_turn", 1600)


def test_it_changes_what_is_named_and_nothing_else() -> None:
    asr_config = config()
    before = asr_config.values
    after = asr_config.apply(Config(type="config", sample_rate=8000, words=False, language="auto"))
    assert after == before.model_copy(
        update={"sample_rate": 8000, "words": False, "language": "auto"}
    )
    assert asr_config.values == after


@pytest.mark.parametrize(
    "wrong", [{"model": "huge"}, {"language": "fr"}, {"model": "large", "language": "de"}]
)
def test_what_is_not_loaded_changes_nothing(wrong: dict[str, Any]) -> None:
    asr_config = config()
    before = asr_config.values
    with pytest.raises(Unsupported, match=r"small, large|en, de|en, fr"):
        asr_config.apply(Config(type="config", sample_rate=8000, **wrong))
    assert asr_config.values == before
