import asyncio

import numpy as np
from pipecat.frames.frames import (
    OutputAudioRawFrame,
    OutputDTMFFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection

from processors.call_control import APOLOGY, CallControl
from tests.key_tones import keys_in
from tests.processors.chain import Chain, chained
from voice_agent.audio.pcm import int16_to_float
from voice_agent.frames import (
    AnswerEndFrame,
    AnswerStartFrame,
    HangUpFrame,
    PhraseFrame,
    SendKeysFrame,
    TransferFrame,
)


class ScriptedLine:
    """A call whose transfers end as scripted."""

    def __init__(self, *, transfers: bool = True) -> None:
        self.transfers = transfers
        self.done: list[str] = []
        self._news = asyncio.Event()

    async def hang_up(self) -> None:
        self._do("hang up")

    async def transfer(self, to: str) -> bool:
        self._do(to)
        return self.transfers

    def _do(self, what: str) -> None:
        self.done.append(what)
        self._news.set()

    async def until_done(self) -> None:
        async with asyncio.timeout(5):
            await self._news.wait()


async def heard(chain: Chain) -> None:
    """The answer was heard to its end."""
    end = AnswerEndFrame(turn=1, interrupted=False, heard_text="")
    await chain.processors[1].queue_frame(end, FrameDirection.UPSTREAM)


async def test_the_call_ends_after_the_answer() -> None:
    line = ScriptedLine()
    async with chained(CallControl(session_id="s", line=line)) as chain:
        await chain.send(AnswerStartFrame(turn=1), HangUpFrame())
        await asyncio.sleep(0)
        assert line.done == []
        await heard(chain)
        await line.until_done()
    assert line.done == ["hang up"]


async def interrupted(chain: Chain) -> None:
    """The caller spoke in the middle of the answer."""
    end = AnswerEndFrame(turn=1, interrupted=True, heard_text="Good")
    await chain.processors[1].queue_frame(end, FrameDirection.UPSTREAM)


async def test_a_caller_who_interrupts_the_goodbye_stays() -> None:
    line = ScriptedLine()
    async with chained(CallControl(session_id="s", line=line)) as chain:
        await chain.send(AnswerStartFrame(turn=1), HangUpFrame())
        await interrupted(chain)
        await chain.send(TransferFrame(to="+15550100"))
        await line.until_done()
    assert line.done == ["+15550100"]


async def test_if_that_is_wished_the_call_ends_after_an_interruption_too() -> None:
    line = ScriptedLine()
    async with chained(CallControl(session_id="s", line=line)) as chain:
        await chain.send(AnswerStartFrame(turn=1), HangUpFrame(unless_interrupted=False))
        await interrupted(chain)
        await line.until_done()
    assert line.done == ["hang up"]


async def settled() -> None:
    """Whatever can happen has happened."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_caller_who_speaks_after_the_goodbye_is_waited_for() -> None:
    line = ScriptedLine()
    async with chained(CallControl(session_id="s", line=line)) as chain:
        await chain.send(AnswerStartFrame(turn=1), HangUpFrame())
        await chain.send(ProposedUserStartedSpeakingFrame())
        await heard(chain)
        await settled()
        assert line.done == []
        await chain.send(ProposedUserStoppedSpeakingFrame())  # "bye": there is no answer to that
        await line.until_done()
    assert line.done == ["hang up"]


async def test_a_caller_who_asks_for_more_meanwhile_stays() -> None:
    line = ScriptedLine()
    async with chained(CallControl(session_id="s", line=line)) as chain:
        await chain.send(AnswerStartFrame(turn=1), HangUpFrame())
        await chain.send(ProposedUserStartedSpeakingFrame())
        await heard(chain)
        await chain.send(AnswerStartFrame(turn=2), ProposedUserStoppedSpeakingFrame())
        await heard(chain)
        await settled()
        assert line.done == []
        await chain.send(HangUpFrame())
        await line.until_done()
    assert line.done == ["hang up"]


async def test_without_an_answer_the_call_ends_at_once() -> None:
    line = ScriptedLine()
    async with chained(CallControl(session_id="s", line=line)) as chain:
        await chain.send(HangUpFrame(), HangUpFrame())
        await line.until_done()
    assert line.done == ["hang up"]


async def test_a_transfer_that_works_says_nothing() -> None:
    line = ScriptedLine()
    async with chained(CallControl(session_id="s", line=line)) as chain:
        await chain.send(TransferFrame(to="+15550100"))
        await line.until_done()
        assert chain.down.of(PhraseFrame) == []
    assert line.done == ["+15550100"]


async def test_a_transfer_that_fails_is_apologised_for() -> None:
    line = ScriptedLine(transfers=False)
    async with chained(CallControl(session_id="s", line=line)) as chain:
        await chain.send(TransferFrame(to="+15550100"))
        assert (await chain.down.until(PhraseFrame)).text == APOLOGY
        # and may be tried again
        line.transfers = True
        await chain.send(TransferFrame(to="+15550101"))
        async with asyncio.timeout(5):
            while len(line.done) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    assert line.done == ["+15550100", "+15550101"]


def pressed(chain: Chain) -> list[str]:
    """The keys in each sound that came."""
    return [
        keys_in(int16_to_float(np.frombuffer(frame.audio, np.int16)), frame.sample_rate)
        for frame in chain.down.of(OutputAudioRawFrame)
    ]


async def test_keys_are_tones_after_the_answer_and_before_what_follows() -> None:
    line = ScriptedLine()
    async with chained(CallControl(session_id="s", line=line)) as chain:
        await chain.send(AnswerStartFrame(turn=1), SendKeysFrame(keys="12#"), HangUpFrame())
        await asyncio.sleep(0)
        assert pressed(chain) == []
        await heard(chain)
        await chain.down.until(OutputAudioRawFrame)
        assert pressed(chain) == ["12#"]
        # the tones are heard before the call ends
        assert line.done == []
        await line.until_done()
    assert line.done == ["hang up"]


async def test_keys_of_pipecats_are_pressed_too() -> None:
    line = ScriptedLine()
    async with chained(CallControl(session_id="s", line=line)) as chain:
        await chain.send(OutputDTMFFrame.from_string("3*"))
        await chain.down.until(OutputAudioRawFrame)
        assert pressed(chain) == ["3*"]


async def test_what_is_no_key_is_not_pressed_and_does_no_harm() -> None:
    line = ScriptedLine()
    async with chained(CallControl(session_id="s", line=line)) as chain:
        await chain.send(SendKeysFrame(keys="1 2"), HangUpFrame())
        await line.until_done()
        assert pressed(chain) == []
