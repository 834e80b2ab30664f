import re

import pytest

from voice_agent import errors
from voice_agent.errors import VoiceAgentError

ALL = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, VoiceAgentError)
]
CODES = [
    "at_capacity",
    "bad_audio",
    "bad_message",
    "engine_timeout",
    "engine_unavailable",
    "idle_timeout",
    "internal",
    "model_missing",
    "pull_failed",
    "rate_limited",
    "resume_expired",
    "settings",
    "text_too_long",
    "too_large",
    "unauthorized",
    "unknown_model",
    "unsupported",
    "unsupported_format",
    "voice_exists",
    "voice_not_found",
]


def test_the_codes_are_those_of_the_protocol() -> None:
    assert sorted(error.code for error in ALL) == CODES


@pytest.mark.parametrize("error", ALL)
def test_each_error_is_in_the_tree_that_the_module_shows(error: type[VoiceAgentError]) -> None:
    assert re.search(rf"\b{error.__name__}\b", errors.__doc__ or "")
    assert error.__doc__


@pytest.mark.parametrize("error", ALL)
def test_each_error_carries_what_the_wire_needs(error: type[VoiceAgentError]) -> None:
    raised = error("do this", retry_after_ms=5, request_id="r")
    assert (str(raised), raised.message) == ("do this", "do this")
    assert (raised.retry_after_ms, raised.request_id) == (5, "r")
    assert 400 <= error.http_status < 600
    assert error.close_code is None or 1000 <= error.close_code < 5000


def test_what_may_work_later_says_so() -> None:
    retryable = {error.code for error in ALL if error.retryable}
    assert retryable == {"rate_limited", "at_capacity", "engine_timeout", "engine_unavailable"}
