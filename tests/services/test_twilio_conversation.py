"""The agent on the telephone: answers, interruptions, keys, and what it knows was heard."""

import asyncio
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from itertools import pairwise

import numpy as np
import pytest
import soxr

from tests.scripted_llm import ScriptedModel, serving
from tests.services.conftest import RunningService, running
from tests.services.telephoning import in_a_call, metric, stream_url, until_free
from tests.speech import pause, speech
from voice_agent.audio.g711 import mulaw_encode
from voice_agent.audio.pcm import float_to_int16
from voice_agent.cli.http_probe import free_port
from voice_agent.client.call_delays import turns
from voice_agent.client.twilio_call import FRAME_S, RATE_HZ, TwilioCall, calling
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, Samples

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

# of words that take the same time each
N_WORDS = 18
EVEN = " ".join(["ten"] * N_WORDS) + "."
KEY_PAUSE_S = 0.6
# what the telephone may have in hand, and what a busy machine may add
AHEAD_S = 0.2 + 0.1


class Phone:
    """An agent on the telephone whose language model is in the hands of the test."""

    def __init__(self, service: RunningService, llm_port: int) -> None:
        self.service = service
        self._llm_port = llm_port

    @asynccontextmanager
    async def call(self, *answers: str) -> AsyncGenerator[tuple[TwilioCall, ScriptedModel]]:
        """A call to an agent that will answer this."""
        model = ScriptedModel(answers=[*answers, "Yes."])
        async with (
            serving(model, self._llm_port),
            calling(stream_url(self.service)) as call,
        ):
            yield call, model
        assert call.odd == {}
        assert call.close_code == 1000
        await asyncio.to_thread(until_free, self.service)


@pytest.fixture(scope="module")
def phone() -> Generator[Phone]:
    port = free_port()
    with running(
        "agent",
        TWILIO__INSECURE="true",
        TWILIO__KEY_PAUSE_S=KEY_PAUSE_S,
        LLM__BASE_URL=f"http://127.0.0.1:{port}/v1",
        LLM__MODEL="scripted",
    ) as service:
        yield Phone(service, port)
        assert not [line for line in service.log if "ERROR" in line]
        assert not [line for line in service.log if "ten ten" in line or "pressed" in line]


def ulaw(*parts: Samples) -> bytes:
    narrow = soxr.resample(np.concatenate(parts), ASR_SAMPLE_RATE_HZ, RATE_HZ)
    return bytes(mulaw_encode(float_to_int16(narrow.astype(np.float32))))


async def answered(call: TwilioCall, n_frames: int = 1) -> None:
    """Waits until so much more of an answer has come."""
    n_before = len(call.of("media"))
    assert await call.wait(lambda: len(call.of("media")) >= n_before + n_frames, 20)


async def heard_out(call: TwilioCall) -> None:
    """Hears an answer to its end."""
    while await call.wait(lambda: call.busy, 1.0):
        await call.wait(lambda: not call.busy, 30)


async def ask(call: TwilioCall, keys: str = "1") -> None:
    """Makes the agent say its next answer."""
    for key in keys:
        await call.press(key)
    await answered(call)


def said(model: ScriptedModel, number: int) -> list[tuple[str, str]]:
    """What the model was told with a request, without its instructions."""
    messages = model.asked[number]
    return [(m["role"], m["content"].strip()) for m in messages if m["role"] != "system"]


async def test_a_spoken_question_is_answered(phone: Phone) -> None:
    async with phone.call("Two plus three is five.") as (call, model):
        await call.say(ulaw(pause(0.5), speech("what is two plus three")))
        await answered(call)
        await heard_out(call)
    assert len(model.asked) == 1
    [turn] = turns(bytes(call.sent), bytes(call.heard))
    assert 0.1 < turn.delay_s < 8
    # every piece of the answer has a mark, and all were played
    assert len(call.marks) >= 3
    assert all(played for _, played in call.marks)


async def test_an_answer_comes_in_frames_of_20_ms_and_never_far_ahead(phone: Phone) -> None:
    async with phone.call(EVEN) as (call, _):
        await ask(call)
        await heard_out(call)
    media = call.of("media")
    assert {message["streamSid"] for _, message in media} == {call.stream_sid}
    assert {len(message["media"]["payload"]) for _, message in media} == {216}
    first_s = media[0][0]
    ahead_s = [n * FRAME_S - (at_s - first_s) for n, (at_s, _) in enumerate(media)]
    assert max(ahead_s) < AHEAD_S
    # all that came was heard, in one piece: nothing had to be waited for
    loud = np.flatnonzero(np.frombuffer(bytes(call.heard), np.uint8) != 0xFF)
    # (it ends with the voice's silence)
    assert loud[-1] - loud[0] == pytest.approx(len(media) * 160, abs=RATE_HZ * 0.6)


