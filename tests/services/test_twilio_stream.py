"""Streams that are not as Twilio's should be, over real sockets: what ends them and what not."""

import json
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.services.conftest import RunningService, running
from tests.services.telephoning import (
    TONE,
    dialled,
    in_a_call,
    metric,
    until_free,
)
from tests.twilio_messages import CONNECTED, Message, dtmf, media, start

pytestmark = pytest.mark.e2e

UNUSABLE: list[tuple[Message | str | bytes, str]] = [
    *(("{", "json"), ("", "json"), ("[" * 50_000, "json"), ('{"a":' + "1" * 5000, "json")),
    *(("[1]", "shape"), ("null", "shape"), ('"media"', "shape"), ("7", "shape")),
    *(("{}", "event"), ('{"event": "medium"}', "event"), ('{"event": NaN}', "event")),
    *((b"{}", "binary"), (b"\xff" * 100, "binary")),
    *((media(b"") | {"media": 7}, "shape"), (media(b"") | {"media": None}, "shape")),
    *((media(TONE, payload="%"), "payload"), (media(TONE, payload=7), "payload")),
    *((media(TONE, payload=None), "payload"), (media(TONE, payload="_-_-"), "payload")),
    (media(TONE, payload="\ud800"), "payload"),
    *((media(TONE, track="outbound"), "track"), (media(TONE, track="both_tracks"), "track")),
    *((media(TONE, stream_sid="MZother"), "stream"), (media(TONE) | {"streamSid": 7}, "sid")),
    *((dtmf("x"), "digit"), (dtmf(None), "digit"), (dtmf("1") | {"dtmf": None}, "shape")),
    *((CONNECTED, "again"), ({"event": "mark", "streamSid": "MZ0"}, "shape")),
    ({"event": "stop", "streamSid": "MZother"}, "stream"),
]

SKIPPED = "voice_agent_call_messages_skipped_total"


@pytest.fixture(scope="module")
def echo() -> Generator[RunningService]:
    """Gives audio back. At the end nothing may have gone wrong inside."""
    with running("echo", TWILIO__INSECURE="true", SERVER__MAX_SESSIONS=5) as service:
        yield service
        errors = [line for line in service.log if "ERROR" in line]
        assert [line for line in errors if "Invalid UTF-8" not in line] == []


@pytest.fixture(autouse=True)
def the_next_call_is_not_affected(echo: RunningService) -> Generator[None]:
    """After every test: no slot is held, and a call works."""
    yield
    until_free(echo)
    with in_a_call(echo, "CAnext") as line:
        assert line.hears()
        line.send({"event": "stop", "streamSid": "MZ0"})
        assert line.close_code() == 1000
    until_free(echo)


def test_insecure_is_said_loudly(echo: RunningService) -> None:
    [line] = [line for line in echo.log if "NOT CHECKED" in line]
    assert "WARNING" in line


def test_a_call_ends_in_order(echo: RunningService) -> None:
    with in_a_call(echo) as line:
        # less than what the echo drops, and resampling holds a part of the last one back
        line.speak(40)
        heard = [line.receive() for _ in range(39)]
        line.send({"event": "stop", "streamSid": "MZ0", "stop": {"callSid": "CA0"}})
        assert line.close_code() == 1000
    assert {(m["event"], m["streamSid"]) for m in heard} == {("media", "MZ0")}


def test_connected_may_be_missing(echo: RunningService) -> None:
    with dialled(echo) as line:
        line.send(start())
        assert line.hears()


@pytest.mark.parametrize(
    "opening",
    [
        (media(TONE),),
        (CONNECTED, media(TONE)),
        (CONNECTED, CONNECTED),
        (CONNECTED, dtmf("1")),
        (CONNECTED, "{"),
        (CONNECTED, b"{}"),
        ("[" * 50_000,),
    ],
    ids=["audio", "audio after connected", "connected twice", "key", "no json", "binary", "nested"],
)
def test_audio_before_start_is_refused(echo: RunningService, opening: tuple[str, ...]) -> None:
    with dialled(echo) as line:
        line.send(*opening)
        assert line.close_code(5) == 1008


