import asyncio

import numpy as np
from pipecat.frames.frames import InterruptionFrame, LLMTextFrame, TTSStoppedFrame

from processors.playback_tracker import PlaybackTracker
from tests.processors.chain import Chain, chained
from voice_agent.frames import (
    AnswerEndFrame,
    AnswerStartFrame,
    ClientMessageFrame,
    PresenceFrame,
    SpokenAudioFrame,
)
from voice_agent.wire.agent import Playback
from voice_agent.wire.asr import Close

HZ = 24_000


def spoken(seconds: float, start: int, end: int) -> SpokenAudioFrame:
    silence = np.zeros(round(seconds * HZ), np.int16).tobytes()
    return SpokenAudioFrame(silence, HZ, 1, text_start=start, text_end=end)


def ends(chain: Chain) -> list[tuple[int, bool, str]]:
    """What both sides were told, which is the same."""
    below, above = (
        [(f.turn, f.interrupted, f.heard_text) for f in end.of(AnswerEndFrame)]
        for end in (chain.down, chain.up)
    )
    assert below == above
    return below


def tracker() -> PlaybackTracker:
    return PlaybackTracker(session_id="s", max_ahead_s=10)


async def test_an_answer_ends_when_its_audio_was_played() -> None:
    async with chained(tracker()) as chain:
        await chain.send(AnswerStartFrame(turn=1), LLMTextFrame("One two."))
        await chain.send(spoken(0.1, 0, 4), spoken(0.1, 4, 8), TTSStoppedFrame())
        assert ends(chain) == []
        await chain.up.until(AnswerEndFrame)
        assert ends(chain) == [(1, False, "One two.")]


async def test_an_interrupted_answer_ends_with_what_was_heard() -> None:
    async with chained(tracker()) as chain:
        await chain.send(AnswerStartFrame(turn=1), LLMTextFrame("One two."), spoken(9, 0, 8))
        await chain.send(InterruptionFrame())
        assert ends(chain) == [(1, True, "")]
        # there is nothing left to interrupt
        await chain.send(InterruptionFrame())
        assert len(ends(chain)) == 1


async def test_an_answer_that_could_not_be_spoken_was_not_heard() -> None:
    async with chained(tracker()) as chain:
        await chain.send(AnswerStartFrame(turn=3), LLMTextFrame("One two."), TTSStoppedFrame())
        await chain.up.until(AnswerEndFrame)
        assert ends(chain) == [(3, False, "")]


async def test_an_interruption_after_the_last_audio_ends_the_answer_once() -> None:
    async with chained(tracker()) as chain:
        await chain.send(AnswerStartFrame(turn=1), LLMTextFrame("One."), spoken(5, 0, 4))
        await chain.send(TTSStoppedFrame(), InterruptionFrame(), AnswerStartFrame(turn=2))
        await chain.send(LLMTextFrame("Two."), spoken(0.05, 0, 4), TTSStoppedFrame())
        assert [end.turn for end in chain.up.of(AnswerEndFrame)] == [1]
        chain.up.frames.clear()
        assert (await chain.up.until(AnswerEndFrame)).turn == 2


async def test_a_client_that_stutters_is_waited_for() -> None:
    report = ClientMessageFrame(message=Playback(type="playback", played_ms=0))
    async with chained(tracker()) as chain:
        await chain.send(AnswerStartFrame(turn=1), LLMTextFrame("One."), spoken(0.05, 0, 4))
        await chain.send(report, TTSStoppedFrame())
        assert ends(chain) == []
        await chain.up.until(AnswerEndFrame)
        assert ends(chain) == [(1, False, "One.")]


async def test_a_client_that_closes_gets_its_answer_first() -> None:
    close = ClientMessageFrame(message=Close(type="close"))
    async with chained(tracker()) as chain:
        await chain.send(AnswerStartFrame(turn=1), LLMTextFrame("One."), close)
        assert chain.down.of(ClientMessageFrame) == []
        await chain.send(spoken(0.05, 0, 4), TTSStoppedFrame())
        await chain.down.until(ClientMessageFrame)
        assert ends(chain) == [(1, False, "One.")]
        chain.down.frames.clear()
        await chain.send(close)
        assert chain.down.of(ClientMessageFrame) == [close]


async def test_an_answer_waits_for_a_client_that_is_away() -> None:
    async with chained(tracker()) as chain:
        await chain.send(PresenceFrame(here=False), AnswerStartFrame(turn=1), LLMTextFrame("One."))
        await chain.send(spoken(0.05, 0, 4), TTSStoppedFrame())
        await asyncio.sleep(0.3)
        assert ends(chain) == []
        await chain.send(PresenceFrame(here=True))
        await chain.up.until(AnswerEndFrame)
        assert ends(chain) == [(1, False, "One.")]