async def test_speech_clears_the_answer_at_once(phone: Phone) -> None:
    cleared = metric(phone.service, "voice_agent_call_marks_total", outcome="cleared")
    async with phone.call(EVEN, "Yes.") as (call, _):
        await ask(call)
        await call.wait(lambda: False, 2.0)
        began_s = time.monotonic()
        await call.say(ulaw(speech("stop it please now")))
        assert await call.wait(lambda: bool(call.of("clear")), 5)
        clear_s = call.of("clear")[0][0]
        # heard in the words themselves, not after them
        assert clear_s - began_s < 1.5
        between = [at_s for at_s, _ in call.of("media") if clear_s < at_s < clear_s + 0.3]
        assert between == []
        await answered(call)
        await heard_out(call)
    flushed = [name for name, played in call.marks if not played]
    assert metric(phone.service, "voice_agent_call_marks_total", outcome="cleared") == (
        cleared + len(flushed)
    )
    # marks of the answer after it are good again
    assert call.marks[-1][1] is True


async def words_heard(phone: Phone, listen_s: float, *, late_s: float) -> tuple[int, float]:
    """Interrupts an answer; returns the words in the model's memory, and those in the ear."""
    async with phone.call(EVEN, "Yes.") as (call, model):
        await ask(call)
        # a line on which the answer arrives late
        await asyncio.sleep(late_s)
        await call.wait(lambda: False, listen_s)
        await call.say(ulaw(speech("stop it please now")))
        assert await call.wait(lambda: bool(call.of("clear")), 5)
        ear = loud_s(call)
        await answered(call)
    [_, (role, content), *_] = said(model, 1)
    assert role == "assistant"
    return len(content.split()), ear


def loud_s(call: TwilioCall) -> float:
    """For how long the answer was heard, pauses included."""
    loud = np.flatnonzero(np.frombuffer(bytes(call.heard), np.uint8) != 0xFF)
    return float(loud[-1] - loud[0]) / RATE_HZ


async def test_the_memory_holds_what_was_heard(phone: Phone) -> None:
    async with phone.call(EVEN) as (call, _):
        await ask(call)
        await heard_out(call)
        word_s = loud_s(call) / N_WORDS
    for late_s in (0.0, 1.5):
        words, ear_s = await words_heard(phone, 2.0, late_s=late_s)
        assert words == pytest.approx(ear_s / word_s, abs=1.6)


async def test_an_answer_that_was_heard_out_is_remembered_whole(phone: Phone) -> None:
    async with phone.call(EVEN, "Yes.") as (call, model):
        await ask(call, "1")
        await heard_out(call)
        await ask(call, "2")
    assert said(model, 1) == [
        ("user", "The caller pressed 1."),
        ("assistant", EVEN),
        ("user", "The caller pressed 2."),
    ]


async def test_keys_are_told_together(phone: Phone) -> None:
    async with phone.call(EVEN, "Yes.") as (call, model):
        await ask(call, "0")
        # while the agent speaks, ten in a second, and all that there are
        for key in "1234567890":
            await call.press(key)
            await call.wait(lambda: False, 0.1)
        assert await call.wait(lambda: bool(call.of("clear")), 5)
        await answered(call)
        await heard_out(call)
        await ask(call, "*#ABCD")
    assert said(model, 1)[-1] == ("user", "The caller pressed 1 2 3 4 5 6 7 8 9 0.")
    assert said(model, 2)[-1] == ("user", "The caller pressed * # A B C D.")


async def test_a_caller_who_hangs_up_in_an_answer_is_gone(phone: Phone) -> None:
    async with phone.call(EVEN) as (call, _):
        await ask(call)
        await call.hang_up()
        assert await call.wait(lambda: call.over, 20)


def test_a_hang_up_behind_audio_that_is_still_being_heard_ends_the_call(phone: Phone) -> None:
    with in_a_call(phone.service, "CAbehind") as line:
        line.speak(5)
        line.hang_up_behind(50, "CAbehind")
        until_free(phone.service)


def test_silence_is_no_speech(phone: Phone) -> None:
    turns_before = metric(phone.service, "voice_agent_turns_total")
    with in_a_call(phone.service) as line:
        for silence in (b"\xff" * 160, b"\x7f" * 160):
            line.speak(1500, silence)
        line.send({"event": "stop", "streamSid": "MZ0"})
        assert line.close_code(60) == 1000
    assert metric(phone.service, "voice_agent_turns_total") == turns_before


async def test_two_calls_do_not_mix(phone: Phone) -> None:
    async with phone.call("One.", "Two.") as (call, model), calling(stream_url(phone.service)) as b:
        await asyncio.gather(ask(call, "1"), ask(b, "2"))
        await asyncio.gather(heard_out(call), heard_out(b))
    assert sorted(said(model, number)[0][1] for number in (0, 1)) == [
        "The caller pressed 1.",
        "The caller pressed 2.",
    ]
    assert all(len(said(model, number)) == 1 for number in (0, 1))


async def test_messages_are_numbered_without_a_gap(phone: Phone) -> None:
    gaps = metric(phone.service, "voice_agent_call_gaps_total")
    async with phone.call("Yes.") as (call, _):
        await ask(call)
        await heard_out(call)
    names = [int(message["mark"]["name"]) for _, message in call.of("mark")]
    assert all(later == earlier + 1 for earlier, later in pairwise(names))
    assert metric(phone.service, "voice_agent_call_gaps_total") == gaps
