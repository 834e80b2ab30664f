"""Many callers, many voices, one model: nothing is lost, mixed or changed."""

import asyncio

import numpy as np
import pytest

from tests.services.conftest import RunningService
from tests.services.listener import Answer, Listener, listening
from tests.services_tts.voices import DIFFERENT, SAME, distance, register

pytestmark = pytest.mark.e2e

N_SESSIONS = 30
TEXT = "This is what everyone says."


async def test_thirty_sessions_in_thirty_voices_are_each_as_alone(tts: RunningService) -> None:
    names = [f"crowd-{number}" for number in range(N_SESSIONS)]
    async with listening(tts) as listener:
        for number, name in enumerate(names):
            assert (await register(listener, name, number))["type"] == "voice_registered"
        together = await asyncio.gather(*(_two_requests(tts, name) for name in names))
        alone = [await listener.speak(TEXT, voice_id=name, seed=1) for name in names]
        for name in names:
            await listener.send(type="delete_voice", voice_id=name)
            assert (await listener.message())["type"] == "voice_deleted"
    for written, whole in together:
        assert [answer.complete["request_id"] for answer in (written, whole)] == ["a", "b"]
        for answer in (written, whole):
            assert not answer.others
            assert answer.complete["cancelled"] is False
            assert [m["chunk_id"] for m, _ in answer.chunks] == list(range(len(answer.chunks)))
            assert {m["request_id"] for m, _ in answer.chunks} == {answer.complete["request_id"]}
            assert answer.chunks[-1][0]["text_end"] == len(TEXT)
    fingerprints = [answer.samples for answer in alone]
    for written, whole in together:
        assert distance(written.samples, whole.samples) < SAME
    apart = np.array(
        [[distance(whole.samples, other) for other in fingerprints] for _, whole in together]
    )
    assert np.diag(apart).max() < SAME
    assert apart[~np.eye(N_SESSIONS, dtype=bool)].min() > DIFFERENT


async def _two_requests(tts: RunningService, voice: str) -> tuple[Answer, Answer]:
    """The same text as it is written and at once, one after the other in a session."""
    async with listening(tts) as listener:
        for at in range(0, len(TEXT), 5):
            await listener.send(
                type="text", request_id="a", delta=TEXT[at : at + 5], voice_id=voice, seed=1
            )
        await listener.send(type="flush", request_id="a")
        await listener.send(type="synthesize", request_id="b", text=TEXT, voice_id=voice, seed=1)
        return await listener.answer(), await listener.answer()


async def test_voices_come_and_go_while_others_speak(tts: RunningService) -> None:
    text = "One sentence after another is spoken here. " * 4
    async with listening(tts) as admin, listening(tts) as one, listening(tts) as two:
        await register(admin, "stays", 50)
        expected = [
            await one.speak(text, voice_id="stays", seed=3),
            await one.speak(text, seed=4),
        ]
        await one.send(type="synthesize", text=text, voice_id="stays", seed=3)
        await two.send(type="synthesize", text=text, seed=4)
        speaking = asyncio.gather(one.answer(), two.answer())
        for name, number in (("comes", 51), ("goes", 52)):
            assert (await register(admin, name, number))["type"] == "voice_registered"
        heard = [await _heard(admin, name) for name in ("comes", "goes")]
        assert distance(*(answer.samples for answer in heard)) > DIFFERENT
        # the last one is in use: who speaks in it keeps it to the end
        for name in ("comes", "goes", "stays"):
            await admin.send(type="delete_voice", voice_id=name)
            assert (await admin.message())["type"] == "voice_deleted"
        for answer, alone in zip(await speaking, expected, strict=True):
            assert not answer.others
            assert distance(answer.samples, alone.samples) < SAME
        error = await one.refusal(type="synthesize", text=text, voice_id="stays")
        assert error["code"] == "voice_not_found"


async def _heard(listener: Listener, voice: str) -> Answer:
    answer = await listener.speak(TEXT, voice_id=voice, seed=1)
    assert not answer.others
    return answer


@pytest.mark.slow
async def test_sessions_that_hang_up_change_no_other(tts: RunningService) -> None:
    text = "This one is heard to its end. " * 4
    async with listening(tts) as listener:
        expected = await listener.speak(text, seed=5)
        await listener.send(type="synthesize", text=text, seed=5)
        staying = asyncio.create_task(listener.answer())
        for _ in range(3):
            await asyncio.gather(*(_hang_up(tts, number) for number in range(6)))
        answer = await staying
    assert distance(answer.samples, expected.samples) < SAME


async def _hang_up(tts: RunningService, number: int) -> None:
    async with listening(tts) as listener:
        await listener.send(type="synthesize", text=TEXT * 20, seed=number)
        await listener.first_chunk()
