"""Audio becomes segments and turns, on the real models and in audio time."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import numpy as np
import pytest
from pipecat.frames.frames import Frame, InputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.tests.utils import run_test

from processors.turn_detector import TurnDetector
from tests.processors.chain import chained
from tests.speech import dialogue, pause, speech
from voice_agent.audio.pcm import float_to_int16
from voice_agent.engines.base import EngineInfo, Samples
from voice_agent.engines.silero import SileroVad
from voice_agent.errors import EngineTimeout
from voice_agent.frames import (
    AnswerEndFrame,
    ClientMessageFrame,
    PauseTextFrame,
    SegmentEndFrame,
    SegmentPauseFrame,
    SegmentStartFrame,
    TurnEndFrame,
)
from voice_agent.turns.pause_decision import PauseText
from voice_agent.turns.turn import EndedBy, TurnRules
from voice_agent.wire.asr import Finalize

_TEXT = "some water please"


@dataclass
class ScriptedJudge:
    """Always of the same opinion; None is too slow to have one."""

    opinion: float | None
    asked: int = 0
    ready: bool = True
    info: EngineInfo = field(
        default_factory=lambda: EngineInfo(name="script", role="judges_turns", model="script")
    )

    async def load(self) -> None: ...
    async def warm_up(self) -> None: ...
    async def close(self) -> None: ...
    def forget(self, session_id: str) -> None: ...

    async def probability(self, samples: Samples, *, session_id: str) -> float:
        self.asked += 1
        assert len(samples) >= 8000
        if self.opinion is None:
            raise EngineTimeout("too slow")
        return self.opinion


@pytest.fixture
async def vad() -> AsyncIterator[SileroVad]:
    engine = SileroVad()
    await engine.load()
    yield engine
    await engine.close()


def frames(samples: Samples, frame_samples: int = 1024) -> list[Frame]:
    pcm = float_to_int16(samples)
    return [
        InputAudioRawFrame(pcm[first : first + frame_samples].tobytes(), 16_000, 1)
        for first in range(0, len(pcm), frame_samples)
    ]


class ScriptedReader(FrameProcessor):
    """Understands the same at every pause, at once; or nothing."""

    def __init__(self, text: str | None, language: str = "en") -> None:
        super().__init__(enable_direct_mode=True)
        self._text = text
        self._language = language

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        if isinstance(frame, SegmentPauseFrame) and self._text is not None:
            text = PauseText(
                end_sample=frame.end_sample,
                text=self._text,
                language=self._language,
                confidence=0.9,
            )
            await self.push_frame(PauseTextFrame(text=text), FrameDirection.UPSTREAM)


async def heard(
    vad: SileroVad,
    judge: ScriptedJudge,
    *sent: Frame,
    text: str | None = "I would like some water, please.",
    language: str = "en",
) -> list[Frame]:
    detector = TurnDetector(
        session_id="s", vad=vad, judge=judge, rules=TurnRules(), language=language
    )
    down, _ = await run_test(
        Pipeline([detector, ScriptedReader(text, language)]), frames_to_send=list(sent)
    )
    return list(down)


def events(down: list[Frame]) -> list[type[Frame]]:
    kinds = (SegmentStartFrame, SegmentPauseFrame, SegmentEndFrame, TurnEndFrame)
    return [type(frame) for frame in down if isinstance(frame, kinds)]


_SEGMENT: list[type[Frame]] = [SegmentStartFrame, SegmentPauseFrame, SegmentEndFrame]


async def test_a_finished_sentence_is_a_segment_and_a_turn(vad: SileroVad) -> None:
    down = await heard(vad, ScriptedJudge(0.9), *frames(dialogue([_TEXT], 0.8)))
    assert events(down) == [*_SEGMENT, TurnEndFrame]
    end = next(f for f in down if isinstance(f, TurnEndFrame))
    assert end.ended_by is EndedBy.SMART_TURN
    assert abs(end.end_sample / 16_000 - 0.8 - len(speech(_TEXT)) / 16_000) < 0.3


async def turn_of(
    vad: SileroVad, opinion: float | None, text: str | None, language: str = "en"
) -> tuple[float, EndedBy]:
    """Silence after which a turn ended, in steps of 64 ms, and why."""
    sound = np.concatenate([dialogue([_TEXT], 0.5), pause(2.5)])
    judge = ScriptedJudge(opinion)
    down = await heard(vad, judge, *frames(sound), text=text, language=language)
    end = next(f for f in down if isinstance(f, TurnEndFrame))
    before = down[: down.index(end)]
    n_heard = sum(len(f.audio) // 2 for f in before if isinstance(f, InputAudioRawFrame))
    return (n_heard - end.end_sample) / 16_000, end.ended_by


async def test_words_that_end_a_sentence_end_a_turn_whose_sound_is_doubted(vad: SileroVad) -> None:
    waited_s, ended_by = await turn_of(vad, 0.16, "The pencils have all been used.")
    assert ended_by is EndedBy.SMART_TURN
    assert waited_s < 1.0


@pytest.mark.parametrize("text", ["What is", "in short,", "And I would like a", "It was, um"])
async def test_words_that_lead_on_keep_a_turn_open_whose_sound_is_believed(
    vad: SileroVad, text: str
) -> None:
    complete_s, _ = await turn_of(vad, 0.97, "What is the name of the street?")
    waited_s, _ = await turn_of(vad, 0.97, text)
    assert waited_s > max(0.9, 1.5 * complete_s)


async def test_a_text_that_does_not_come_leaves_it_to_the_sound_and_later(vad: SileroVad) -> None:
    waited_s, ended_by = await turn_of(vad, 0.98, None)
    assert ended_by is EndedBy.SMART_TURN
    assert 0.8 <= waited_s < 1.6


async def test_in_a_language_without_rules_the_sound_alone_decides(vad: SileroVad) -> None:
    believed_s, _ = await turn_of(vad, 0.98, "und", "de")
    doubted_s, _ = await turn_of(vad, 0.02, "Das ist alles.", "de")
    assert believed_s < doubted_s <= 1.7


async def test_without_a_judgement_and_a_text_silence_ends_the_turn(vad: SileroVad) -> None:
    waited_s, ended_by = await turn_of(vad, None, None)
    assert ended_by is EndedBy.SILENCE
    assert waited_s == pytest.approx(1.6, abs=0.1)


async def test_what_was_asked_last_changes_how_long_an_answer_waits(vad: SileroVad) -> None:
    waits: list[float] = []
    sound = np.concatenate([dialogue([_TEXT], 0.5), pause(2.0)])
    for question in ("How can I help you?", "Shall I book it for you?"):
        detector = TurnDetector(
            session_id="s", vad=vad, judge=ScriptedJudge(0.5), rules=TurnRules()
        )
        async with chained(detector, ScriptedReader("Yes.")) as chain:
            answered = AnswerEndFrame(turn=1, interrupted=False, heard_text=question)
            await chain.processors[2].push_frame(answered, FrameDirection.UPSTREAM)
            await chain.up.until(AnswerEndFrame)
            await chain.send(*frames(sound))
            end = await chain.down.until(TurnEndFrame)
        before = chain.down.frames[: chain.down.frames.index(end)]
        n_heard = sum(len(f.audio) // 2 for f in before if isinstance(f, InputAudioRawFrame))
        waits.append((n_heard - end.end_sample) / 16_000)
    assert waits[1] < waits[0]


async def test_a_caller_who_goes_on_in_time_has_said_one_turn(vad: SileroVad) -> None:
    judge = ScriptedJudge(0.97)
    sound = np.concatenate([dialogue([_TEXT, _TEXT], 0.8), pause(1.0)])
    down = await heard(vad, judge, *frames(sound), text="What is")
    assert events(down) == [*_SEGMENT, *_SEGMENT, TurnEndFrame]
    assert judge.asked >= 2


async def test_how_audio_is_cut_into_frames_changes_nothing(vad: SileroVad) -> None:
    sound = np.concatenate([dialogue([_TEXT], 0.5), pause(0.5)])
    times: list[list[float]] = []
    for frame_samples in (160, 1024, 5000, 60_000):
        down = await heard(vad, ScriptedJudge(0.9), *frames(sound, frame_samples))
        times.append([f.at_s for f in down if isinstance(f, SegmentStartFrame | SegmentEndFrame)])
    assert all(found == times[0] for found in times)


async def test_all_audio_passes_on_in_order(vad: SileroVad) -> None:
    sound = dialogue([_TEXT], 0.5)
    down = await heard(vad, ScriptedJudge(0.9), *frames(sound, 5000))
    passed = b"".join(f.audio for f in down if isinstance(f, InputAudioRawFrame))
    assert passed == float_to_int16(sound).tobytes()


async def test_a_finalize_ends_the_turn_without_asking_the_judge(vad: SileroVad) -> None:
    judge = ScriptedJudge(0.9)
    sound = np.concatenate([pause(0.5), speech(_TEXT)])
    finalize = ClientMessageFrame(message=Finalize(type="finalize"))
    down = await heard(vad, judge, *frames(sound), finalize)
    assert events(down) == [SegmentStartFrame, SegmentEndFrame, TurnEndFrame]
    assert judge.asked == 0


async def test_the_verdict_asked_for_early_is_the_one_that_counts(vad: SileroVad) -> None:
    judge = ScriptedJudge(0.9)
    down = await heard(vad, judge, *frames(dialogue([_TEXT], 0.6)))
    ends = [frame for frame in down if isinstance(frame, SegmentEndFrame)]
    assert judge.asked >= len(ends) >= 1
    assert all(end.turn_complete for end in ends)
