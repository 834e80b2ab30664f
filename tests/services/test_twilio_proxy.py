"""Calls through a real nginx with TLS, as `voice-agent call` makes them."""

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.cli.command import sentence, voice_agent
from tests.services.behind_nginx import certified, documented_location, nginx
from tests.services.conftest import RunningService, running
from tests.services.telephoning import metric
from tests.speech import dialogue
from voice_agent.cli.http_probe import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

TOKEN = "a secret of the account"
SAID = "what is two plus three"


@dataclass(frozen=True)
class Public:
    """An agent that is reached by https only.

    Attributes:
        url: Where, from outside.
        trusted: Settings of a caller who trusts its certificate.
    """

    service: RunningService
    url: str
    trusted: dict[str, str]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certified(tmp_path_factory.mktemp("nginx"))


@pytest.fixture(scope="module")
def public(certificate: Path) -> Generator[Public]:
    port = free_port()
    url = f"https://127.0.0.1:{port}"
    with (
        running("agent", TWILIO__PUBLIC_URL=url, TWILIO__AUTH_TOKEN=TOKEN) as service,
        nginx(certificate.parent, port, documented_location(service.port)),
    ):
        yield Public(service, url, {"SSL_CERT_FILE": str(certificate)})
        assert not [line for line in service.log if "ERROR" in line]


@pytest.fixture(autouse=True)
def _trusts(public: Public, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in public.trusted.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def question(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("question") / "question.wav"
    soundfile.write(path, dialogue([SAID], 0.7), 16_000)
    return path


def test_a_signed_call_is_answered(public: Public, question: Path, tmp_path: Path) -> None:
    out = tmp_path / "call.wav"
    result = voice_agent(
        *("call", "--wav", question, "--to-wav", out),
        *("--webhook", f"{public.url}/twilio/voice"),
        TWILIO__AUTH_TOKEN=TOKEN,
    )
    assert result.returncode == 0, result.stderr
    assert "answer began at" in result.stdout
    assert "complain" not in result.stderr
    # three words take longer than that
    sides, rate_hz = soundfile.read(out)
    assert np.count_nonzero(np.abs(sides[:, 1]) > 0.05) / rate_hz > 0.3
    service = public.service
    for route in ("/twilio/voice", "/twilio/stream"):
        found = metric(service, "voice_agent_call_requests_total", route=route, outcome="accepted")
        assert found == 1


def test_a_wrong_signature_is_refused(public: Public) -> None:
    webhook = f"{public.url}/twilio/voice"
    wrong = voice_agent("call", "--press", "1", "--webhook", webhook, TWILIO__AUTH_TOKEN="wrong")
    assert "does not take the signature" in sentence(wrong)
    stream = f"{public.url.replace('https', 'wss')}/twilio/stream"
    unsigned = voice_agent("call", "--press", "1", "--url", stream)
    assert "takes signed calls only" in sentence(unsigned)


def test_the_address_that_counts_is_the_public_one(public: Public) -> None:
    # past the proxy: the same service under another address has other signatures
    webhook = f"{public.service.http}/twilio/voice"
    result = voice_agent("call", "--press", "1", "--webhook", webhook, TWILIO__AUTH_TOKEN=TOKEN)
    assert "does not take the signature" in sentence(result)


def test_a_certificate_that_nobody_trusts_is_not_called(
    public: Public, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    webhook = f"{public.url}/twilio/voice"
    result = voice_agent("call", "--press", "1", "--webhook", webhook, TWILIO__AUTH_TOKEN=TOKEN)
    assert "no webhook answers" in sentence(result)
