import pytest

from voice_agent.llm.continuation import Continuation


@pytest.mark.parametrize(
    ("said", "deltas", "new"),
    [
        ("", ["The ", "sun."], "The sun."),
        ("The sun ", ["is ", "up."], "is up."),
        ("The sun", ["is up."], " is up."),
        ("The sun", [" is up."], " is up."),
        ("The sun", [", you know,"], ", you know,"),
        ("The sun is", ["The ", "sun", " is", " up."], " up."),
        ("The sun is ", ["The sun is up."], "up."),
        ("The sun is", ["The sun"], ""),
        ("The sun is", ["Then", " the moon."], " Then the moon."),
        ("The sun is", ["", " "], ""),
    ],
)
def test_a_continuation_is_joined_without_what_it_repeats(
    said: str, deltas: list[str], new: str
) -> None:
    seam = Continuation(said)
    assert "".join(seam.feed(delta) for delta in deltas) == new
