import pytest

from voice_agent.client.reconnecting.resumable_text import ResumableText
from voice_agent.wire.tts import AudioChunk

TEXT = "The quick brown fox sleeps. Good night."


def chunk(start: int, end: int) -> AudioChunk:
    return AudioChunk(request_id="r", chunk_id=0, duration_ms=1, text_start=start, text_end=end)


@pytest.mark.parametrize(
    ("reached", "rest"),
    [
        (0, TEXT),
        (6, "quick brown fox sleeps. Good night."),
        (9, "quick brown fox sleeps. Good night."),
        (10, "quick brown fox sleeps. Good night."),
        (11, "brown fox sleeps. Good night."),
        (len(TEXT) - 1, "night."),
        (len(TEXT), ""),
    ],
)
def test_what_is_left_begins_with_the_last_word_that_was_spoken(reached: int, rest: str) -> None:
    reading = ResumableText(TEXT, "s")
    reading.take(chunk(0, reached))
    assert reading.rest() == rest


def test_chunks_of_several_requests_are_those_of_one_text() -> None:
    reading = ResumableText(TEXT, "s")
    reading.take(chunk(0, 15))
    rest = reading.rest()
    joined = reading.take(chunk(0, 9))
    assert rest.startswith("brown fox")
    assert TEXT[joined.text_start : joined.text_end] == "brown fox"
    assert (joined.chunk_id, joined.request_id) == (1, "s")
    assert reading.rest().startswith("fox sleeps")


@pytest.mark.parametrize("text", ["Hello…", "Hello 🙂", "Hello \n\n"])
def test_what_cannot_be_spoken_is_not_asked_for(text: str) -> None:
    reading = ResumableText(text, "s")
    reading.take(chunk(0, len(text)))
    assert reading.rest() == ""


def test_languages_without_spaces_go_on_where_it_broke_off() -> None:
    text = "今天天气很好我们一起去公园散步吧" * 4
    reading = ResumableText(text, "s")
    reading.take(chunk(0, 40))
    assert reading.rest() == text[40:]
