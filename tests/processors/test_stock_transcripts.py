"""Transcripts of a stock STT service as finals and partials of ours."""

from pipecat.frames.frames import (
    InterimTranscriptionFrame,
    ProposedUserStartedSpeakingFrame,
    ProposedUserStoppedSpeakingFrame,
    TranscriptionFrame,
)

from processors.stock_transcripts import StockTranscripts
from tests.processors.chain import chained
from voice_agent.frames import FinalFrame, PartialFrame


def heard(text: str) -> TranscriptionFrame:
    return TranscriptionFrame(text, "", "2026-01-01T00:00:00Z")


def interim(text: str) -> InterimTranscriptionFrame:
    return InterimTranscriptionFrame(text, "", "2026-01-01T00:00:00Z")


async def test_the_transcripts_of_a_turn_are_one_final_before_its_end() -> None:
    async with chained(StockTranscripts(session_id="s")) as chain:
        await chain.send(ProposedUserStartedSpeakingFrame(), interim("what"), heard("What is"))
        await chain.send(interim("my"), heard(" my name?"))
        assert chain.down.of(FinalFrame) == []
        await chain.send(ProposedUserStoppedSpeakingFrame())
    [final] = chain.down.of(FinalFrame)
    assert (final.text, final.turn_complete) == ("What is my name?", True)
    assert [partial.text for partial in chain.down.of(PartialFrame)] == ["what", "What is my"]
    assert isinstance(chain.down.frames[-1], ProposedUserStoppedSpeakingFrame)
    assert not [f for f in chain.down.frames if type(f) is TranscriptionFrame]


async def test_a_transcript_that_is_late_is_a_final_at_once() -> None:
    async with chained(StockTranscripts(session_id="s")) as chain:
        await chain.send(ProposedUserStartedSpeakingFrame(), ProposedUserStoppedSpeakingFrame())
        assert chain.down.of(FinalFrame) == []
        await chain.send(heard("Yes."))
        assert [final.text for final in chain.down.of(FinalFrame)] == ["Yes."]


async def test_silence_is_no_final() -> None:
    async with chained(StockTranscripts(session_id="s")) as chain:
        await chain.send(heard(" "), ProposedUserStartedSpeakingFrame())
        await chain.send(ProposedUserStoppedSpeakingFrame())
        assert chain.down.of(FinalFrame) == []
