"""Who may call: signatures of the webhook and the upgrade, one-time tokens, busy lines."""

import base64
import hmac
import itertools
import re
import time
from collections.abc import Generator, Mapping
from hashlib import sha1, sha256
from html import unescape
from urllib.parse import urlencode
from xml.etree import ElementTree

import httpx2
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.services.conftest import RunningService, running
from tests.services.telephoning import Line, dialled, metric, stream_url, until_free

pytestmark = pytest.mark.e2e

TOKEN = "a secret of the account"
# as behind a proxy: not the address that the service listens on
PUBLIC = "https://phone.example.test"
STREAM = "wss://phone.example.test/twilio/stream"
NUMBERS = itertools.count()
FORM = {"CallSid": "CA0", "AccountSid": "AC0", "From": "+15550100", "Called": "+15550101"}


def signed(url: str, fields: Mapping[str, str] | None = None, hashed: object = sha1) -> str:
    """As Twilio documents it; written here anew, so that no mistake is shared."""
    text = url + "".join(name + value for name, value in sorted((fields or {}).items()))
    digest = hmac.new(TOKEN.encode(), text.encode(), hashed).digest()  # pyright: ignore[reportArgumentType]
    return base64.b64encode(digest).decode()


@pytest.fixture(scope="module")
def phone() -> Generator[RunningService]:
    with running(
        "echo",
        TWILIO__PUBLIC_URL=f"{PUBLIC}/twilio/voice",
        TWILIO__AUTH_TOKEN=TOKEN,
        SERVER__MAX_SESSIONS=2,
    ) as service:
        yield service
        assert [line for line in service.log if "ERROR" in line] == []


def post(
    service: RunningService,
    form: Mapping[str, str] = FORM,
    *,
    route: str = "voice",
    query: str = "",
    **headers: str | None,
) -> httpx2.Response:
    """A signed webhook; a header that is None is left out."""
    url = f"{PUBLIC}/twilio/{route}{query}"
    named = {"X-Twilio-Signature": signed(url, form)}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}  # pyright: ignore[reportAssignmentType]
    sent = {name: value for name, value in named.items() if value is not None}
    address = f"{service.http}/twilio/{route}{query}"
    return httpx2.post(address, data=dict(form), headers=sent)


def token_of(answer: httpx2.Response) -> str:
    parameter = ElementTree.fromstring(answer.text).find("./Connect/Stream/Parameter")
    assert parameter is not None
    assert parameter.get("name") == "token"
    return parameter.get("value") or ""


def new_call(service: RunningService) -> tuple[str, str]:
    """A call that the webhook has let in: its name, and its token."""
    call_sid = f"CA{next(NUMBERS)}"
    return call_sid, token_of(post(service, FORM | {"CallSid": call_sid}))


def upgrade(**headers: str) -> dict[str, str]:
    return {"X-Twilio-Signature": signed(STREAM)} | headers


def refusal(service: RunningService, headers: Mapping[str, str]) -> int:
    """The status that an upgrade is refused with; 101 if it is not."""
    try:
        with connect(stream_url(service), additional_headers=headers, proxy=None):
            return 101
    except InvalidStatus as error:
        return error.response.status_code


def begins(line: Line, call_sid: str, token: object) -> bool:
    """Whether a stream with a token becomes a call; if not, it is closed with 1008."""
    line.begin(call_sid, customParameters={} if token is None else {"token": token})
    if line.hears():
        return True
    assert line.close_code() == 1008
    return False


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


@pytest.mark.parametrize(
    "signature",
    [None, "", "x", "ünï", "=" * 28, signed(f"{PUBLIC}/twilio/voice"), "a" * 8000],
    ids=["missing", "empty", "short", "latin", "long enough", "of no fields", "huge"],
)
def test_a_webhook_that_is_not_signed_is_403(phone: RunningService, signature: str | None) -> None:
    encoded = signature if signature is None else signature.encode("latin-1").decode("latin-1")
    raw = [] if encoded is None else [(b"X-Twilio-Signature", encoded.encode("latin-1"))]
    answer = httpx2.post(f"{phone.http}/twilio/voice", data=FORM, headers=raw)
    assert answer.status_code == 403
    assert "Parameter" not in answer.text


@pytest.mark.parametrize(
    "url",
    [
        "http://phone.example.test/twilio/voice",
        "https://phone.example.test/twilio/voice/",
        "https://phone.example.test/twilio/status",
        "https://phone.example.test:8443/twilio/voice",
        "https://other.example.test/twilio/voice",
        "wss://phone.example.test/twilio/voice",
    ],
)
def test_a_signature_over_another_address_is_403(phone: RunningService, url: str) -> None:
    headers = {"X-Twilio-Signature": signed(url, FORM)}
    assert httpx2.post(f"{phone.http}/twilio/voice", data=FORM, headers=headers).status_code == 403


