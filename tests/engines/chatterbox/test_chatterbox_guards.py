"""An utterance that the model does not end is ended."""

from voice_agent.engines.chatterbox.guards import EndGuard, longest_tokens


def why(tokens: list[int], longest: int = 1000) -> tuple[int, str]:
    guard = EndGuard(longest)
    for n, token in enumerate(tokens, 1):
        if reason := guard.hear(token):
            return n, reason
    return len(tokens), ""


def test_speech_is_left_alone() -> None:
    assert why([(i * i) % 6561 for i in range(900)]) == (900, "")


def test_a_pause_of_two_seconds_is_left_alone() -> None:
    assert why([1, 2, 3] + [4218] * 50 + [5, 6, 7]) == (56, "")


def test_a_token_said_for_ever_ends_it() -> None:
    assert why([1, 2, 3] + [7] * 500) == (3 + 76, "repetition")


def test_a_syllable_said_for_ever_ends_it() -> None:
    n, reason = why([1, 2, 3] + [10, 11, 12, 13, 14] * 100)
    assert reason == "repetition"
    assert n == 3 + 5 + 75


def test_a_text_has_a_length() -> None:
    assert why([i % 997 for i in range(900)], longest=200) == (200, "length")
    assert longest_tokens(4) == 48
    assert longest_tokens(100) == 550
    assert longest_tokens(10_000) == 1000
