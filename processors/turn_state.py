"""The turn that is open, and the final that comes of it."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipecat.utils.time import time_now_iso8601

from processors.recognizer_session import Decoded
from voice_agent import metrics
from voice_agent.audio.level import level_db
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, TimedWord, Transcript
from voice_agent.frames import FinalFrame, TurnEndFrame
from voice_agent.turns.agreement import CommittedPrefix
from voice_agent.turns.audio_buffer import AudioBuffer
from voice_agent.turns.cuts import cut_between_words
from voice_agent.wire.asr import Config

_HZ = ASR_SAMPLE_RATE_HZ
# the last word fades in this, and the first final has heard it
_FADING_SAMPLES = _HZ // 8
_LEVEL_SAMPLES = 512
# The noise of a room or a line is within 6 dB of itself over 32 ms; softest words are 27 dB above
# a quiet line (`Segmenter`), and what is below -60 dBFS no detector takes for speech.
_STANDS_OUT_DB = 10.0
_SILENT_BELOW_DB = -60.0
LONG_POST_ROLL_SAMPLES = _HZ // 2
"""Audio after the last detected speech where the silence has lasted: there may be speech in
it that the detector does not take for speech."""


@dataclass(slots=True, eq=False)
class TurnState:
    """The open turn.

    Attributes:
        id: Number within the session.
        start: Where its speech began.
        audio_start: First sample the recogniser gets.
        next_partial: Position at which the next partial is due.
        spoken: Whether anything was said in it; after a cut in a pause, not yet.
        prefix: What its partials have settled.
        shown: Text, settled characters and `at_pause` of the last partial.
        partial: The partial that is being made.
        speculation: A final that was begun at a pause.
        speculated_end: Where the pause began.
        speculated_post_roll: Samples after that which the recogniser gets.
    """

    id: int
    start: int
    audio_start: int
    next_partial: int
    spoken: bool
    prefix: CommittedPrefix = field(default_factory=CommittedPrefix)
    shown: tuple[str, int, bool] = ("", 0, False)
    partial: "asyncio.Task[None] | None" = None
    speculation: "asyncio.Task[Decoded] | None" = None
    speculated_end: int = -1
    speculated_post_roll: int = 0


def wants_second_final(turn: TurnState, heard_until: int) -> bool:
    """Whether the pause has become long enough for soft last words to be in it."""
    heard_after = heard_until - turn.speculated_end
    return (
        turn.speculation is not None
        # the turn may end by its text: it does not wait for a better one
        and turn.speculation.done()
        and turn.speculated_post_roll < LONG_POST_ROLL_SAMPLES <= heard_after
    )


def sound_in_pause(turn: TurnState, tape: AudioBuffer) -> bool:
    """Whether the pause holds more than its own noise, which may be a soft last word."""
    begin, end = turn.speculated_end + _FADING_SAMPLES, turn.speculated_end + LONG_POST_ROLL_SAMPLES
    levels_db = [
        level_db(tape.slice(at, at + _LEVEL_SAMPLES)) for at in range(begin, end, _LEVEL_SAMPLES)
    ]
    loudest_db = max(levels_db)
    return loudest_db > _SILENT_BELOW_DB and loudest_db - min(levels_db) > _STANDS_OUT_DB


def between_words(turn: TurnState, wanted: int, tape: AudioBuffer) -> int:
    """Where to cut the turn: near `wanted`, beside no word that was heard."""
    samples = tape.slice(turn.audio_start, tape.end)
    wanted_s = (wanted - turn.audio_start) / _HZ
    return turn.audio_start + round(cut_between_words(samples, wanted_s, turn.prefix.words) * _HZ)


def end_of_audio(turn: TurnState, end: TurnEndFrame) -> int:
    """One past the last sample that a final's recogniser gets."""
    if not turn.spoken:
        return turn.audio_start
    # what follows a cut belongs to the next part
    return end.end_sample + (LONG_POST_ROLL_SAMPLES if end.complete else 0)


def final_frame(
    turn: TurnState,
    end: TurnEndFrame,
    decoded: Decoded,
    *,
    session_id: str,
    config: Config,
    decided_ns: int,
) -> FinalFrame:
    """The final of a turn; if that could not be decoded, of what the partials showed."""
    transcript = decoded if isinstance(decoded, Transcript) else None
    heard: Sequence[TimedWord] = turn.prefix.words if transcript is None else transcript.words
    words = [_shifted(word, turn.audio_start / _HZ) for word in heard]
    revised = turn.prefix.revised_by(heard)
    metrics.revised_words_total.inc(revised)
    metrics.turns_total.labels(end.ended_by).inc()
    metrics.final_latency_s.observe((time.monotonic_ns() - decided_ns) / 1e9)
    return FinalFrame(
        text=turn.prefix.text if transcript is None else transcript.text,
        user_id=session_id,
        timestamp=time_now_iso8601(),
        finalized=True,
        words=words if config.words is not False else [],
        # soft beginnings and endings lie outside what the detector took for speech
        start_s=round(min([turn.start / _HZ, *(w.start_s for w in words[:1])]), 3),
        end_s=round(max([end.end_sample / _HZ, *(w.end_s for w in words[-1:])]), 3),
        confidence=transcript.confidence if transcript else 0.0,
        spoken_language=(transcript.language if transcript else "") or config.language or "",
        language_probability=transcript.language_probability if transcript else None,
        turn_complete=end.complete,
        ended_by=end.ended_by,
        revised_words=revised,
        decided_ns=decided_ns,
        error_code="" if isinstance(decoded, Transcript) else decoded.code,
    )


def _shifted(word: TimedWord, offset_s: float) -> TimedWord:
    return TimedWord(
        word=word.word,
        start_s=round(word.start_s + offset_s, 3),
        end_s=round(word.end_s + offset_s, 3),
        confidence=word.confidence,
    )