@pytest.mark.slow
@pytest.mark.parametrize("said", [(), (CONNECTED,)], ids=["nothing", "connected"])
def test_who_says_nothing_is_not_waited_for(echo: RunningService, said: tuple[str, ...]) -> None:
    began_s = time.monotonic()
    with dialled(echo) as line:
        line.send(*said)
        assert line.close_code() == 1008
    assert time.monotonic() - began_s > 4.5


def test_a_second_start_ends_the_stream(echo: RunningService) -> None:
    for second in (start(), start("MZother")):
        with in_a_call(echo) as line:
            assert line.hears()
            line.send(second)
            assert line.close_code() == 1008


def test_a_second_stream_of_a_call_is_refused_and_the_first_lives(echo: RunningService) -> None:
    with in_a_call(echo, "CAtwice") as first:
        assert first.hears()
        with in_a_call(echo, "CAtwice") as second:
            assert second.close_code() == 1008
        assert first.hears()


def test_the_same_call_may_come_again_after_its_end(echo: RunningService) -> None:
    for _ in range(3):
        with in_a_call(echo, "CAagain") as line:
            assert line.hears()
            line.send({"event": "stop", "streamSid": "MZ0"})
            assert line.close_code() == 1000
        until_free(echo)


def test_a_connection_that_breaks_ends_its_call_soon(echo: RunningService) -> None:
    with dialled(echo) as line:
        line.begin("CAbroken")
        assert line.hears()
        line.break_off()
        until_free(echo, within_s=5)


def test_all_lines_busy_is_1013(echo: RunningService) -> None:
    def hold(number: int) -> int | None:
        with in_a_call(echo, f"CA{number}") as line:
            return None if line.hears() and not time.sleep(1.5) else line.close_code()

    with ThreadPoolExecutor(7) as callers:
        codes = list(callers.map(hold, range(7)))
    assert sorted(codes, key=str) == [1013, 1013, None, None, None, None, None]


@pytest.mark.parametrize("step", [1, 5, 50], ids=lambda step: f"{step} missing")
def test_gaps_are_counted_and_filled(echo: RunningService, step: int) -> None:
    gaps = metric(echo, "voice_agent_call_gaps_total")
    filled_s = metric(echo, "voice_agent_call_filled_seconds_total")
    with in_a_call(echo) as line:
        for number in (2, 3, 4 + step, 5 + step):
            at_ms = str(20 * (number - 2))
            line.send(media(TONE, sequence=str(number), timestamp=at_ms))
        assert line.receive()["event"] == "media"
        line.send({"event": "stop", "streamSid": "MZ0"})
        assert line.close_code() == 1000
    until_free(echo)
    assert metric(echo, "voice_agent_call_gaps_total") == gaps + 1
    added_s = metric(echo, "voice_agent_call_filled_seconds_total") - filled_s
    assert added_s == pytest.approx(min(0.02 * step, 0.2))


@pytest.mark.parametrize(
    "numbers",
    [
        [2, 2, 2, 3],
        [5, 4, 3, 2, 6],
        [2, 3, 1, 2, 3],
        ["x", "", None, 7, "9" * 30],
        [2, {"a": 1}, [], True],
    ],
    ids=ascii,
)
def test_odd_numbers_do_not_end_a_call(echo: RunningService, numbers: list[object]) -> None:
    with in_a_call(echo) as line:
        for number in numbers:
            line.send(media(TONE, sequence=number))
        assert line.hears()


@pytest.mark.parametrize("jump_ms", ["60000", "-20", "0", "x", "9" * 17])
def test_a_clock_that_jumps_does_not_end_a_call(echo: RunningService, jump_ms: str) -> None:
    with in_a_call(echo) as line:
        line.speak(3)
        line.send(media(TONE, sequence="5", timestamp=jump_ms))
        assert line.hears()


