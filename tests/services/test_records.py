"""What is kept of a conversation, by a real agent, on the wire and on the telephone."""

import asyncio
import json
import time
import wave
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.cli.command import sentence, voice_agent
from tests.scripted_llm import ScriptedModel
from tests.scripted_llm import serving as thinking
from tests.scripted_webhook import ScriptedWebhook
from tests.scripted_webhook import serving as receiving
from tests.services.conftest import RunningService, running
from tests.services.conversing import conversing
from tests.services.telephoning import stream_url, until_free
from tests.services.test_twilio_conversation import answered, heard_out, ulaw
from tests.speech import error_rate, pause, speech
from voice_agent.cli.http_probe import free_port
from voice_agent.client.twilio_call import calling

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

HZ = 16_000
SAID = "what is two plus three"
# of words that take the same time each
LONG = " ".join(["ten"] * 24) + "."


class Kept:
    """An agent, what it keeps, and what it is answered by."""

    def __init__(self, service: RunningService, folder: Path, llm_port: int) -> None:
        self.service = service
        self.folder = folder
        self.llm_port = llm_port

    def records(self, count: int, within_s: float = 15.0) -> list[dict[str, Any]]:
        """All records, in order, once there are so many."""
        until_free(self.service)
        deadline_s = time.monotonic() + within_s
        while len(found := sorted(self.folder.glob("*.json"))) < count:
            assert time.monotonic() < deadline_s, found
            time.sleep(0.05)
        return [json.loads(path.read_bytes()) for path in found]

    def last(self) -> dict[str, Any]:
        """The only record since the last one that was asked for."""
        [record] = self.records(1)
        for path in self.folder.glob("*.json"):
            path.unlink()
        return record

    def sound(self, record: dict[str, Any]) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
        """The caller's side, and the agent's."""
        with wave.open(str(self.folder / record["audio"])) as file:
            assert (file.getnchannels(), file.getframerate()) == (2, HZ)
            both = np.frombuffer(file.readframes(1 << 30), np.int16).reshape(-1, 2)
        return both[:, 0], both[:, 1]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Generator[Kept]:
    folder, port = tmp_path_factory.mktemp("kept") / "records", free_port()
    with running(
        "agent",
        RECORDS__DIR=folder,
        RECORDS__AUDIO="true",
        RECORDS__WORDS="true",
        TWILIO__INSECURE="true",
        TWILIO__KEYS='{"9": "hang_up"}',
        LLM__BASE_URL=f"http://127.0.0.1:{port}/v1",
        LLM__MODEL="scripted",
    ) as service:
        yield Kept(service, folder, port)
        assert not [line for line in service.log if "ERROR" in line]
        # nothing of it is logged
        assert not [line for line in service.log if "plus three" in line or "ten ten" in line]
        assert [line for line in service.log if "callers have to be told" in line]


def loud_s(side: NDArray[np.int16]) -> tuple[float, float]:
    """From when to when there is something to be heard."""
    [places] = np.nonzero(np.abs(side) > 1000)
    return float(places[0]) / HZ, float(places[-1]) / HZ


async def test_a_conversation_on_the_wire_is_kept(kept: Kept) -> None:
    model = ScriptedModel(answers=["It is five."])
    async with thinking(model, kept.llm_port), conversing(kept.service.ws) as caller:
        await caller.play(pause(0.5), speech(SAID))
        async with caller.microphone():
            await caller.until("answer_end")
            await caller.ask("and now typed")
            await caller.until("answer_end", 2)
        [latency, _] = caller.of("latency")
        ready = caller.heard[0].message
        await caller.say("close")
        await caller.ended()
    record = await asyncio.to_thread(kept.last)
    assert record["id"] == ready["session_id"]
    assert (record["kind"], record["ended_by"], record["close_code"]) == ("wire", "caller", 1000)
    assert record["engines"]["thinks"] == "openai-compatible"
    question, answer, typed, again = record["turns"]
    assert error_rate(SAID, question["text"]) == 0
    assert [word["word"] for word in question["words"]] == question["text"].split()
    assert 0.3 < question["start_s"] < 3
    assert question["end_s"] < answer["start_s"] < answer["end_s"] < typed["start_s"]
    assert (answer["turn"], answer["said"].strip(), answer["heard"].strip()) == (
        *(1, "It is five.", "It is five."),
    )
    assert answer["interrupted"] is False
    assert answer["latency"] == latency.message["stages"]
    assert (typed["text"], typed["typed"]) == ("and now typed", True)
    assert again["turn"] == 2
    left, right = kept.sound(record)
    assert len(left) / HZ == pytest.approx(record["duration_s"], abs=0.4)
    # the segment that is transcribed may be a little longer than the sound
    assert loud_s(left) == pytest.approx((question["start_s"], question["end_s"]), abs=0.6)
    began_s, ended_s = loud_s(right)
    assert began_s == pytest.approx(answer["start_s"], abs=0.3)
    assert ended_s == pytest.approx(again["end_s"], abs=0.5)
    # what the caller was sent is what was recorded
    spoken_s = sum(h.message["duration_ms"] for h in caller.of("audio_chunk")) / 1000
    assert ended_s - began_s < spoken_s + (typed["start_s"] - answer["end_s"]) + 1.0


