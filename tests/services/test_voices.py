"""Voices over real sockets: registered on one connection, heard on every other."""

import asyncio
import base64
import json
from collections.abc import Generator
from pathlib import Path

import httpx2
import numpy as np
import pytest

from tests.scripted_cloner import CONDITIONED, HZ, OWN_HZ, pitch_hz
from tests.services.cloning import Cloning, cloning, voices_of
from tests.services.listener import Listener, Message, listening
from tests.voices.clips import encoded, hum, voice

pytestmark = pytest.mark.e2e

TEXT = "This is long enough to be measured."


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Generator[Cloning]:
    """One service for the tests of this file; each uses ids of its own."""
    folder = tmp_path_factory.mktemp("cloning")
    with cloning(folder / "voices", folder / "log") as running:
        yield running


async def register(listener: Listener, voice_id: str, clip: bytes, **fields: object) -> Message:
    """What comes back for a clip."""
    audio = base64.b64encode(clip).decode()
    await listener.send(type="register_voice", voice_id=voice_id, reference_audio=audio, **fields)
    return await listener.message()


async def heard_hz(listener: Listener, voice_id: str, text: str = TEXT) -> float:
    """The pitch that a voice is heard at."""
    answer = await listener.speak(text, voice_id=voice_id)
    assert not answer.others
    return pitch_hz(answer.samples, HZ)


async def test_a_voice_is_heard_on_a_connection_that_was_open_before(service: Cloning) -> None:
    async with listening(service) as first, listening(service) as second:
        error = await second.refusal(type="synthesize", text=TEXT, voice_id="anna")
        assert error["code"] == "voice_not_found"
        made = await register(first, "anna", voice(220), name="Anna")
        assert (made["type"], made["voice_id"]) == ("voice_registered", "anna")
        assert made["duration_s"] == 2.0
        assert "notes" not in made
        assert await heard_hz(second, "anna") == pytest.approx(220, abs=1)
        assert await heard_hz(second, "default") == pytest.approx(OWN_HZ, abs=1)
        await second.send(type="list_voices")
        (listed,) = [v for v in (await second.message())["voices"] if v["voice_id"] == "anna"]
        assert (listed["name"], listed["cloned"], listed["duration_s"]) == ("Anna", True, 2.0)
        await second.send(type="delete_voice", voice_id="anna")
        assert (await second.message())["type"] == "voice_deleted"
        error = await first.refusal(type="synthesize", text=TEXT, voice_id="anna")
        assert error["code"] == "voice_not_found"


async def test_text_that_is_still_being_written_is_spoken_in_it_too(service: Cloning) -> None:
    async with listening(service) as listener:
        await register(listener, "writer", voice(260))
        for delta in ("This is a sentence. And ", "this is another one."):
            await listener.send(type="text", request_id="t", delta=delta, voice_id="writer")
        await listener.send(type="flush", request_id="t")
        answer = await listener.answer()
        assert pitch_hz(answer.samples, HZ) == pytest.approx(260, abs=1)


@pytest.mark.parametrize("kind", ["mp3", "flac", "ogg"])
async def test_every_format_makes_a_voice(service: Cloning, kind: str) -> None:
    async with listening(service) as listener:
        await register(listener, kind, encoded(hum(350, 2, 48_000), kind))
        assert await heard_hz(listener, kind) == pytest.approx(350, abs=1)


async def test_a_replaced_voice_sounds_otherwise_from_the_next_request_on(
    service: Cloning,
) -> None:
    async with listening(service) as listener:
        await register(listener, "ben", voice(200))
        assert (await register(listener, "ben", voice(300)))["code"] == "voice_exists"
        assert await heard_hz(listener, "ben") == pytest.approx(200, abs=1)
        made = await register(listener, "ben", voice(300), replace=True)
        assert made["type"] == "voice_registered"
        assert await heard_hz(listener, "ben") == pytest.approx(300, abs=1)


