"""Who may call: signatures of the webhook and of the upgrade."""

import base64
import hmac
from collections.abc import Generator
from hashlib import sha1, sha256
from html import unescape
from urllib.parse import urlencode

import httpx2
import pytest

from tests.services.conftest import RunningService, running
from tests.services.twilio_account import (
    FORM,
    PUBLIC,
    STREAM,
    TOKEN,
    post,
    refusal,
    secured,
    signed,
    upgrade,
)

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def phone() -> Generator[RunningService]:
    with secured() as service:
        yield service


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


@pytest.mark.slow
def test_without_credentials_no_call_is_taken() -> None:
    with running("echo") as service:
        answer = httpx2.post(f"{service.http}/twilio/voice", data=FORM)
        assert answer.status_code == 501
        assert refusal(service, {}) == 403
        assert refusal(service, upgrade()) == 403