def test_a_burst_and_a_hole_do_not_end_a_call(echo: RunningService) -> None:
    with in_a_call(echo) as line:
        line.speak(100)
        time.sleep(3)
        assert line.hears()


@pytest.mark.parametrize("size", [0, 1, 161, 8000])
def test_audio_of_any_length_is_taken(echo: RunningService, size: int) -> None:
    with in_a_call(echo) as line:
        line.send(media(TONE * 50 if size == 8000 else TONE[:1] * size))
        assert line.hears()


@pytest.mark.parametrize("size", [64 << 10, 8 << 20])
def test_audio_that_is_too_much_is_1009(echo: RunningService, size: int) -> None:
    with in_a_call(echo) as line:
        line.send(media(b"\xff" * size))
        assert line.close_code() == 1009
    with dialled(echo) as line:
        line.send(media(b"\xff" * size))
        assert line.close_code() == 1009


@pytest.mark.parametrize(
    ("message", "reason"), UNUSABLE, ids=[f"{i} {why}" for i, (_, why) in enumerate(UNUSABLE)]
)
def test_what_cannot_be_used_is_counted_and_skipped(
    echo: RunningService, message: str, reason: str
) -> None:
    before = metric(echo, SKIPPED, reason=reason)
    with in_a_call(echo) as line:
        line.send(message)
        assert line.hears()
    assert metric(echo, SKIPPED, reason=reason) == before + 1


def test_text_that_is_no_utf8_ends_only_its_call(echo: RunningService) -> None:
    with in_a_call(echo) as line:
        assert line.hears()
        # the library under the socket sees to this one
        line.connection.send(b"\xff\xfe", text=True)
        assert line.close_code() == 1007


def test_a_message_in_fragments_is_one(echo: RunningService) -> None:
    with in_a_call(echo) as line:
        text = json.dumps(media(TONE, sequence="2"))
        line.connection.send(text[at : at + 7] for at in range(0, len(text), 7))
        assert line.hears()


def test_compression_is_not_agreed_to(echo: RunningService) -> None:
    with dialled(echo) as line:
        assert line.connection.response is not None
        assert "sec-websocket-extensions" not in line.connection.response.headers


@pytest.mark.parametrize(
    "audio",
    [
        {"encoding": "audio/x-l16", "sampleRate": 16_000, "channels": 1},
        {"encoding": "audio/x-alaw", "sampleRate": 8000, "channels": 1},
        {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 2},
        {"encoding": "audio/x-mulaw"},
    ],
    ids=ascii,
)
def test_audio_of_another_format_is_1003(echo: RunningService, audio: object) -> None:
    with dialled(echo) as line:
        line.begin(mediaFormat=audio)
        assert line.close_code() == 1003


@pytest.mark.parametrize(
    "parameters", [None, {}, {"a": "x" * 500}, {"a": "<b>&\n"}, [], 7], ids=lambda p: ascii(p)[:12]
)
def test_any_parameters_will_do(echo: RunningService, parameters: object) -> None:
    with dialled(echo) as line:
        line.begin(customParameters=parameters)
        assert line.hears()


def test_a_token_that_is_not_ours_is_refused_even_here(echo: RunningService) -> None:
    with dialled(echo) as line:
        line.begin(customParameters={"token": "wrong\nINFO forged"})
        assert line.close_code() == 1008
    assert not [text for text in echo.log if "forged" in text]


def test_stop_twice_and_audio_after_it_are_harmless(echo: RunningService) -> None:
    stop = {"event": "stop", "streamSid": "MZ0"}
    with in_a_call(echo) as line:
        line.send(stop, stop, media(TONE), stop)
        assert line.close_code() == 1000
    with dialled(echo) as line:
        line.send(CONNECTED, start(), stop, media(TONE))
        assert line.close_code() == 1000
    with dialled(echo) as line:
        line.send(CONNECTED, stop)
        assert line.close_code() == 1008