async def test_http_registers_fetches_speaks_and_deletes(service: Cloning) -> None:
    audio = base64.b64encode(voice(240)).decode()
    async with httpx2.AsyncClient(base_url=f"{service.http}/v1", timeout=20) as client:
        made = await client.post("/voices", json={"voice_id": "http", "reference_audio": audio})
        assert made.status_code == 201
        assert made.json() == {"voice_id": "http", "duration_s": 2.0}
        shown = (await client.get("/voices/http")).json()
        assert shown.pop("created").startswith("20")
        assert shown == {
            "voice_id": "http",
            "name": "http",
            "language": "en",
            "cloned": True,
            "duration_s": 2.0,
        }
        listed = (await client.get("/voices")).json()["voices"]
        assert next(v for v in listed if v["voice_id"] == "http").items() >= shown.items()
        spoken = await client.post("/synthesize", json={"text": TEXT, "voice_id": "http"})
        assert pitch_hz(np.frombuffer(spoken.content, "<f4"), HZ) == pytest.approx(240, abs=1)
        assert (await client.delete("/voices/http")).status_code == 204
        assert (await client.get("/voices/http")).status_code == 404
        assert (await client.delete("/voices/http")).status_code == 404


async def test_http_takes_the_file_as_it_is(service: Cloning) -> None:
    query = {
        "voice_id": "file",
        "name": "A file",
        "consent": json.dumps({"speaker": "Anna", "details": {"form": "7"}}),
    }
    async with httpx2.AsyncClient(base_url=f"{service.http}/v1", timeout=20) as client:

        async def post(**more: str) -> httpx2.Response:
            headers = {"Content-Type": "audio/flac"}
            clip = encoded(hum(280, 2, 48_000), "flac")
            return await client.post(
                "/voices", params={**query, **more}, content=clip, headers=headers
            )

        assert (await post()).status_code == 201
        assert (await post()).status_code == 409
        assert (await post(replace="true")).status_code == 201
        assert (await post(replace="perhaps")).status_code == 400
        assert (await post(unknown="1")).status_code == 400
        assert (await post(consent="{")).status_code == 400
        assert (await post(voice_id="../../etc/passwd")).status_code == 400
        assert (await client.get("/voices/file")).json()["name"] == "A file"
    async with listening(service) as listener:
        assert await heard_hz(listener, "file") == pytest.approx(280, abs=1)


@pytest.mark.slow
async def test_thirty_sessions_with_thirty_voices_mix_nothing(service: Cloning) -> None:
    async def one(n: int) -> None:
        pitch = 150 + 20 * n
        async with listening(service) as listener:
            made = await register(listener, f"many-{n}", voice(pitch, 1.5))
            assert made["type"] == "voice_registered"
            await all_registered.wait()
            for _ in range(2):
                assert await heard_hz(listener, f"many-{n}", TEXT * 2) == pytest.approx(
                    pitch, abs=1
                )
            # and in the voice of another session
            other = (n + 7) % 30
            assert await heard_hz(listener, f"many-{other}") == pytest.approx(
                150 + 20 * other, abs=1
            )

    all_registered = asyncio.Barrier(30)
    await asyncio.gather(*(one(n) for n in range(30)))


async def test_a_request_finishes_in_a_voice_that_is_deleted_meanwhile(service: Cloning) -> None:
    async with listening(service) as speaking, listening(service) as other:
        await register(other, "gone", voice(310))
        await speaking.send(type="synthesize", text=TEXT * 20, voice_id="gone", request_id="r")
        await speaking.first_chunk()
        await other.send(type="delete_voice", voice_id="gone")
        assert (await other.message())["type"] == "voice_deleted"
        error = await other.refusal(type="synthesize", text=TEXT, voice_id="gone")
        assert error["code"] == "voice_not_found"
        answer = await speaking.answer()
        assert not answer.complete["cancelled"]
        assert answer.complete["total_duration_ms"] == pytest.approx(len(TEXT) * 20 * 60, abs=100)
        assert pitch_hz(answer.samples, HZ) == pytest.approx(310, abs=1)


async def test_a_request_that_waits_for_a_deleted_voice_fails_alone(service: Cloning) -> None:
    async with listening(service) as listener, listening(service) as other:
        await register(other, "late", voice(320))
        await listener.send(type="synthesize", text=TEXT * 20, request_id="first")
        await listener.send(type="synthesize", text=TEXT, voice_id="late", request_id="second")
        await listener.first_chunk()
        await other.send(type="delete_voice", voice_id="late")
        await other.message()
        assert not (await listener.answer()).complete["cancelled"]
        second = await listener.answer()
        assert [error["code"] for error in second.others] == ["voice_not_found"]
        assert (second.complete["request_id"], second.complete["cancelled"]) == ("second", True)


