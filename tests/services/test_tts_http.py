"""The TTS service over HTTP: the same speech, errors as JSON, voices."""

import contextlib
import io
import json

import av
import httpx2
import pytest

from tests.services.conftest import RunningService, running
from tests.services.listener import listening, metric, small_socket, until
from tests.services.test_tts_flow import AUDIO_OUT

TEXT = "Hello there, how are you? It goes on here."
LONG = TEXT * 100
CANCELLED = 'voice_agent_engine_jobs_total{engine="espeak",kind="batch",outcome="cancelled"}'


async def post(service: RunningService, **body: object) -> httpx2.Response:
    async with httpx2.AsyncClient(timeout=20) as client:
        return await client.post(f"{service.http}/v1/synthesize", json=body)


def error_of(response: httpx2.Response) -> dict[str, object]:
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "retryable"}
    return body["error"]


@pytest.mark.parametrize(
    ("encoding", "media_type"),
    [
        ("pcm_f32le", "audio/pcm;rate=16000;encoding=f32le"),
        ("pcm_s16le", "audio/pcm;rate=16000;encoding=s16le"),
        ("mulaw", "audio/PCMU;rate=16000"),
        ("wav", "audio/wav"),
        ("mp3", "audio/mpeg"),
        ("opus", "audio/ogg;codecs=opus"),
    ],
)
async def test_the_body_is_what_a_websocket_request_gets(
    tts: RunningService, encoding: str, media_type: str
) -> None:
    options = {"text": TEXT, "encoding": encoding, "sample_rate": 16_000, "voice_id": "en-gb"}
    response = await post(tts, **options)
    assert response.status_code == 200
    assert response.headers["content-type"] == media_type
    async with listening(tts) as listener:
        answer = await listener.speak(**options)
    if encoding == "opus":  # each Ogg stream has a serial number of its own
        with av.open(io.BytesIO(response.content), "r") as container:
            n_samples = sum(frame.samples for frame in container.decode(audio=0))
        assert n_samples / 48 == pytest.approx(answer.total_ms, abs=30)
    else:
        assert response.content == answer.data


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"text": ""}, 400, "bad_message"),
        ({"text": "😀"}, 400, "bad_message"),
        ({"text": TEXT, "sample_rate": 7}, 400, "bad_message"),
        ({"text": TEXT, "type": "synthesize"}, 400, "bad_message"),
        ({"text": TEXT, "request_id": "r"}, 400, "bad_message"),
        ({}, 400, "bad_message"),
        ({"text": "a" * 5001}, 413, "text_too_long"),
        ({"text": "a" * (2 << 20)}, 413, "too_large"),
        ({"text": TEXT, "voice_id": "nobody"}, 404, "voice_not_found"),
        ({"text": TEXT, "language": "tlh"}, 501, "unsupported"),
    ],
    ids=lambda value: str(value)[-40:],
)
async def test_errors_are_json_with_a_status(
    tts: RunningService, fields: dict[str, object], status: int, code: str
) -> None:
    response = await post(tts, **fields)
    assert response.status_code == status
    assert error_of(response)["code"] == code


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff\xfe", b""], ids=repr)
async def test_a_body_that_is_no_message(tts: RunningService, body: bytes) -> None:
    for path in ("synthesize", "voices"):
        response = httpx2.post(f"{tts.http}/v1/{path}", content=body)
        assert response.status_code == 400
        assert error_of(response)["code"] == "bad_message"


async def test_voices_can_be_read_and_not_changed(tts: RunningService) -> None:
    async with httpx2.AsyncClient(base_url=f"{tts.http}/v1") as client:
        voices = (await client.get("/voices")).json()["voices"]
        assert voices[0]["voice_id"] == "default"
        assert set(voices[0]) == {"voice_id", "name", "language", "cloned"}
        assert (await client.get("/voices/default")).json() == voices[0]
        missing = await client.get("/voices/nobody")
        assert (missing.status_code, error_of(missing)["code"]) == (404, "voice_not_found")
        kept = await client.delete("/voices/default")
        assert (kept.status_code, error_of(kept)["code"]) == (501, "unsupported")
        missing = await client.delete("/voices/nobody")
        assert (missing.status_code, error_of(missing)["code"]) == (404, "voice_not_found")
        refused = await client.post("/voices", json={"voice_id": "mine", "reference_audio": "AAAA"})
        assert (refused.status_code, error_of(refused)["code"]) == (501, "unsupported")
        refused = await client.post(
            "/voices?voice_id=mine", content=b"RIFF", headers={"Content-Type": "audio/wav"}
        )
        assert (refused.status_code, error_of(refused)["code"]) == (501, "unsupported")


async def test_a_client_that_does_not_read_is_dropped() -> None:
    with running("tts", SERVER__SEND_TIMEOUT_S=1) as service, small_socket(service) as client:
        client.settimeout(10)
        body = json.dumps({"text": LONG, "priority": "batch"}).encode()
        client.sendall(
            b"POST /v1/synthesize HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        )

        async def dropped() -> bool:
            return await metric(service, CANCELLED) == 1

        await until(dropped)
        got = b""
        with contextlib.suppress(ConnectionResetError):
            while data := client.recv(1 << 16):
                got += data
    assert got.startswith(b"HTTP/1.1 200")
    assert not got.endswith(b"0\r\n\r\n"), "nobody had read, and all of it came"


async def test_a_client_that_leaves_ends_its_speech(tts: RunningService) -> None:
    before, made_before = await metric(tts, CANCELLED), await metric(tts, AUDIO_OUT)
    async with httpx2.AsyncClient() as client:
        body = {"text": LONG, "priority": "batch", "sample_rate": 48_000}
        async with client.stream("POST", f"{tts.http}/v1/synthesize", json=body) as response:
            assert response.status_code == 200, await response.aread()
            async for _ in response.aiter_raw():
                break

    async def cancelled() -> bool:
        return await metric(tts, CANCELLED) == before + 1

    await until(cancelled, 2)
    assert await metric(tts, AUDIO_OUT) - made_before < 60
