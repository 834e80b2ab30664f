"""What the webhook answers: streams with one-time tokens, busy lines; and what follows."""

import re
import time
from collections.abc import Generator
from xml.etree import ElementTree

import httpx2
import pytest

from tests.services.conftest import RunningService, running
from tests.services.telephoning import dialled, metric, stream_url, until_free
from tests.services.twilio_account import (
    FORM,
    NUMBERS,
    PUBLIC,
    STREAM,
    begins,
    new_call,
    post,
    secured,
    token_of,
    upgrade,
)

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def phone() -> Generator[RunningService]:
    with secured() as service:
        yield service


def test_the_webhook_answers_twiml_with_a_token(phone: RunningService) -> None:
    answer = post(phone)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/xml")
    stream = ElementTree.fromstring(answer.text).find("./Connect/Stream")
    assert stream is not None
    # Twilio drops a query
    assert stream.get("url") == STREAM
    assert stream.get("statusCallback") == f"{PUBLIC}/twilio/status"
    # 128 bits
    assert re.fullmatch(r"[\w-]{22}", token_of(answer))
    assert token_of(post(phone)) != token_of(answer)


def test_a_call_from_the_webhook_to_its_end(phone: RunningService) -> None:
    call_sid, token = new_call(phone)
    with dialled(phone, additional_headers=upgrade()) as line:
        assert begins(line, call_sid, token)
        line.send({"event": "stop", "streamSid": "MZ0"})
        assert line.close_code() == 1000


@pytest.mark.parametrize("token", [None, "", "wrong", "x" * 500, "<b>\nINFO forged"], ids=ascii)
def test_a_stream_without_a_good_token_is_1008(phone: RunningService, token: str | None) -> None:
    call_sid, _ = new_call(phone)
    with dialled(phone, additional_headers=upgrade()) as line:
        assert not begins(line, call_sid, token)
    assert metric(phone, "voice_agent_calls_total", outcome="token") > 0
    assert not [text for text in phone.log if "forged" in text]


def test_a_token_is_good_for_one_stream_of_its_call(phone: RunningService) -> None:
    one, token = new_call(phone)
    other, _ = new_call(phone)
    with dialled(phone, additional_headers=upgrade()) as line:
        assert not begins(line, other, token)
    # it was shown by another call: it is gone
    with dialled(phone, additional_headers=upgrade()) as line:
        assert not begins(line, one, token)
    one, token = new_call(phone)
    with dialled(phone, additional_headers=upgrade()) as line:
        assert begins(line, one, token)
    until_free(phone)
    with dialled(phone, additional_headers=upgrade()) as line:
        assert not begins(line, one, token)


def test_a_webhook_that_comes_twice_does_not_harm_the_call(phone: RunningService) -> None:
    form = FORM | {"CallSid": f"CA{next(NUMBERS)}"}
    first, second = (token_of(post(phone, form)) for _ in range(2))
    with dialled(phone, additional_headers=upgrade()) as line:
        # Twilio did not get the second answer, or not the first
        assert begins(line, form["CallSid"], first)
        again = post(phone, form)
        assert again.status_code == 200
        assert ElementTree.fromstring(again.text).find("./Connect") is None
        with dialled(phone, additional_headers=upgrade()) as other:
            assert not begins(other, form["CallSid"], second)
        assert line.hears()


def test_a_busy_line_sounds_busy(phone: RunningService) -> None:
    until_free(phone)
    calls = [new_call(phone) for _ in range(3)]
    with (
        dialled(phone, additional_headers=upgrade()) as one,
        dialled(phone, additional_headers=upgrade()) as two,
        dialled(phone, additional_headers=upgrade()) as three,
    ):
        assert begins(one, *calls[0])
        assert begins(two, *calls[1])
        answer = post(phone, FORM | {"CallSid": "CAbusy"})
        reject = ElementTree.fromstring(answer.text).find("./Reject")
        assert reject is not None
        assert reject.get("reason") == "busy"
        # the slot went while this one was being connected
        three.begin(calls[2][0], customParameters={"token": calls[2][1]})
        assert three.close_code() == 1013
        assert one.hears()
        assert two.hears()


def test_status_callbacks_are_counted_in_any_order(phone: RunningService) -> None:
    before = metric(phone, "voice_agent_call_events_total", event="stream-stopped")
    for event in ("stream-stopped", "stream-started", "stream-stopped", "stream-error", "x", ""):
        form = {"CallSid": "CAunknown", "StreamSid": "MZ0", "StreamEvent": event}
        assert post(phone, form, route="status").status_code == 204
    assert metric(phone, "voice_agent_call_events_total", event="stream-stopped") == before + 2
    assert metric(phone, "voice_agent_call_events_total", event="other") >= 2
    assert httpx2.post(f"{phone.http}/twilio/status", data=FORM).status_code == 403


def test_no_number_of_a_caller_is_logged(phone: RunningService) -> None:
    new_call(phone)
    assert not [line for line in phone.log if "555010" in line]


@pytest.mark.slow
def test_insecure_needs_neither_signature_nor_address() -> None:
    with running("echo", TWILIO__INSECURE="true") as service:
        answer = httpx2.post(f"{service.http}/twilio/voice", data=FORM)
        stream = ElementTree.fromstring(answer.text).find("./Connect/Stream")
        assert stream is not None
        assert stream.get("url") == stream_url(service)
        with dialled(service) as line:
            assert begins(line, "CA0", token_of(answer))


@pytest.mark.slow
def test_calls_may_end_when_the_service_goes_down() -> None:
    grace_s = 0.5
    with (
        running("echo", TWILIO__INSECURE="true", SERVER__DRAIN_TIMEOUT_S=grace_s) as service,
        dialled(service) as line,
    ):
        line.begin()
        assert line.hears()
        service.process.terminate()
        began_s = time.monotonic()
        # the call goes on until the time is over
        assert line.hears()
        assert line.close_code() == 1012
        assert time.monotonic() - began_s > 0.8 * grace_s
        assert service.process.wait(15) == 0