async def test_voices_come_and_go_while_others_speak(service: Cloning) -> None:
    async with listening(service) as listener, listening(service) as other:
        await register(listener, "steady", voice(400))
        speaking = asyncio.create_task(listener.speak(TEXT * 40, voice_id="steady"))
        for n in range(2):
            await register(other, f"passing-{n}", voice(500 + 50 * n))
            assert await heard_hz(other, f"passing-{n}") == pytest.approx(500 + 50 * n, abs=1)
            await other.send(type="delete_voice", voice_id=f"passing-{n}")
            assert (await other.message())["type"] == "voice_deleted"
        answer = await speaking
        assert pitch_hz(answer.samples, HZ) == pytest.approx(400, abs=0.5)
        assert answer.total_ms == pytest.approx(len(TEXT) * 40 * 60, abs=100)


def test_nothing_personal_is_logged(service: Cloning) -> None:
    audio = base64.b64encode(voice(210)).decode()
    body = {
        "voice_id": "private-person",
        "reference_audio": audio,
        "name": "Wilhelmina Quibble",
        "consent": {"speaker": "Wilhelmina Quibble", "statement": "I allow this privately"},
    }
    for wrong in ({}, {"reference_audio": audio[:4000]}, {"name": 3}):
        httpx2.post(f"{service.http}/v1/voices", json={**body, **wrong}, timeout=20)
    httpx2.get(f"{service.http}/v1/voices/private-person")
    httpx2.delete(f"{service.http}/v1/voices/private-person")
    log = service.logged
    assert "a voice is registered" in log
    assert CONDITIONED in log
    for secret in ("private-person", "Wilhelmina", "Quibble", "privately", audio[:100]):
        assert secret not in log


@pytest.mark.slow
async def test_voices_survive_a_service_that_is_killed(tmp_path: Path) -> None:
    with cloning(tmp_path / "voices", tmp_path / "log") as service:
        async with listening(service) as listener:
            await register(listener, "kept", voice(230))
        service.process.kill()
        service.process.wait()
    with cloning(tmp_path / "voices", tmp_path / "log") as service:
        assert voices_of(service) == ["kept"]
        async with listening(service) as listener:
            assert await heard_hz(listener, "kept") == pytest.approx(230, abs=1)
        assert CONDITIONED not in service.logged


@pytest.mark.slow
async def test_another_model_makes_a_voice_anew_once(tmp_path: Path) -> None:
    with cloning(tmp_path / "voices", tmp_path / "log") as service:
        async with listening(service) as listener:
            await register(listener, "kept", voice(230))
    settings = {"TTS__MODEL": "1" * 16, "TTS__URL": "0.5"}
    with cloning(tmp_path / "voices", tmp_path / "log", **settings) as service:

        async def one() -> None:
            async with listening(service) as listener:
                assert await heard_hz(listener, "kept") == pytest.approx(230, abs=1)

        await asyncio.gather(*(one() for _ in range(10)))
        assert service.logged.count(CONDITIONED) == 1


@pytest.mark.slow
async def test_two_services_share_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "voices"
    with cloning(folder, tmp_path / "a") as first, cloning(folder, tmp_path / "b") as second:
        async with listening(first) as here, listening(second) as there:
            await register(here, "shared", voice(250))
            assert await heard_hz(there, "shared") == pytest.approx(250, abs=1)
            assert (await register(there, "shared", voice(350)))["code"] == "voice_exists"
            await register(there, "shared", voice(350), replace=True)
            assert await heard_hz(here, "shared") == pytest.approx(350, abs=1)
            await here.send(type="delete_voice", voice_id="shared")
            await here.message()
            error = await there.refusal(type="synthesize", text=TEXT, voice_id="shared")
            assert error["code"] == "voice_not_found"


@pytest.mark.slow
async def test_a_session_goes_on_while_its_voice_is_made(tmp_path: Path) -> None:
    settings = {"TTS__URL": "2"}
    with cloning(tmp_path / "voices", tmp_path / "log", **settings) as service:
        async with listening(service) as listener:
            audio = base64.b64encode(voice(220)).decode()
            await listener.send(type="register_voice", voice_id="slow", reference_audio=audio)
            answer = await listener.speak(TEXT * 5)
            assert not answer.others  # the voice is not ready yet
            await listener.send(type="list_voices")
            voices = (await listener.message())["voices"]
            assert [v["voice_id"] for v in voices] == ["default", "low"]
            assert (await listener.message())["type"] == "voice_registered"
            assert await heard_hz(listener, "slow") == pytest.approx(220, abs=1)
