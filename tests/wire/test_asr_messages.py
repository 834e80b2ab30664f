import json
from typing import Any

import pytest

from voice_agent.errors import BadMessage, EngineTimeout
from voice_agent.wire.asr import Close, Config, Finalize, asr_client_message
from voice_agent.wire.common import Error, Ping, parse


def read(**fields: Any) -> Any:
    return parse(asr_client_message, json.dumps(fields))


def test_every_message_of_a_client_is_understood() -> None:
    assert read(type="finalize") == Finalize(type="finalize")
    assert read(type="close") == Close(type="close")
    assert read(type="ping", id="a") == Ping(type="ping", id="a")
    assert read(type="ping", id=7).id == 7
    config = read(
        type="config",
        sample_rate=44_100,
        channels=2,
        encoding="pcm_f32le",
        language="en",
        model="en-us",
        partials=False,
        words=False,
        prompt="a talk about boats",
        hotwords=["jib", "boom"],
        turn_detection="silence",
        silence_ms=500,
    )
    assert isinstance(config, Config)
    assert config.hotwords == ["jib", "boom"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not valid JSON"),
        ("hello", "not valid JSON"),
        ('{"type":"finalize"', "not valid JSON"),
        ('{"type":"ping","id":NaN}', "."),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "not a JSON object"),
        ("7", "not a JSON object"),
        ("null", "not a JSON object"),
        ('"config"', "not a JSON object"),
        ("{}", "no type"),
        ('{"type":"sing"}', "unknown type"),
        ('{"type":null}', "type"),
        ('{"type":7}', "type"),
        ('{"type":["config"]}', "type"),
        ('{"type":"ready"}', "unknown type"),
    ],
)
def test_what_is_no_message_is_refused_with_a_reason(text: str, said: str) -> None:
    with pytest.raises(BadMessage, match=said):
        parse(asr_client_message, text)


@pytest.mark.parametrize(
    "field",
    [
        {"sample_rate": 7},
        {"sample_rate": 0},
        {"sample_rate": -8000},
        {"sample_rate": 10**9},
        {"sample_rate": 10**30},
        {"sample_rate": "16000"},
        {"sample_rate": 16_000.5},
        {"sample_rate": True},
        {"channels": 0},
        {"channels": 3},
        {"channels": "1"},
        {"encoding": "mp4"},
        {"encoding": 1},
        {"language": ""},
        {"language": "x" * 17},
        {"language": ["en"]},
        {"model": ""},
        {"partials": "yes"},
        {"partials": 1},
        {"words": {}},
        {"prompt": "x" * 2001},
        {"prompt": 5},
        {"hotwords": "jib"},
        {"hotwords": [""]},
        {"hotwords": [1]},
        {"hotwords": ["x"] * 101},
        {"turn_detection": "psychic"},
        {"expect": "a number"},
        {"silence_ms": 99},
        {"silence_ms": 10_001},
        {"silence_ms": "500"},
        {"volume": 11},
    ],
)
def test_a_wrong_field_is_refused_by_name(field: dict[str, Any]) -> None:
    with pytest.raises(BadMessage, match=next(iter(field))):
        read(type="config", **field)


@pytest.mark.parametrize("kind", ["finalize", "close", "ping"])
def test_an_unknown_field_is_refused_everywhere(kind: str) -> None:
    with pytest.raises(BadMessage, match="extra"):
        read(type=kind, extra=1)


@pytest.mark.parametrize("wrong", [1.5, [], {}, "x" * 129])
def test_a_ping_has_a_short_id(wrong: object) -> None:
    with pytest.raises(BadMessage, match="id"):
        read(type="ping", id=wrong)


def test_an_error_says_its_code_and_whether_to_try_again() -> None:
    error = Error.of(EngineTimeout("too slow", retry_after_ms=100))
    assert error.model_dump(exclude_none=True) == {
        "type": "error",
        "code": "engine_timeout",
        "message": "too slow",
        "retryable": True,
        "retry_after_ms": 100,
    }
