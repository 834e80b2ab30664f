"""What a stock TTS service pushes, as `TextToSpeech` would."""

from pipecat.frames.frames import (
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    TTSTextFrame,
)
from pipecat.utils.text.base_text_aggregator import TextType

from processors.stock_speech import StockSpeech
from tests.processors.chain import Chain, chained
from voice_agent.frames import SpokenAudioFrame


def word(text: str) -> TTSTextFrame:
    return TTSTextFrame(text, text_type=TextType.WORD)


def audio() -> TTSAudioRawFrame:
    return TTSAudioRawFrame(b"\1\0" * 480, 24_000, 1)


def spans(chain: Chain) -> list[tuple[int, int]]:
    return [(frame.text_start, frame.text_end) for frame in chain.down.of(SpokenAudioFrame)]


def text(chain: Chain) -> str:
    return "".join(frame.text for frame in chain.down.of(LLMTextFrame))


async def test_words_are_known_by_their_audio() -> None:
    async with chained(StockSpeech()) as chain:
        await chain.send(LLMFullResponseStartFrame(), LLMTextFrame("It rains"), TTSStartedFrame())
        await chain.send(word("It"), audio(), audio(), word("rains"), audio(), TTSStoppedFrame())
        assert chain.down.of(TTSStoppedFrame) == []  # more may be written
        await chain.send(LLMFullResponseEndFrame())
        assert len(chain.down.of(TTSStoppedFrame)) == 1
    assert text(chain) == "It rains"
    assert spans(chain) == [(0, 2), (2, 2), (2, 8)]


async def test_text_that_comes_behind_its_audio_is_the_last_audios() -> None:
    async with chained(StockSpeech()) as chain:
        await chain.send(LLMFullResponseStartFrame(), TTSStartedFrame(), audio(), audio())
        await chain.send(word("It rains."), LLMFullResponseEndFrame())
        assert chain.down.of(TTSStoppedFrame) == []  # it speaks
        await chain.send(TTSStoppedFrame())
        assert len(chain.down.of(TTSStoppedFrame)) == 1
    assert spans(chain) == [(0, 0), (0, 9)]


async def test_nothing_of_an_interrupted_response_is_in_the_next() -> None:
    async with chained(StockSpeech()) as chain:
        await chain.send(LLMFullResponseStartFrame(), TTSStartedFrame(), word("It"), audio())
        await chain.send(InterruptionFrame())
        await chain.send(LLMFullResponseStartFrame(), TTSStartedFrame(), word("No."), audio())
        await chain.send(TTSStoppedFrame(), LLMFullResponseEndFrame())
    assert spans(chain) == [(0, 3)]
    assert len(chain.down.of(TTSStoppedFrame)) == 1
