"""Whether a request comes from Twilio."""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, Protocol
from urllib.parse import parse_qsl

from voice_agent.errors import Unsupported
from voice_agent.settings import TwilioSettings

_HEADER = "x-twilio-signature"
# Twilio sends about thirty
_MAX_FIELDS = 200


class _Validator(Protocol):
    def validate(self, uri: str, params: Any, signature: str) -> bool: ...


class Form(dict[str, list[str]]):
    """The fields of a form, each with all its values, as the signature counts them."""

    def getlist(self, name: str) -> list[str]:
        """All values of a field."""
        return self.get(name, [])

    def first(self, name: str) -> str:
        """One value, or an empty one."""
        return (self.get(name) or [""])[0]


def read_form(body: bytes) -> Form:
    """The fields of a form; none if it is not one."""
    form = Form()
    try:
        text = body.decode()
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        return form
    for name, value in pairs:
        form.setdefault(name, []).append(value)
    return form


class Signatures:
    """Checks the signature that Twilio puts on its webhooks and on the WebSocket upgrade.

    It is made over the address that Twilio called. That address is built from
    `twilio.public_url` alone: behind a proxy this server cannot know it otherwise, and
    what a request says about its own host is up to whoever sends it. Only signatures made
    with the account's token are taken (HMAC-SHA1, the one Twilio uses for both).

    Args:
        settings: With `public_url` and `auth_token`, or `insecure`.

    Raises:
        Unsupported: Signatures have to be checked and the package `twilio` is missing.
    """

    def __init__(self, settings: TwilioSettings) -> None:
        self._base = settings.public_url
        self._validator: _Validator | None = None
        self.insecure = settings.insecure
        """Whether nothing is checked."""
        token = settings.auth_token.get_secret_value()
        if token and self._base and not self.insecure:
            self._validator = _validator(token)

    @property
    def configured(self) -> bool:
        """Whether calls can come at all."""
        return self.insecure or self._validator is not None

    def of_webhook(self, path: str, query: str, form: Form, headers: Mapping[str, str]) -> bool:
        """Whether a webhook is signed.

        Args:
            path: The route, below `public_url`.
            query: As it came, without its question mark.
            form: The body.
            headers: Of the request.
        """
        url = f"{self._base}{path}" + (f"?{query}" if query else "")
        return self._valid((url,), form, headers)

    def of_upgrade(self, path: str, headers: Mapping[str, str]) -> bool:
        """Whether a WebSocket upgrade is signed; Twilio may end the address with a slash."""
        url = f"ws{self._base.removeprefix('http')}{path}"
        return self._valid((url, f"{url}/"), {}, headers)

    def _valid(self, urls: tuple[str, ...], form: Any, headers: Mapping[str, str]) -> bool:
        if self.insecure:
            return True
        signature = headers.get(_HEADER)
        # without a header the package's validator raises
        if self._validator is None or not signature:
            return False
        return any(self._validator.validate(url, form, signature) for url in urls)


def _validator(token: str) -> _Validator:
    if find_spec("twilio") is None:
        raise Unsupported("checking telephone calls needs the extra: pip install twilio")
    from twilio.request_validator import RequestValidator  # pyright: ignore[reportMissingTypeStubs]

    return RequestValidator(token)
