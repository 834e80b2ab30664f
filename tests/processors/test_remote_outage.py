"""What a caller hears and is told while a service is away."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from pipecat.frames.frames import Frame
from pipecat.processors.frame_processor import FrameDirection

from processors.remote_outage import OutageHandler
from tests.processors.chain import Chain, chained
from voice_agent.errors import AtCapacity, EngineUnavailable
from voice_agent.frames import (
    AnswerEndFrame,
    HangUpFrame,
    PhraseFrame,
    ServerMessageFrame,
    TransferFrame,
)
from voice_agent.settings import RemoteSettings
from voice_agent.synthesis.prompt_cache import PromptCache
from voice_agent.wire.common import Degraded, Error, Restored

GONE = EngineUnavailable("no service answers at ws://10.0.0.7:8001/ws")
_Told = PhraseFrame | ServerMessageFrame | HangUpFrame | TransferFrame


def guard(*, ends_call: bool = True, kept: bool = True, **values: Any) -> OutageHandler:
    settings = RemoteSettings(**{"filler_after_ms": 100, "give_up_s": 0.4, **values})
    phrases = cast(PromptCache, SimpleNamespace(complete=kept))
    return OutageHandler(
        session_id="s", settings=settings, speaker=None, phrases=phrases, ends_call=ends_call
    )


def told(chain: Chain) -> list[str]:
    """What was pushed, in words."""
    return [_word(frame) for frame in chain.down.frames if isinstance(frame, _Told)]


def _word(frame: Frame) -> str:
    match frame:
        case PhraseFrame():
            return frame.phrase
        case ServerMessageFrame(message=Degraded() | Restored() as message):
            return f"{message.type} {message.what}"
        case ServerMessageFrame(message=Error() as error):
            return error.code
        case TransferFrame():
            return f"transfer {frame.to}"
        case _:
            return "hang up"


async def heard(chain: Chain, phrase: str) -> None:
    """The caller has heard a phrase."""
    await until(chain, phrase)
    end = AnswerEndFrame(turn=1, interrupted=False, heard_text="")
    await chain.processors[1].queue_frame(end, FrameDirection.UPSTREAM)


async def until(chain: Chain, word: str) -> None:
    async with asyncio.timeout(5):
        while word not in told(chain):  # noqa: ASYNC110  frames come without a signal
            await asyncio.sleep(0.01)


async def test_a_short_absence_is_told_and_bridged() -> None:
    watch = guard(give_up_s=60)
    async with chained(watch) as chain:
        watch.recognition.lost(GONE)
        watch.recognition.lost(GONE)
        await until(chain, "filler")
        watch.recognition.restored()
        await until(chain, "restored recognition")
        assert told(chain) == ["degraded recognition", "filler", "restored recognition"]


async def test_no_filler_is_heard_by_a_caller_who_waits_for_nothing() -> None:
    watch = guard()
    watch.recognition.waiting = lambda: False
    async with chained(watch) as chain:
        watch.recognition.lost(GONE)
        await until(chain, "apology")
        assert "filler" not in told(chain)


async def test_what_is_given_up_is_apologised_for_and_ends_the_call() -> None:
    watch = guard()
    async with chained(watch) as chain:
        watch.recognition.lost(GONE)
        await heard(chain, "filler")
        await heard(chain, "apology")
        await until(chain, "hang up")
        assert told(chain) == [
            "degraded recognition",
            "filler",
            "engine_unavailable",
            "apology",
            "hang up",
        ]
        errors = [f.message for f in chain.down.of(ServerMessageFrame)]
        assert not [e for e in errors if isinstance(e, Error) and "10.0.0.7" in e.message]
        watch.recognition.restored()
        await until(chain, "restored recognition")


async def test_a_session_with_other_ways_to_speak_stays() -> None:
    watch = guard(ends_call=False)
    async with chained(watch) as chain:
        watch.recognition.lost(GONE)
        await heard(chain, "filler")
        await heard(chain, "apology")
        await asyncio.sleep(0.1)
        assert "hang up" not in told(chain)


async def test_a_service_that_is_back_before_the_apology_was_heard_ends_nothing() -> None:
    watch = guard()
    async with chained(watch) as chain:
        watch.recognition.lost(GONE)
        await heard(chain, "filler")
        await until(chain, "apology")
        watch.recognition.restored()
        await heard(chain, "apology")
        await until(chain, "restored recognition")
        assert "hang up" not in told(chain)


async def test_a_call_is_transferred_where_a_number_is_set() -> None:
    watch = guard(transfer_to="+15550100")
    async with chained(watch) as chain:
        watch.recognition.lost(GONE)
        await heard(chain, "filler")
        await heard(chain, "apology")
        await until(chain, "transfer +15550100")
        assert "hang up" not in told(chain)


async def test_of_a_voice_that_is_given_up_its_own_error_tells() -> None:
    watch = guard()
    async with chained(watch) as chain:
        watch.voice.lost(GONE)
        await heard(chain, "filler")
        await heard(chain, "apology")
        await until(chain, "hang up")
        assert told(chain) == ["degraded voice", "filler", "apology", "hang up"]


async def test_a_voice_that_is_not_tried_any_more_is_given_up_at_once() -> None:
    watch = guard(give_up_s=60)
    async with chained(watch) as chain:
        for count in (1, 2):  # each answer that waits is one of its own
            watch.voice.lost(GONE)
            await heard(chain, "filler")
            watch.voice.given_up()
            async with asyncio.timeout(5):
                while told(chain).count("apology") < count:
                    await heard(chain, "filler")
                    await asyncio.sleep(0.02)
            await heard(chain, "apology")
        assert told(chain).count("degraded voice") == 1


async def test_what_is_not_kept_is_not_asked_of_a_voice_that_is_away() -> None:
    watch = guard(kept=False)
    async with chained(watch) as chain:
        watch.voice.lost(GONE)
        await until(chain, "hang up")
        assert told(chain) == ["degraded voice", "hang up"]


async def test_no_room_is_said_as_that() -> None:
    watch = guard()
    async with chained(watch) as chain:
        watch.recognition.lost(AtCapacity("all lines are busy", retry_after_ms=2000))
        await until(chain, "at_capacity")


async def test_a_voice_that_nobody_wants_any_more_is_not_given_up() -> None:
    watch = guard()
    async with chained(watch) as chain:
        watch.voice.lost(GONE)
        await until(chain, "degraded voice")
        watch.voice.unwanted()
        await asyncio.sleep(0.6)
        assert told(chain) == ["degraded voice"]
        watch.voice.restored()
        await until(chain, "restored voice")
        assert told(chain) == ["degraded voice", "restored voice"]
