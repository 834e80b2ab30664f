from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from pipecat.audio.dtmf.types import KeypadEntry
from pipecat.frames.frames import InputDTMFFrame

from processors.keypad import Keypad
from tests.processors.chain import Chain, chained
from voice_agent.frames import ClientMessageFrame, HangUpFrame, KeyFrame, TransferFrame
from voice_agent.wire.agent import Interrupt, TypedText

ACTIONS = {"0": "+15550100", "9": "hang_up"}


@asynccontextmanager
async def keypad(pause_s: float = 0.05) -> AsyncGenerator[Chain]:
    async with chained(Keypad(session_id="s", actions=ACTIONS, pause_s=pause_s)) as chain:
        yield chain


def keys(digits: str) -> list[KeyFrame]:
    return [KeyFrame(digit=digit) for digit in digits]


async def test_keys_are_told_once_none_follows() -> None:
    async with keypad() as chain:
        await chain.send(*keys("42#"))
        assert chain.down.of(ClientMessageFrame) == []
        told = await chain.down.until(ClientMessageFrame)
        assert told.message == TypedText(type="text", text="The caller pressed 4 2 #.")
        # and may be pressed again
        chain.down.frames.clear()
        await chain.send(*keys("4"))
        told = await chain.down.until(ClientMessageFrame)
        assert told.message == TypedText(type="text", text="The caller pressed 4.")


async def test_the_keys_of_a_stock_transport_count_as_well() -> None:
    async with keypad() as chain:
        await chain.send(InputDTMFFrame(button=KeypadEntry.FOUR), InputDTMFFrame(KeypadEntry.POUND))
        told = await chain.down.until(ClientMessageFrame)
        assert told.message == TypedText(type="text", text="The caller pressed 4 #.")
        assert [frame.digit for frame in chain.down.of(KeyFrame)] == ["4", "#"]


async def test_every_key_is_passed_on() -> None:
    async with keypad() as chain:
        await chain.send(*keys("1049"))
        assert [frame.digit for frame in chain.down.of(KeyFrame)] == list("1049")


@pytest.mark.parametrize(
    ("digit", "frame"), [("9", HangUpFrame), ("0", TransferFrame)], ids=["hang_up", "transfer"]
)
async def test_a_key_with_an_action_stops_the_answer_and_acts(
    digit: str, frame: type[HangUpFrame | TransferFrame]
) -> None:
    async with keypad(pause_s=60) as chain:
        await chain.send(*keys(f"12{digit}"))
        kinds = [type(f) for f in chain.down.frames]
        assert kinds == [KeyFrame, KeyFrame, KeyFrame, ClientMessageFrame, frame]
        [message] = chain.down.of(ClientMessageFrame)
        assert isinstance(message.message, Interrupt)
    if frame is TransferFrame:
        [transfer] = chain.down.of(TransferFrame)
        assert transfer.to == "+15550100"


async def test_what_one_can_type_is_bounded() -> None:
    async with keypad() as chain:
        await chain.send(*keys("1" * 500))
        told = await chain.down.until(ClientMessageFrame)
    assert isinstance(told.message, TypedText)
    assert told.message.text.count("1") == 64
