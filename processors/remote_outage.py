"""What a caller hears, and is told, while a service is away from the call."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from loguru import logger
from pipecat.frames.frames import CancelFrame, EndFrame, Frame, StartFrame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from voice_agent.errors import AtCapacity, EngineUnavailable, VoiceAgentError
from voice_agent.frames import (
    AnswerEndFrame,
    HangUpFrame,
    PhraseFrame,
    PhraseName,
    ServerMessageFrame,
    TransferFrame,
)
from voice_agent.remote.outage import Due, Outage
from voice_agent.remote.speaker import RemoteSpeaker
from voice_agent.settings import RemoteSettings
from voice_agent.synthesis.prompt_cache import PromptCache
from voice_agent.wire.common import Degraded, Error, Restored

_LOOK_EVERY_S = 0.05
_RETRY_AFTER_MS = 5000
# the longest that is waited for the end of what is said
_HEARD_WITHIN_S = 10.0

RECOGNITION, VOICE = "recognition", "voice"


@dataclass(eq=False, kw_only=True)
class ServiceOutage:
    """One service's outages in one session; told by whoever uses the service.

    Attributes:
        what: Its name on the wire.
        outage: How long it has been away.
        changed: Called when there is something to tell.
        waiting: Whether somebody waits for it and would hear silence.
    """

    what: str
    outage: Outage
    changed: Callable[[], None]
    waiting: Callable[[], bool] = lambda: True
    told: bool = False  # the client knows that it is away
    idle: bool = False  # it was away when it was last wanted
    error: VoiceAgentError | None = None

    def lost(self, error: VoiceAgentError) -> None:
        """It is away, and is tried again."""
        self.error = error
        if self.idle:  # what comes now is another absence for whoever waits
            self.idle = False
            self.outage.restored()
        if self.outage.lost():
            logger.warning("{} is away: {}", self.what, error.message)
            self.changed()

    def restored(self) -> None:
        """It is there again."""
        away_s = self.outage.away_s
        if self.outage.restored():
            logger.info("{} is back after {:.1f} s", self.what, away_s)
        self.idle = False
        self.changed()

    def given_up(self) -> None:
        """It is not tried any more until it is wanted again."""
        self.outage.expire()
        self.idle = True
        self.changed()

    def unwanted(self) -> None:
        """It was away, and nobody waits for it any more."""
        self.outage.restored()
        self.idle = True

    @property
    def wants_care(self) -> bool:
        """Whether something is due, or may become due."""
        return self.untold or (self.outage.away and not self.outage.given_up)

    @property
    def untold(self) -> bool:
        """Whether the client thinks that it is otherwise than it is."""
        return self.told != self.outage.away and not (self.told and self.idle)

    def news(self) -> Degraded | Restored:
        """What to tell the client if there is something `untold`; it counts as told then."""
        self.told = not self.told
        if not self.told:
            return Restored(what=self.what)
        busy = isinstance(self.error, AtCapacity)
        reason = "all its lines are busy" if busy else "the service does not answer"
        return Degraded(what=self.what, reason=reason)


class OutageHandler(FrameProcessor):
    """Stands between what hears and the conversation; bridges the absence of services.

    Tells the client (`degraded`, `restored`), has a filler said when the caller waits for a
    service that is away, and an apology when it is given up; a telephone call ends then, or
    is transferred. Elsewhere the session stays, for typed text.

    Args:
        session_id: Whose call it is.
        settings: When what is due.
        speaker: The voice, if it is a service.
        phrases: What can be said without the voice.
        ends_call: Without one of the services the call is of no use.
    """

    def __init__(
        self,
        *,
        session_id: str,
        settings: RemoteSettings,
        speaker: RemoteSpeaker | None,
        phrases: PromptCache | None,
        ends_call: bool,
    ) -> None:
        super().__init__(name=f"OutageHandler#{session_id}", enable_direct_mode=True)
        self._session_id = session_id
        self._settings = settings
        self._speaker = speaker
        self._phrases = phrases
        self._ends_call = ends_call
        self.recognition = self._absence(RECOGNITION)
        self.voice = self._absence(VOICE)
        self._following: asyncio.Task[None] | None = None
        self._opening: asyncio.Task[None] | None = None
        self._over = False
        self._ended = asyncio.Event()  # what was said of this has been heard
        self._ended.set()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Connects the voice at the start; passes everything on."""
        await super().process_frame(frame, direction)
        if isinstance(frame, StartFrame) and self._speaker is not None:
            opening = self._speaker.open(self._session_id, self.voice)
            self._opening = self.create_task(opening)
        if isinstance(frame, EndFrame | CancelFrame):
            self._over = True
        if isinstance(frame, AnswerEndFrame) and direction is FrameDirection.UPSTREAM:
            self._ended.set()
        await self.push_frame(frame, direction)

    async def cleanup(self) -> None:
        """Tells nothing more."""
        await super().cleanup()
        self._over = True
        for task in (self._following, self._opening):
            if task is not None and not task.done():
                await self.cancel_task(task)

    def _absence(self, what: str) -> ServiceOutage:
        values = self._settings
        outage = Outage(filler_after_s=values.filler_after_ms / 1000, give_up_s=values.give_up_s)
        return ServiceOutage(what=what, outage=outage, changed=self._changed)

    def _changed(self) -> None:
        if not self._over and (self._following is None or self._following.done()):
            self._following = self.create_task(self._follow())

    async def _follow(self) -> None:
        """Does what is due, until nothing is away."""
        both = (self.recognition, self.voice)
        while any(absence.wants_care for absence in both):
            for absence in both:
                if absence.untold:
                    await self.push_frame(ServerMessageFrame(message=absence.news()))
                match absence.outage.due(waiting=absence.waiting()):
                    case Due.FILLER:
                        await self._say("filler", absence)
                    case Due.GIVE_UP:
                        await self._give_up(absence)
                    case Due.NOTHING:
                        pass
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _give_up(self, absence: ServiceOutage) -> None:
        logger.error("{} was away for {:g} s", absence.what, self._settings.give_up_s)
        if absence is self.recognition:  # of the voice its own error tells
            await self.push_frame(ServerMessageFrame(message=Error.of(_told(absence))))
        await self._until_heard()  # a filler, perhaps
        await self._say("apology", absence)
        if not self._ends_call:
            return
        await self._until_heard()
        if absence.outage.given_up:  # and has not come back meanwhile
            to = self._settings.transfer_to
            # nobody hears whether the caller speaks
            end = (
                TransferFrame(to=to, unless_interrupted=False)
                if to
                else HangUpFrame(unless_interrupted=False)
            )
            await self.push_frame(end)

    async def _say(self, phrase: PhraseName, absence: ServiceOutage) -> None:
        """Has a phrase said; nothing if it would take the voice that is away."""
        kept = self._phrases is not None and self._phrases.complete
        if kept or absence is self.recognition:
            self._ended.clear()
            await self.push_frame(PhraseFrame(phrase=phrase))

    async def _until_heard(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_HEARD_WITHIN_S):
                await self._ended.wait()


def _told(absence: ServiceOutage) -> VoiceAgentError:
    """What a client is told of a service that was given up: not where it should have been."""
    if isinstance(absence.error, AtCapacity):
        return AtCapacity(
            f"all lines of the {absence.what} are busy, try again later",
            retry_after_ms=absence.error.retry_after_ms,
        )
    return EngineUnavailable(
        f"the {absence.what} does not answer; what is typed is still understood",
        retry_after_ms=_RETRY_AFTER_MS,
    )