async def test_a_call_is_kept_without_what_an_interruption_took(kept: Kept) -> None:
    model = ScriptedModel(answers=[LONG, "Yes."])
    async with thinking(model, kept.llm_port), calling(stream_url(kept.service)) as call:
        await call.say(ulaw(pause(0.5), speech(SAID)))
        await answered(call)
        await call.wait(lambda: False, 2.5)
        await call.say(ulaw(speech("stop it please now")))
        assert await call.wait(lambda: bool(call.of("clear")), 10)
        await answered(call)
        await heard_out(call)
        call_sid, stream_sid = call.call_sid, call.stream_sid
        ear = np.frombuffer(bytes(call.heard), np.uint8) != 0xFF
    record = await asyncio.to_thread(kept.last)
    assert (record["kind"], record["ended_by"]) == ("twilio", "caller")
    assert (record["call_sid"], record["stream_sid"]) == (call_sid, stream_sid)
    question, *stops = [turn for turn in record["turns"] if turn["who"] == "caller"]
    # what interrupts may be two turns, and the answer to the first unheard
    long, *_, yes = [turn for turn in record["turns"] if turn["who"] == "agent"]
    assert (long["said"].strip(), long["interrupted"]) == (LONG, True)
    assert 2 < len(long["heard"].split()) < 20
    assert yes["said"].strip() == yes["heard"].strip() == "Yes."
    assert (
        question["end_s"] < long["start_s"] < stops[0]["start_s"] < long["end_s"] < yes["start_s"]
    )
    _, right = kept.sound(record)
    # the agent's side is as it was in the caller's ear, to the time that the line takes
    recorded = np.abs(right.astype(np.int32)) > 500
    [heard_at] = np.nonzero(ear)
    [recorded_at] = np.nonzero(recorded)
    assert recorded_at[0] / HZ == pytest.approx(heard_at[0] / 8000, abs=0.4)
    assert recorded_at[-1] / HZ == pytest.approx(heard_at[-1] / 8000, abs=0.6)
    cut = right[round((long["end_s"] + 0.1) * HZ) : round(stops[0]["end_s"] * HZ)]
    assert not cut.any()


async def test_who_hung_up_is_told(kept: Kept) -> None:
    async with calling(stream_url(kept.service)) as call:
        await call.press("9")
        assert await call.wait(lambda: call.over, 10)
    record = await asyncio.to_thread(kept.last)
    assert (record["ended_by"], record["close_code"], record["turns"]) == ("agent", 1000, [])


async def test_a_caller_who_is_gone_is_the_end(kept: Kept) -> None:
    async with conversing(kept.service.ws) as caller:
        await caller.play(pause(0.3))
    record = await asyncio.to_thread(kept.last)
    assert record["ended_by"] == "caller"
    assert "close_code" not in record
    assert len(kept.sound(record)[0]) / HZ == pytest.approx(0.3, abs=0.3)


async def test_the_sound_is_there_when_the_service_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "records"
    with running("agent", RECORDS__DIR=folder, RECORDS__AUDIO="true") as service:
        async with conversing(service.ws) as caller:
            await caller.play(pause(0.5), speech(SAID), pause(2.5))
            service.process.kill()
            await caller.ended()
    [path] = folder.iterdir()
    with wave.open(str(path)) as file:
        seconds = file.getnframes() / HZ
        left = np.frombuffer(file.readframes(1 << 30), np.int16)[::2]
    assert seconds > 2
    assert loud_s(left)[0] == pytest.approx(0.5, abs=0.3)


async def test_a_call_that_a_shutdown_ends_is_still_posted() -> None:
    hook = ScriptedWebhook(statuses=[500, 204])
    with (
        receiving(hook),
        running("agent", RECORDS__WEBHOOK_URL=hook.url, SERVER__DRAIN_TIMEOUT_S=1) as service,
    ):
        async with conversing(service.ws) as caller:
            await caller.play(pause(0.3))
            service.process.terminate()
            assert await caller.ended() == 1012
        first, second = await asyncio.to_thread(hook.until, 2)
        assert await asyncio.to_thread(service.process.wait, 20) == 0
    assert first.body == second.body
    assert json.loads(first.body)["ended_by"] == "shutdown"


async def test_a_webhook_that_hangs_does_not_keep_a_slot() -> None:
    hook = ScriptedWebhook(statuses=[0])
    with (
        receiving(hook),
        running(
            "agent",
            RECORDS__WEBHOOK_URL=hook.url,
            RECORDS__DRAIN_TIMEOUT_S=0.5,
            SERVER__MAX_SESSIONS=1,
        ) as service,
    ):
        for _ in range(3):
            async with conversing(service.ws) as caller:
                await caller.play(pause(0.2))
            await asyncio.to_thread(until_free, service, 3)
        service.process.terminate()
        assert await asyncio.to_thread(service.process.wait, 10) == 0


def test_nothing_is_kept_unless_it_is_asked_for(agent: RunningService) -> None:
    metrics = httpx2.get(f"{agent.http}/metrics").text
    assert "voice_agent_records_total{" not in metrics


def test_a_folder_that_cannot_be_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = sentence(voice_agent("serve", "agent", RECORDS__DIR=tmp_path / "file" / "x"))
    assert "records.dir" in said
    assert "cannot be written to: Not a directory" in said
