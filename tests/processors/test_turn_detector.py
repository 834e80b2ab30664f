"""Audio becomes segments and turns, on the real models and in audio time."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import numpy as np
import pytest
from pipecat.frames.frames import Frame, InputAudioRawFrame
from pipecat.tests.utils import run_test

from processors.smart_turn import TurnDetector
from tests.speech import dialogue, pause, speech
from voice_agent.audio.pcm import float_to_int16
from voice_agent.engines.base import EngineInfo, Samples
from voice_agent.engines.silero import SileroVad
from voice_agent.errors import EngineTimeout
from voice_agent.frames import (
    ClientMessageFrame,
    SegmentEndFrame,
    SegmentPauseFrame,
    SegmentStartFrame,
    TurnEndFrame,
)
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


async def heard(vad: SileroVad, judge: ScriptedJudge, *sent: Frame) -> list[Frame]:
    detector = TurnDetector(session_id="s", vad=vad, judge=judge, rules=TurnRules())
    down, _ = await run_test(detector, frames_to_send=list(sent))
    return list(down)


def events(down: list[Frame]) -> list[type[Frame]]:
    kinds = (SegmentStartFrame, SegmentPauseFrame, SegmentEndFrame, TurnEndFrame)
    return [type(frame) for frame in down if isinstance(frame, kinds)]


_SEGMENT: list[type[Frame]] = [SegmentStartFrame, SegmentPauseFrame, SegmentEndFrame]


async def test_a_finished_sentence_is_a_segment_and_a_turn(vad: SileroVad) -> None:
    down = await heard(vad, ScriptedJudge(0.9), *frames(dialogue([_TEXT], 0.5)))
    assert events(down) == [*_SEGMENT, TurnEndFrame]
    end = next(f for f in down if isinstance(f, TurnEndFrame))
    assert end.ended_by is EndedBy.SMART_TURN
    assert abs(end.end_sample / 16_000 - 0.5 - len(speech(_TEXT)) / 16_000) < 0.3


@pytest.mark.parametrize("opinion", [0.2, None])
async def test_an_unsure_or_late_judge_leaves_it_to_silence(
    vad: SileroVad, opinion: float | None
) -> None:
    judge = ScriptedJudge(opinion)
    down = await heard(vad, judge, *frames(dialogue([_TEXT, _TEXT], 1.0)), *frames(pause(1.0)))
    assert events(down) == [*_SEGMENT, *_SEGMENT, TurnEndFrame]
    assert judge.asked == 2
    assert [f.ended_by for f in down if isinstance(f, TurnEndFrame)] == [EndedBy.SILENCE]


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