def test_the_port_may_be_named_in_the_signature(phone: RunningService) -> None:
    headers = {"X-Twilio-Signature": signed(f"{PUBLIC}:443/twilio/voice", FORM)}
    assert httpx2.post(f"{phone.http}/twilio/voice", data=FORM, headers=headers).status_code == 200


def test_what_a_request_says_about_its_host_does_not_count(phone: RunningService) -> None:
    address = f"{phone.http}/twilio/voice"
    spoofed = {
        "X-Twilio-Signature": signed("https://evil.example.test/twilio/voice", FORM),
        "Host": "evil.example.test",
        "X-Forwarded-Host": "evil.example.test",
        "X-Forwarded-Proto": "https",
    }
    assert httpx2.post(address, data=FORM, headers=spoofed).status_code == 403
    spoofed["X-Twilio-Signature"] = signed(f"{PUBLIC}/twilio/voice", FORM)
    answer = httpx2.post(address, data=FORM, headers=spoofed)
    assert answer.status_code == 200
    assert "evil" not in unescape(answer.text)


def test_only_the_account_s_own_signature_is_taken(phone: RunningService) -> None:
    url = f"{PUBLIC}/twilio/voice"
    shared = "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"
    headers = {
        "X-Twilio-Signature": signed(url, FORM, sha256),
        "X-Twilio-Webhooks-Signature-Settings": shared,
    }
    assert httpx2.post(f"{phone.http}/twilio/voice", data=FORM, headers=headers).status_code == 403


def test_fields_may_be_odd(phone: RunningService) -> None:
    odd = FORM | {"Ünïcödé": "日本 + & = %", "Empty": "", "CallerName": "<b>O'Neil</b>\n"}
    assert post(phone, odd).status_code == 200
    assert post(phone, query="?x=1&y=2").status_code == 200


def test_a_field_that_comes_twice_counts_with_both_values(phone: RunningService) -> None:
    url = f"{PUBLIC}/twilio/voice"
    pairs = [("CallSid", "CA0"), ("Digits", "2"), ("Digits", "1")]
    text = url + "CallSidCA0Digits1Digits2"
    digest = hmac.new(TOKEN.encode(), text.encode(), sha1).digest()
    headers = {
        "X-Twilio-Signature": base64.b64encode(digest).decode(),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    answer = httpx2.post(f"{phone.http}/twilio/voice", content=urlencode(pairs), headers=headers)
    assert answer.status_code == 200


def test_a_changed_field_is_403(phone: RunningService) -> None:
    headers = {"X-Twilio-Signature": signed(f"{PUBLIC}/twilio/voice", FORM)}
    changed = FORM | {"CallSid": "CAother"}
    answer = httpx2.post(f"{phone.http}/twilio/voice", data=changed, headers=headers)
    assert answer.status_code == 403


def test_a_body_that_is_no_form_is_refused(phone: RunningService) -> None:
    address = f"{phone.http}/twilio/voice"
    headers = {"X-Twilio-Signature": signed(f"{PUBLIC}/twilio/voice")}
    assert httpx2.post(address, content=b"\xff\xfe", headers=headers).status_code == 400
    assert httpx2.post(address, content=b"", headers=headers).status_code == 400
    assert httpx2.post(address, content=b"&" * 1000, headers=headers).status_code == 400
    assert httpx2.post(address, content=b"a" * 70_000, headers=headers).status_code == 413
    assert post(phone, FORM | {"CallSid": "../x"}).status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Twilio-Signature": ""},
        {"X-Twilio-Signature": "wrong"},
        {"X-Twilio-Signature": signed("https://phone.example.test/twilio/stream")},
        {"X-Twilio-Signature": signed("ws://phone.example.test/twilio/stream")},
        {"X-Twilio-Signature": signed("wss://other.example.test/twilio/stream")},
    ],
    ids=["missing", "empty", "wrong", "https", "ws", "other host"],
)
def test_an_upgrade_that_is_not_signed_is_403(
    phone: RunningService, headers: dict[str, str]
) -> None:
    assert refusal(phone, headers) == 403


@pytest.mark.parametrize("url", [STREAM, f"{STREAM}/"])
def test_a_signed_upgrade_is_taken(phone: RunningService, url: str) -> None:
    assert refusal(phone, {"X-Twilio-Signature": signed(url)}) == 101


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
def test_without_credentials_no_call_is_taken() -> None:
    with running("echo") as service:
        answer = httpx2.post(f"{service.http}/twilio/voice", data=FORM)
        assert answer.status_code == 501
        assert refusal(service, {}) == 403
        assert refusal(service, upgrade()) == 403


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
