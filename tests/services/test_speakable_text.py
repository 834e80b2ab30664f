"""Written text over the real sockets: spoken as words, and chunks point into what was sent."""

import asyncio
import itertools
from collections.abc import Generator

import httpx2
import pytest

from tests.scripted_llm import ScriptedModel, serving
from tests.services.conftest import RunningService, running
from tests.services.conversing import conversing
from tests.services.listener import Answer, listening

pytestmark = pytest.mark.e2e

WRITTEN = (
    "# Offer\n\n- It costs **$5.30**.\n- Call 555-123-4567 by 5:30 pm, Jan. 5, 2024.\n\n"
    "See [the docs](https://www.example.com/docs?id=1) or mail john.doe@example.com 🙂"
)
SAID = (
    "Offer. It costs five dollars and thirty cents. Call five five five, one two three, four "
    "five six seven by five thirty P M, January fifth, twenty twenty-four. See the docs or mail "
    "john dot doe at example dot com"
)


def assert_points_into(answer: Answer, text: str) -> None:
    messages = [message for message, _ in answer.chunks]
    assert messages[0]["text_start"] == 0
    assert messages[-1]["text_end"] == len(text)
    for before, after in itertools.pairwise(messages):
        assert before["text_start"] <= before["text_end"] <= len(text)
        assert before["text_start"] <= after["text_start"]
        assert before["text_end"] <= after["text_end"]


async def test_written_text_sounds_like_its_words(tts: RunningService) -> None:
    async with listening(tts) as listener:
        written = await listener.speak(WRITTEN)
        said = await listener.speak(SAID)
    assert_points_into(written, WRITTEN)
    assert written.data == said.data


async def test_a_number_is_heard_bit_by_bit(tts: RunningService) -> None:
    async with listening(tts) as listener:
        answer = await listener.speak(WRITTEN, chunk_size=10)
    assert_points_into(answer, WRITTEN)
    number = WRITTEN.index("555-123-4567")
    inside = [m for m, _ in answer.chunks if number < m["text_end"] < number + 12]
    assert len({m["text_end"] for m in inside}) >= 3


@pytest.mark.parametrize("step", [1, 9, 200])
async def test_text_as_it_is_written_points_into_the_whole(tts: RunningService, step: int) -> None:
    text = WRITTEN.removesuffix(" 🙂")
    async with listening(tts) as listener:
        for at in range(0, len(text), step):
            await listener.send(type="text", request_id="w", delta=text[at : at + step])
        await listener.send(type="flush", request_id="w")
        answer = await listener.answer()
    assert_points_into(answer, text)


async def test_http_speaks_the_same_words(tts: RunningService) -> None:
    async with httpx2.AsyncClient(timeout=20) as client:
        written, said = [
            (await client.post(f"{tts.http}/v1/synthesize", json={"text": text})).content
            for text in (WRITTEN, SAID)
        ]
    assert written == said


@pytest.mark.parametrize("text", ["<b></b>", "![](https://example.com/a.png)", "**🙂**", "&nbsp;"])
async def test_markup_without_words_is_refused(tts: RunningService, text: str) -> None:
    async with listening(tts) as listener:
        error = await listener.refusal(type="synthesize", text=text, request_id="r")
        assert (error["code"], error["request_id"]) == ("bad_message", "r")
        assert (await listener.speak("Hello.")).chunks
    async with httpx2.AsyncClient(timeout=20) as client:
        response = await client.post(f"{tts.http}/v1/synthesize", json={"text": text})
    assert response.status_code == 400


async def test_another_language_is_said_in_its_own_words(tts: RunningService) -> None:
    async with listening(tts) as listener:
        written = await listener.speak("Am 3. Mai kostet es 5,30 €.", language="de")
        said = await listener.speak("Am dritten Mai kostet es fünf Euro dreißig.", language="de")
    assert written.data == said.data


@pytest.mark.parametrize("text", ["Yes.", "x" * 5000, "9" * 5000, "e\u0301" * 2500, "a " * 2500])
async def test_very_short_and_very_long_texts_are_spoken(tts: RunningService, text: str) -> None:
    async with listening(tts) as listener:
        await listener.send(type="synthesize", text=text, request_id="r")
        message, _ = await listener.first_chunk()
        assert message["text_start"] == 0
        if len(text) > 100:
            await listener.send(type="cancel", request_id="r")
        await listener.answer()


@pytest.fixture
def literal_tts() -> Generator[RunningService]:
    with running("tts", TTS__SPEAKABLE="false") as service:
        yield service


@pytest.mark.slow
async def test_a_setting_leaves_text_as_it_is(
    tts: RunningService, literal_tts: RunningService
) -> None:
    async with listening(tts) as words, listening(literal_tts) as letters:
        rewritten, literal = [await s.speak("**5** x") for s in (words, letters)]
        plain = await words.speak("five x")
    assert rewritten.data == plain.data
    assert literal.data != plain.data


@pytest.fixture
def model_and_agent(unused_tcp_port: int) -> Generator[tuple[int, RunningService]]:
    url = f"http://127.0.0.1:{unused_tcp_port}/v1"
    with running("agent", LLM__BASE_URL=url, LLM__MODEL="scripted") as service:
        yield unused_tcp_port, service


@pytest.mark.long
@pytest.mark.slow
async def test_the_agent_remembers_what_was_heard_of_a_number(
    model_and_agent: tuple[int, RunningService],
) -> None:
    """Cut at words of what the model wrote, not of what was said for it."""
    port, agent = model_and_agent
    answer = "It costs $5.30, **really**. And then it goes on for quite a long while, does it not?"
    model = ScriptedModel([answer, "Good."])
    prefixes = {answer[:end] for end in (0, 2, 8, 15, 27)}
    async with serving(model, port), conversing(agent.ws) as caller:
        await caller.ask("how much")
        await caller.until_true(
            lambda: any(h.message["text_end"] >= 15 for h in caller.of("audio_chunk", 1))
        )
        chunks = [h.message for h in caller.of("audio_chunk", 1)]
        said_ms = sum(m["duration_ms"] for m in chunks if m["text_end"] <= 15)
        await asyncio.sleep(said_ms / 1000 + 0.1)
        await caller.say("playback", played_ms=said_ms + 50)
        await caller.ask("go on")
        await caller.until("answer_end", 2)
        heard = caller.of("answer_end", 1)[0].message["heard_text"]
    assert heard in prefixes
    assert heard.startswith("It costs")
    assert model.asked[1][-2]["content"] == heard
