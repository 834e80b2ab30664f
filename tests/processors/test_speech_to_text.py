"""Turns become finals: which audio the recogniser gets, and what comes of its answer."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from pipecat.frames.frames import (
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    ProposedUserStoppedSpeakingFrame,
    STTMuteFrame,
    STTUpdateSettingsFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.services.settings import STTSettings
from pipecat.tests.utils import SleepFrame, run_test
from pipecat.transcriptions.language import Language

from processors.recognizer_session import RecognizerSession
from processors.speech_to_text import SpeechToText
from voice_agent.engines.base import EngineInfo, Priority, RecognizeJob, TimedWord, Transcript
from voice_agent.errors import EngineTimeout, EngineUnavailable, Unsupported
from voice_agent.frames import (
    ClientMessageFrame,
    FinalFrame,
    PartialFrame,
    PauseTextFrame,
    SegmentEndFrame,
    SegmentGoesOnFrame,
    SegmentMayEndFrame,
    SegmentPauseFrame,
    SegmentStartFrame,
    ServerMessageFrame,
    TurnEndFrame,
)
from voice_agent.turns.pause_decision import PauseText
from voice_agent.turns.turn import EndedBy
from voice_agent.wire.asr import Close, Config
from voice_agent.wire.common import Degraded, Restored

_HZ = 16_000
_TOLD = FinalFrame | PartialFrame | ServerMessageFrame | ErrorFrame
_CLOSE = ClientMessageFrame(message=Close(type="close"))


@dataclass
class ScriptedRecognizer:
    """Says what the script says, and remembers its jobs."""

    script: Callable[[RecognizeJob], Transcript | None]
    jobs: list[RecognizeJob] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    models: tuple[str, ...] = ("script",)
    ready: bool = True
    degraded: dict[str, str] = field(default_factory=dict)
    info: EngineInfo = field(
        default_factory=lambda: EngineInfo(name="script", role="hears", model="script")
    )

    def languages(self, model: str) -> tuple[str, ...]:
        return ("en",)

    async def load(self) -> None: ...
    async def warm_up(self) -> None: ...
    async def close(self) -> None: ...

    async def transcribe(self, job: RecognizeJob) -> Transcript | None:
        self.jobs.append(job)
        await asyncio.sleep(0)
        return self.script(job)

    def release(self, session_id: str, turn_id: int) -> None: ...

    def forget(self, session_id: str) -> None:
        self.forgotten.append(session_id)

    def finals(self) -> list[RecognizeJob]:
        return [job for job in self.jobs if job.priority is Priority.FINAL]


def hello(job: RecognizeJob) -> Transcript:
    word = TimedWord(word="hello", start_s=0.5, end_s=0.9, confidence=0.8)
    return Transcript(words=(word,), text="hello", language="en", confidence=0.8)


def audio(seconds: float, level: int = 1000) -> list[Frame]:
    """Frames of 64 ms."""
    frame = np.full(1024, level, np.int16).tobytes()
    return [InputAudioRawFrame(frame, _HZ, 1) for _ in range(round(seconds * _HZ / 1024))]


def pausing() -> list[Frame]:
    """Speech from 1.6 s on, and a pause at 2 s."""
    return [*audio(2.2), SegmentStartFrame(at_s=1.6), SegmentPauseFrame(end_sample=2 * _HZ)]


def turn_end(start_s: float, end_s: float, by: EndedBy = EndedBy.CLIENT) -> TurnEndFrame:
    return TurnEndFrame(
        start_sample=round(start_s * _HZ),
        end_sample=round(end_s * _HZ),
        ended_by=by,
        complete=by is not EndedBy.LENGTH,
    )


def stt(recognizer: ScriptedRecognizer) -> SpeechToText:
    return SpeechToText(recognizer, final_timeout_s=5, audio_passthrough=False, session_id="s")


async def through(recognizer: ScriptedRecognizer, *frames: Frame) -> list[Frame]:
    processor = stt(recognizer)
    down, up = await run_test(processor, frames_to_send=[*frames, _CLOSE])
    return [f for f in (*down, *up) if isinstance(f, _TOLD)]


def finals(frames: list[Frame]) -> list[FinalFrame]:
    return [frame for frame in frames if isinstance(frame, FinalFrame)]


def partials(frames: list[Frame]) -> list[tuple[str, int, float, bool]]:
    told = [frame for frame in frames if isinstance(frame, PartialFrame)]
    return [(p.text, p.committed_chars, p.at_s, p.at_pause) for p in told]


async def test_a_final_gets_the_whole_turn_with_some_audio_around_it() -> None:
    recognizer = ScriptedRecognizer(hello)
    out = await through(
        recognizer,
        *audio(2, level=100),
        SegmentStartFrame(at_s=1.5),
        *audio(20),
        turn_end(1.5, 20.0),
    )
    (job,) = recognizer.finals()
    assert len(job.samples) / _HZ == 19.5
    assert job.samples[0] == np.float32(100 / 32_768)
    (final,) = finals(out)
    assert (final.text, final.start_s, final.end_s) == ("hello", 1.5, 20.0)
    assert final.words[0].start_s == 1.5


async def test_a_turn_does_not_begin_inside_the_turn_before() -> None:
    recognizer = ScriptedRecognizer(hello)
    await through(
        recognizer,
        *audio(3),
        SegmentStartFrame(at_s=1.0),
        turn_end(1.0, 3.0),
        *audio(1),
        SegmentStartFrame(at_s=3.25),
        turn_end(3.25, 4.0),
    )
    assert round(len(recognizer.finals()[1].samples) / _HZ, 1) == 1.0


async def test_parts_of_a_long_turn_share_no_audio() -> None:
    recognizer = ScriptedRecognizer(hello)
    out = await through(
        recognizer,
        *audio(1.5),
        SegmentStartFrame(at_s=1.0),
        *audio(5.5),
        turn_end(1.0, 5.0, EndedBy.LENGTH),
        turn_end(5.0, 6.5),
    )
    assert [len(job.samples) / _HZ for job in recognizer.finals()] == [4.5, 1.976]
    assert [f.turn_complete for f in finals(out)] == [False, True]


async def test_settled_words_behind_a_cut_belong_to_the_next_part() -> None:
    """The cut wanted at 5.0 s lies in the fourth word (of 1 s each, from 1.5 s on)."""

    def count(job: RecognizeJob) -> Transcript:
        heard = [
            TimedWord(
                word=f"w{n}", start_s=n, end_s=min(n + 1.0, len(job.samples) / _HZ), confidence=0.9
            )
            for n in range(1, int(len(job.samples) / _HZ + 0.2))
        ]
        text = " ".join(word.word for word in heard)
        return Transcript(words=tuple(heard), text=text, language="en", confidence=0.9)

    recognizer = ScriptedRecognizer(count)
    out = await through(
        recognizer,
        *audio(1.5),
        SegmentStartFrame(at_s=1.0),
        *(frame for _ in range(11) for frame in (*audio(0.5), SleepFrame(0.01))),
        turn_end(1.0, 5.0, EndedBy.LENGTH),
        *audio(1.0),
        turn_end(5.0, 7.5),
    )
    first, second = finals(out)
    settled = max(f.committed_chars for f in out if isinstance(f, PartialFrame))
    assert settled >= len("w1 w2 w3 w4")
    assert first.revised_words == 0
    # parts share no audio: one begins where the other ended, beside a word
    assert first.end_s == second.start_s
    assert min(abs(first.end_s - 0.5 - n) for n in range(1, 6)) <= 0.2


async def test_speech_between_a_cut_and_a_pause_is_decoded() -> None:
    recognizer = ScriptedRecognizer(hello)
    out = await through(
        recognizer,
        *audio(1.5),
        SegmentStartFrame(at_s=1.0),
        *audio(5.5),
        SegmentEndFrame(at_s=6.5),
        turn_end(1.0, 5.0, EndedBy.LENGTH),
        turn_end(5.0, 6.5),
    )
    assert len(recognizer.finals()) == 2
    assert [f.text for f in finals(out)] == ["hello", "hello"]


async def test_silence_after_a_cut_is_not_decoded() -> None:
    recognizer = ScriptedRecognizer(hello)
    out = await through(
        recognizer,
        *audio(1.5),
        SegmentStartFrame(at_s=1.0),
        *audio(5.5),
        SegmentEndFrame(at_s=2.0),
        turn_end(1.0, 5.0, EndedBy.LENGTH),
        *audio(30),
        turn_end(5.0, 5.0),
    )
    assert len(recognizer.finals()) == 1
    assert [f.text for f in finals(out)] == ["hello", ""]


async def test_a_final_begun_at_the_pause_is_the_final() -> None:
    recognizer = ScriptedRecognizer(hello)
    out = await through(
        recognizer,
        *audio(3),
        SegmentStartFrame(at_s=1.0),
        SegmentPauseFrame(end_sample=2 * _HZ),
        turn_end(1.0, 2.0, EndedBy.SMART_TURN),
    )
    assert len(recognizer.finals()) == len(finals(out)) == 1


@pytest.mark.parametrize(("level_in_pause", "lengths_s"), [(4000, [1.676, 2.0]), (1000, [1.676])])
async def test_a_pause_with_sound_in_it_gets_a_second_final_with_more_of_its_end(
    level_in_pause: int, lengths_s: list[float]
) -> None:
    recognizer = ScriptedRecognizer(hello)
    out = await through(
        recognizer,
        *audio(2.2),
        SegmentStartFrame(at_s=1.0),
        SegmentPauseFrame(end_sample=2 * _HZ),
        SleepFrame(sleep=0.01),
        SegmentEndFrame(at_s=2.0),
        *audio(0.1),
        *audio(0.1, level_in_pause),
        *audio(1.2),
        turn_end(1.0, 2.0, EndedBy.SILENCE),
    )
    assert [len(job.samples) / _HZ for job in recognizer.finals()] == lengths_s
    assert len(finals(out)) == 1


async def test_a_final_is_begun_before_the_pause_is_sure_and_told_then() -> None:
    recognizer = ScriptedRecognizer(hello)
    may_end, told = SegmentMayEndFrame(end_sample=2 * _HZ), SleepFrame(sleep=0.01)
    before = await through(recognizer, *audio(2.2), SegmentStartFrame(at_s=1.6), may_end, told)
    assert partials(before) == []
    after = await through(
        recognizer,
        *audio(2.2),
        SegmentStartFrame(at_s=1.6),
        SegmentMayEndFrame(end_sample=2 * _HZ),
        SleepFrame(sleep=0.01),
        SegmentPauseFrame(end_sample=2 * _HZ),
        SleepFrame(sleep=0.01),
        turn_end(1.6, 2.0),
    )
    assert partials(after) == [("hello", 0, 2.176, True)]
    assert len(recognizer.finals()) == 2  # one a session


async def test_what_was_begun_is_dropped_when_the_speech_goes_on() -> None:
    recognizer = ScriptedRecognizer(hello)
    out = await through(
        recognizer,
        *audio(2.2),
        SegmentStartFrame(at_s=1.6),
        SegmentMayEndFrame(end_sample=2 * _HZ),
        SleepFrame(sleep=0.01),
        SegmentGoesOnFrame(),
        *audio(0.5),
        SegmentPauseFrame(end_sample=round(2.5 * _HZ)),
        SleepFrame(sleep=0.01),
        turn_end(1.6, 2.5),
    )
    assert len(finals(out)) == 1
    assert len(recognizer.finals()) == 2
    assert partials(out)[-1][3]


async def test_what_the_final_would_be_is_shown_at_the_pause_and_settled_when_it_lasts() -> None:
    out = await through(
        ScriptedRecognizer(hello),
        *pausing(),
        SleepFrame(sleep=0.01),
        SegmentEndFrame(at_s=2.0),
        *audio(1.4),
        SleepFrame(sleep=0.01),
        turn_end(1.6, 2.0, EndedBy.SILENCE),
    )
    assert partials(out) == [("hello", 0, 2.176, True), ("hello", 5, 2.5, True)]


async def test_a_pause_is_not_told_once_the_caller_goes_on() -> None:
    out = await through(
        ScriptedRecognizer(hello),
        *pausing(),
        SegmentStartFrame(at_s=2.1),
        SleepFrame(sleep=0.01),
        turn_end(1.6, 2.2),
    )
    assert partials(out) == []


async def test_a_client_without_partials_is_not_told_of_a_pause() -> None:
    out = await through(
        ScriptedRecognizer(hello),
        ClientMessageFrame(message=Config(type="config", partials=False)),
        *pausing(),
        SleepFrame(sleep=0.01),
        turn_end(1.6, 2.0),
    )
    assert partials(out) == []


async def test_silence_at_a_pause_is_not_shown() -> None:
    out = await through(
        ScriptedRecognizer(lambda _: Transcript(words=(), text="", language="", confidence=0)),
        *pausing(),
        SleepFrame(sleep=0.01),
        turn_end(1.6, 2.0),
    )
    assert partials(out) == []


async def test_speech_that_goes_on_gets_a_final_of_all_of_it() -> None:
    recognizer = ScriptedRecognizer(hello)
    await through(
        recognizer,
        *audio(3),
        SegmentStartFrame(at_s=1.0),
        SegmentPauseFrame(end_sample=2 * _HZ),
        SleepFrame(sleep=0.01),
        SegmentStartFrame(at_s=2.5),
        *audio(2),
        turn_end(1.0, 4.5),
    )
    assert [len(job.samples) / _HZ for job in recognizer.finals()] == [1.7, 4.492]


async def test_a_final_that_takes_too_long_says_so_and_shows_what_partials_did() -> None:
    def script(job: RecognizeJob) -> Transcript:
        if job.priority is Priority.FINAL:
            raise EngineTimeout("too slow")
        return hello(job)

    out = await through(
        ScriptedRecognizer(script),
        *audio(1),
        SegmentStartFrame(at_s=0.1),
        *audio(1),
        SleepFrame(sleep=0.2),
        turn_end(0.1, 1.5),
    )
    (error,) = [f.exception for f in out if isinstance(f, ErrorFrame)]
    assert isinstance(error, EngineTimeout)
    (final,) = finals(out)
    assert (final.text, final.confidence) == ("hello", 0.0)
    assert final.error_code == "engine_timeout"


async def test_nothing_said_is_an_empty_final_without_a_job() -> None:
    recognizer = ScriptedRecognizer(hello)
    out = await through(recognizer, *audio(1), turn_end(1.0, 1.0))
    assert [f.text for f in finals(out)] == [""]
    assert recognizer.jobs == []


async def test_partials_stop_at_the_final_and_the_session_is_forgotten() -> None:
    recognizer = ScriptedRecognizer(hello)
    out = await through(
        recognizer,
        *audio(1),
        SegmentStartFrame(at_s=0.1),
        *audio(0.5),
        SleepFrame(sleep=0.01),
        *audio(0.5),
        turn_end(0.1, 1.9),
        *audio(2),
    )
    assert [type(f) for f in out] == [PartialFrame, FinalFrame] or [type(f) for f in out] == [
        PartialFrame,
        PartialFrame,
        FinalFrame,
    ]
    assert "s" in recognizer.forgotten


async def texts_at_pauses(script: Callable[[RecognizeJob], Transcript]) -> list[PauseText]:
    pause = (*audio(3), SegmentStartFrame(at_s=1.0), SegmentPauseFrame(end_sample=2 * _HZ))
    processor = stt(ScriptedRecognizer(script))
    _, up = await run_test(processor, frames_to_send=[*pause, SleepFrame(sleep=0.01), _CLOSE])
    return [frame.text for frame in up if isinstance(frame, PauseTextFrame)]


async def test_the_text_at_a_pause_is_told_to_whoever_judges_the_turn() -> None:
    expected = PauseText(end_sample=2 * _HZ, text="hello", language="en", confidence=0.8)
    assert await texts_at_pauses(hello) == [expected]


async def test_no_text_is_told_of_a_pause_that_could_not_be_decoded() -> None:
    def script(job: RecognizeJob) -> Transcript:
        raise EngineUnavailable("busy")

    assert await texts_at_pauses(script) == []


async def test_what_gives_way_is_told_once() -> None:
    recognizer = ScriptedRecognizer(hello, degraded={"partials": "finals were waiting"})
    turn = (SegmentStartFrame(at_s=0.1), *audio(1), turn_end(0.1, 0.9))
    out = await through(recognizer, *turn, *turn)
    messages = [frame.message for frame in out if isinstance(frame, ServerMessageFrame)]
    assert messages == [Degraded(what="partials", reason="finals were waiting")]


def test_what_gives_way_is_told_again_when_it_changes_and_when_it_is_over() -> None:
    recognizer = ScriptedRecognizer(hello, degraded={"partials": "fewer", "model": "small"})
    session = RecognizerSession(
        session_id="s",
        recognizer=recognizer,
        config=Config(type="config", language="en"),
        final_timeout_s=5,
    )
    assert len(session.degradations()) == 2
    assert session.degradations() == []
    recognizer.degraded = {"partials": "none"}
    assert session.degradations() == [
        Degraded(what="partials", reason="none"),
        Restored(what="model"),
    ]


async def test_jobs_carry_what_the_client_has_set() -> None:
    recognizer = ScriptedRecognizer(hello)
    asked = Config(type="config", model="script", language="auto", prompt="a", hotwords=["b"])
    await through(
        recognizer,
        ClientMessageFrame(message=asked),
        *audio(1),
        SegmentStartFrame(at_s=0.1),
        turn_end(0.1, 0.9),
    )
    (job,) = recognizer.finals()
    assert (job.model, job.language, job.prompt, job.hotwords) == ("script", "auto", "a", ("b",))


def said() -> list[Frame]:
    """A turn, from before its first word to its end."""
    return [*audio(1), SegmentStartFrame(at_s=0.1), *audio(1), turn_end(0.1, 1.5)]


async def test_behind_a_stock_detector_every_pause_ends_a_transcript() -> None:
    recognizer = ScriptedRecognizer(hello)
    out = await through(
        recognizer,
        *audio(2, level=100),
        VADUserStartedSpeakingFrame(start_secs=0.5),
        *audio(1),
        VADUserStoppedSpeakingFrame(stop_secs=0.2),
        *audio(1),
    )
    [final] = finals(out)
    assert (final.text, final.finalized, final.ended_by) == ("hello", True, EndedBy.SILENCE)
    assert (final.start_s, final.end_s) == pytest.approx((1.5, 2.8), abs=0.1)
    assert not [frame for frame in out if isinstance(frame, ErrorFrame)]


async def test_the_proposal_to_stop_comes_behind_the_final() -> None:
    down, _ = await run_test(
        stt(ScriptedRecognizer(hello)),
        frames_to_send=[
            *said(),
            ProposedUserStoppedSpeakingFrame(),
            _CLOSE,
        ],
    )
    kinds = [type(frame) for frame in down]
    assert kinds.count(ProposedUserStoppedSpeakingFrame) == 1
    assert kinds.index(FinalFrame) < kinds.index(ProposedUserStoppedSpeakingFrame)


async def test_audio_goes_on_unless_it_is_not_wanted_and_nothing_is_heard_while_muted() -> None:
    recognizer = ScriptedRecognizer(hello)
    processor = SpeechToText(recognizer)
    down, _ = await run_test(processor, frames_to_send=[STTMuteFrame(mute=True), *said(), _CLOSE])
    passed = [frame for frame in down if isinstance(frame, InputAudioRawFrame)]
    assert len(passed) == 2 * len(audio(1))
    assert [f.text for f in finals(list(down))] == [""]
    assert recognizer.finals() == []


@pytest.mark.parametrize(
    ("delta", "model", "language"),
    [
        (STTSettings(language=Language.EN_US), "", "en"),
        (STTSettings(model="script"), "script", "en"),
        (STTSettings(language="auto"), "", "auto"),
    ],
    ids=["language", "model", "auto"],
)
async def test_settings_of_pipecats_count_from_the_next_turn_on(
    delta: STTSettings, model: str, language: str
) -> None:
    recognizer = ScriptedRecognizer(hello)
    out = await through(
        recognizer,
        STTUpdateSettingsFrame(delta=delta),
        *said(),
    )
    assert [f.text for f in finals(out)] == ["hello"]
    assert {(job.model, job.language) for job in recognizer.finals()} == {(model, language)}


@pytest.mark.parametrize(
    "delta", [STTSettings(language="xx"), STTSettings(model="none")], ids=["language", "model"]
)
async def test_settings_that_the_engine_does_not_have_are_an_error_and_change_nothing(
    delta: STTSettings,
) -> None:
    recognizer = ScriptedRecognizer(hello)
    out = await through(
        recognizer,
        STTUpdateSettingsFrame(delta=delta),
        *said(),
    )
    [error] = [frame.exception for frame in out if isinstance(frame, ErrorFrame)]
    assert isinstance(error, Unsupported)
    assert {(job.model, job.language) for job in recognizer.finals()} == {("", "en")}


async def test_settings_that_were_refused_do_not_stand_in_the_way_of_the_next_ones() -> None:
    recognizer = ScriptedRecognizer(hello)
    out = await through(
        recognizer,
        STTUpdateSettingsFrame(delta=STTSettings(language="xx")),
        STTUpdateSettingsFrame(delta=STTSettings(model="script")),
        *said(),
    )
    assert len([frame for frame in out if isinstance(frame, ErrorFrame)]) == 1
    assert {(job.model, job.language) for job in recognizer.finals()} == {("script", "en")}
