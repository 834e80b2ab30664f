"""What Twilio does before a call has a stream: it asks a webhook, and signs what it asks."""

import base64
import hmac
import secrets
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha1
from xml.etree import ElementTree

from voice_agent.errors import EngineUnavailable, Unauthorized

_HTTP_FORBIDDEN = 403
_TIMEOUT_S = 15.0  # as long as Twilio waits


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """Where a webhook wants its call to be connected.

    Attributes:
        url: Of the stream.
        parameters: To be passed on.
        headers: Of the upgrade: its signature.
    """

    url: str
    call_sid: str
    parameters: dict[str, str] = field(default_factory=dict[str, str])
    headers: dict[str, str] = field(default_factory=dict[str, str])


def signature(token: str, url: str, fields: Mapping[str, str]) -> str:
    """What Twilio puts into ``X-Twilio-Signature``."""
    text = url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), sha1).digest()).decode()


async def invited(webhook_url: str, token: str) -> Invitation:
    """Asks a webhook what is to be done with a new call.

    Args:
        webhook_url: As Twilio would call it.
        token: Of the account, to sign with; empty for no signature.

    Raises:
        Unauthorized: The signature is not the right one.
        EngineUnavailable: No webhook answers, or it wants no stream.
    """
    import httpx2

    call_sid = f"CA{secrets.token_hex(16)}"
    fields = {
        "CallSid": call_sid,
        "AccountSid": "AC" + "0" * 32,
        "Direction": "inbound",
        "From": "+15550100",
        "To": "+15550101",
    }
    headers = _signed(token, webhook_url, fields)
    try:
        # the machine's certificates, as for the stream
        trusted = ssl.create_default_context()
        async with httpx2.AsyncClient(
            timeout=_TIMEOUT_S, verify=trusted, trust_env=False
        ) as client:
            answer = await client.post(webhook_url, data=fields, headers=headers)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise EngineUnavailable(f"no webhook answers at {webhook_url}") from error
    if answer.status_code == _HTTP_FORBIDDEN:
        raise Unauthorized(
            f"{webhook_url} does not take the signature: are twilio.auth_token and the address "
            "those that the server has?"
        )
    stream = _stream(answer.text)
    if stream is None:
        status = answer.status_code
        raise EngineUnavailable(f"{webhook_url} does not want the call (HTTP {status})")
    url = stream.get("url", "")
    parameters = {p.get("name", ""): p.get("value", "") for p in stream.findall("Parameter")}
    headers = _signed(token, url, {})
    return Invitation(url=url, call_sid=call_sid, parameters=parameters, headers=headers)


def _signed(token: str, url: str, fields: Mapping[str, str]) -> dict[str, str]:
    return {"X-Twilio-Signature": signature(token, url, fields)} if token else {}


def _stream(twiml: str) -> ElementTree.Element | None:
    try:
        return ElementTree.fromstring(twiml).find("./Connect/Stream")
    except ElementTree.ParseError:
        return None
