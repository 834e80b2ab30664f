"""Which calls there are, and which streams may become one."""

import secrets
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass

from voice_agent.wire.twilio import Start

POLICY_VIOLATION = 1008
UNSUPPORTED_DATA = 1003
TOO_LARGE = 1009
TRY_AGAIN_LATER = 1013

TOKEN = "token"
"""The parameter that carries a call's token from the webhook to the stream."""

_TOKEN_VALID_S = 60.0
_TOKEN_BYTES = 16
# a webhook that Twilio repeats gets another token; both work until one is used
_TOKENS_A_CALL = 3
# calls that are being connected; a webhook more than that finds the line busy
_MAX_TOKENS = 2_000
# streams that have not said yet which call they are
_MAX_WAITING = 256


class Refused(Exception):
    """A stream that does not become a call.

    Attributes:
        code: What its socket is closed with.
        reason: One word, for a metric.
    """

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True)
class _Token:
    call_sid: str
    valid_until_s: float


class Calls:
    """The calls of a process; one owner, one object a process.

    A signature says that Twilio made a request, and nothing about when. So a webhook gives
    a token out that is good for one stream of this one call, for a minute.

    Args:
        clock: Seconds, monotonic.
        tokens_needed: Whether a stream without a token is refused.
    """

    def __init__(self, clock: Callable[[], float], *, tokens_needed: bool) -> None:
        self._clock = clock
        self._tokens_needed = tokens_needed
        self._tokens: dict[str, _Token] = {}  # the oldest first
        self._live: set[str] = set()
        self._n_waiting = 0

    def is_live(self, call_sid: str) -> bool:
        """Whether a stream of this call is open."""
        return call_sid in self._live

    def issue(self, call_sid: str) -> str | None:
        """A token for a stream of this call; None if there are too many already."""
        self._forget_old()
        mine = [token for token, value in self._tokens.items() if value.call_sid == call_sid]
        for token in mine[: max(0, len(mine) - _TOKENS_A_CALL + 1)]:
            del self._tokens[token]
        if len(self._tokens) >= _MAX_TOKENS:
            return None
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        self._tokens[token] = _Token(call_sid, self._clock() + _TOKEN_VALID_S)
        return token

    @contextmanager
    def waiting(self) -> Generator[None]:
        """While a stream has not said which call it is.

        Raises:
            Refused: There are too many of them.
        """
        if self._n_waiting >= _MAX_WAITING:
            raise Refused(TRY_AGAIN_LATER, "busy", "too many streams begin at once")
        self._n_waiting += 1
        try:
            yield
        finally:
            self._n_waiting -= 1

    def admit(self, start: Start) -> None:
        """Lets a stream become a call; `over` has to follow.

        Raises:
            Refused: Its audio cannot be read, it has no right to, or its call has a stream.
        """
        if not start.is_telephone_audio:
            raise Refused(UNSUPPORTED_DATA, "format", "audio has to be mono µ-law with 8 kHz")
        self._redeem(start.parameters.get(TOKEN), start.call_sid)
        if start.call_sid in self._live:
            raise Refused(POLICY_VIOLATION, "live", "this call has a stream already")
        self._live.add(start.call_sid)

    def over(self, call_sid: str) -> None:
        """The stream of a call has ended."""
        self._live.discard(call_sid)

    def _redeem(self, token: str | None, call_sid: str) -> None:
        if token is None and not self._tokens_needed:
            return
        self._forget_old()
        found = self._tokens.pop(token or "", None)
        if found is None or found.call_sid != call_sid:
            raise Refused(POLICY_VIOLATION, "token", "the token is missing, wrong, old or used")
        for other in [t for t, value in self._tokens.items() if value.call_sid == call_sid]:
            del self._tokens[other]

    def _forget_old(self) -> None:
        now_s = self._clock()
        while self._tokens:
            oldest = next(iter(self._tokens))
            if self._tokens[oldest].valid_until_s > now_s:
                return
            del self._tokens[oldest]
