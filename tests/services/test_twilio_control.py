"""Hanging up and transferring: keys of the telephone, and Twilio's REST interface."""

import time
from collections.abc import Generator
from typing import Any

import pytest

from tests.scripted_twilio_api import ScriptedTwilioApi, serving
from tests.services.conftest import RunningService, running
from tests.services.telephoning import Line, dialled, in_a_call, metric, until_free
from tests.twilio_messages import dtmf
from voice_agent.cli.http_probe import free_port

pytestmark = pytest.mark.e2e

KEYS = '{"0": "+15550199", "7": "sip:help@example.test", "9": "hang_up"}'
PATH = "/2010-04-01/Accounts/AC7/Calls/CA0.json"
TIMEOUT_S = 2.0
CREDENTIALS: dict[str, Any] = {"TWILIO__ACCOUNT_SID": "AC7", "TWILIO__AUTH_TOKEN": "secret"}


@pytest.fixture(scope="module")
def shared_api() -> Generator[ScriptedTwilioApi]:
    with serving(ScriptedTwilioApi()) as api:
        yield api


@pytest.fixture
def api(shared_api: ScriptedTwilioApi) -> ScriptedTwilioApi:
    shared_api.asked.clear()
    shared_api.statuses = [200]
    return shared_api


@pytest.fixture(scope="module")
def phone(shared_api: ScriptedTwilioApi) -> Generator[RunningService]:
    with running(
        "agent",
        TWILIO__INSECURE="true",
        TWILIO__KEYS=KEYS,
        TWILIO__API_URL=shared_api.url,
        TWILIO__API_TIMEOUT_S=TIMEOUT_S,
        **CREDENTIALS,
    ) as service:
        yield service
        assert not [line for line in service.log if "ERROR" in line]
        # nobody's number
        assert not [line for line in service.log if "5550199" in line]


def failures(service: RunningService, action: str) -> float:
    return metric(service, "voice_agent_call_control_total", action=action, outcome="failed")


def hears_speech(line: Line, within_s: float = 15) -> bool:
    return line.receive(within_s)["event"] in ("media", "mark")


@pytest.mark.parametrize(
    ("statuses", "n_asked", "failed"),
    [
        ([200], 1, 0),
        ([404], 1, 0),
        ([401], 1, 1),
        ([400], 1, 1),
        ([429, 500, 200], 3, 0),
        ([503], 3, 1),
    ],
    ids=str,
)
def test_a_hang_up_ends_the_call_whatever_twilio_answers(
    phone: RunningService, api: ScriptedTwilioApi, statuses: list[int], n_asked: int, failed: int
) -> None:
    api.statuses = list(statuses)
    before = failures(phone, "hang_up")
    with in_a_call(phone) as line:
        line.send(dtmf("9"))
        assert line.close_code() == 1000
    assert [(a.path, a.user, a.fields) for a in api.asked] == n_asked * [
        (PATH, "AC7:secret", {"Status": "completed"})
    ]
    assert failures(phone, "hang_up") == before + failed
    until_free(phone)


def test_an_interface_that_never_answers_is_not_waited_for(
    phone: RunningService, api: ScriptedTwilioApi
) -> None:
    api.statuses = [0]
    with in_a_call(phone) as line:
        began_s = time.monotonic()
        line.send(dtmf("9"))
        assert line.close_code() == 1000
        took_s = time.monotonic() - began_s
    # tried more than once within the time there is
    assert took_s > 0.8 * TIMEOUT_S
    assert len(api.asked) > 1


@pytest.mark.slow
@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "nobody.invalid"])
def test_an_interface_that_is_not_there_does_not_keep_a_call(host: str) -> None:
    url = f"http://{host.format(port=free_port())}"
    with (
        running(
            "agent",
            TWILIO__INSECURE="true",
            TWILIO__KEYS=KEYS,
            TWILIO__API_URL=url,
            **CREDENTIALS,
        ) as service,
        in_a_call(service) as line,
    ):
        line.send(dtmf("9"))
        assert line.close_code() == 1000


@pytest.mark.slow
def test_without_credentials_a_hang_up_closes_the_stream() -> None:
    with running("agent", TWILIO__INSECURE="true", TWILIO__KEYS=KEYS) as service:
        with in_a_call(service) as line:
            line.send(dtmf("9"))
            assert line.close_code() == 1000
        # and a transfer cannot be made
        with in_a_call(service, "CA1") as line:
            line.send(dtmf("0"))
            assert hears_speech(line)


@pytest.mark.parametrize(
    ("key", "target"),
    [("0", "<Number>+15550199</Number>"), ("7", "<Sip>sip:help@example.test</Sip>")],
)
def test_a_transfer_ends_with_the_stream_and_without_a_hang_up(
    phone: RunningService, api: ScriptedTwilioApi, key: str, target: str
) -> None:
    with in_a_call(phone) as line:
        line.send(dtmf(key))
        deadline_s = time.monotonic() + 10
        while not api.asked:
            assert time.monotonic() < deadline_s
            time.sleep(0.02)
        # Twilio has other TwiML now, and ends the stream
        line.send({"event": "stop", "streamSid": "MZ0"})
        assert line.close_code() == 1000
    until_free(phone)
    [asked] = api.asked
    assert asked.path == PATH
    assert list(asked.fields) == ["Twiml"]
    assert f"<Response><Dial>{target}</Dial></Response>" in asked.fields["Twiml"]


def test_a_transfer_of_a_call_that_is_gone_is_done(
    phone: RunningService, api: ScriptedTwilioApi
) -> None:
    api.statuses = [404]
    before = failures(phone, "transfer")
    with in_a_call(phone) as line:
        line.send(dtmf("0"))
        line.send({"event": "stop", "streamSid": "MZ0"})
        assert line.close_code() == 1000
    until_free(phone)
    assert failures(phone, "transfer") == before


def test_a_transfer_that_fails_is_apologised_for_and_the_call_goes_on(
    phone: RunningService, api: ScriptedTwilioApi
) -> None:
    api.statuses = [400]
    before = failures(phone, "transfer")
    with dialled(phone) as line:
        line.begin()
        line.send(dtmf("0"))
        assert hears_speech(line)
        assert failures(phone, "transfer") == before + 1
        # it may be tried again, and the caller may still hang up
        api.statuses = [200]
        line.send(dtmf("9"))
        assert line.close_code() == 1000
    assert [list(asked.fields) for asked in api.asked] == [["Twiml"], ["Status"]]
