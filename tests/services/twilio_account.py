"""Twilio's side of a webhook: its signature, what it posts, what it does with the answer."""

import base64
import hmac
import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha1
from xml.etree import ElementTree

import httpx2
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.services.conftest import RunningService, running
from tests.services.telephoning import Line, stream_url

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


@contextmanager
def secured() -> Iterator[RunningService]:
    """A service that takes this account's calls only. Nothing may go wrong inside."""
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
