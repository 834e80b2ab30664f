"""Ends and transfers calls through Twilio's REST interface."""

import asyncio
from types import TracebackType
from urllib.parse import quote

import httpx2
from loguru import logger

from voice_agent import metrics
from voice_agent.server.twilio import twiml
from voice_agent.settings import TwilioSettings

# before each try
_WAITS_S = (0.0, 0.2, 0.6)
# one try may take this part of all the time there is
_ONE_TRY = 0.4
_GONE = 404
_PASSING_STATUS = frozenset({408, 429, 500, 502, 503, 504})


class TwilioRest:
    """A client of the interface; one object a process. Use as a context manager.

    Nothing here raises for what Twilio answers, or does not: a call has to end all the same.

    Args:
        settings: Without `account_sid` and `auth_token` nothing can be done.
    """

    def __init__(self, settings: TwilioSettings) -> None:
        token = settings.auth_token.get_secret_value()
        self.available = bool(settings.account_sid and token)
        """Whether there are credentials."""
        self._timeout_s = settings.api_timeout_s
        account = quote(settings.account_sid, safe="")
        self._calls_url = f"{settings.api_url.rstrip('/')}/2010-04-01/Accounts/{account}/Calls"
        # made once: reading the certificates takes 30 ms, in which every call would stand still
        self._client = httpx2.AsyncClient(
            auth=(settings.account_sid, token),
            timeout=settings.api_timeout_s * _ONE_TRY,
            trust_env=False,
        )

    async def __aenter__(self) -> "TwilioRest":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def hang_up(self, call_sid: str) -> bool:
        """Ends a call; whether it has ended, which includes that it is gone already."""
        return await self._update("hang_up", call_sid, {"Status": "completed"})

    async def transfer(self, call_sid: str, to: str) -> bool:
        """Connects a caller with somebody else; whether Twilio will. Its stream ends then."""
        return await self._update("transfer", call_sid, {"Twiml": twiml.dial(to)})

    async def _update(self, action: str, call_sid: str, form: dict[str, str]) -> bool:
        done = self.available and await self._within_time(call_sid, form)
        metrics.call_control_total.labels(action, "done" if done else "failed").inc()
        if not done:
            logger.warning("Twilio did not carry out {}", action)
        return done

    async def _within_time(self, call_sid: str, form: dict[str, str]) -> bool:
        try:
            async with asyncio.timeout(self._timeout_s):
                for wait_s in _WAITS_S:
                    await asyncio.sleep(wait_s)
                    done = await self._try(call_sid, form)
                    if done is not None:
                        return done
        except TimeoutError:
            logger.warning("Twilio's interface took longer than {} s", self._timeout_s)
        return False

    async def _try(self, call_sid: str, form: dict[str, str]) -> bool | None:
        """Whether it was done; None if another try may do it."""
        try:
            url = f"{self._calls_url}/{quote(call_sid, safe='')}.json"
            status = (await self._client.post(url, data=form)).status_code
        except httpx2.HTTPError as error:
            logger.warning("Twilio's interface cannot be reached: {}", type(error).__name__)
            return None
        if status == _GONE or status < 300:
            return True
        logger.warning("Twilio's interface answers {}", status)
        return None if status in _PASSING_STATUS else False
