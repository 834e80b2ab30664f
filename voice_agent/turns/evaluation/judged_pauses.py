"""What Smart Turn and the recogniser say at every pause of recorded turns."""

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from voice_agent.engines.base import (
    ASR_SAMPLE_RATE_HZ,
    RecognizeJob,
    Recognizer,
    Samples,
    TurnJudge,
)
from voice_agent.engines.silero import WINDOW_S, WINDOW_SAMPLES, SileroVad
from voice_agent.turns.evaluation.recorded_turns import Pause, RecordedTurn, find_pauses
from voice_agent.turns.segmenter import SPEECH_GOES_ON_ABOVE

JUDGED_AT_S = 0.2
"""So much of a pause is heard before it is judged; shorter ones are none, for the speech detector
as for eot-bench (`score_point`, `min_hold_span_duration`)."""
_LEAD_S = 0.5  # heard before the turn's first word, as in a session


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedPause:
    """A pause and what was known of it `JUDGED_AT_S` after its start.

    Attributes:
        id: The recording.
        start_s: Where the pause begins.
        seconds: How long it is; without meaning if it is `final`.
        final: Whether the turn is over.
        group: Kind of turn.
        language: Code.
        asked: What was said to the caller before.
        spoken_s: From the turn's first sound to the pause.
        smart_turn: Probability that the turn is complete, from the sound.
        text: Of the turn so far.
        confidence: Of the text.
        text_run_s: How long the recogniser took.
    """

    id: str
    start_s: float
    seconds: float
    final: bool
    group: str
    language: str
    asked: str
    spoken_s: float
    smart_turn: float
    text: str
    confidence: float
    text_run_s: float


async def judge_pauses(
    turns: Sequence[RecordedTurn],
    vad: SileroVad,
    judge: TurnJudge,
    recognizer: Recognizer,
    read: Callable[[Path], Awaitable[Samples]],
    known: "Known",
) -> AsyncIterator[JudgedPause]:
    """Every pause that counts, in order; what is `known` is not asked again."""
    for number, turn in enumerate(turns):
        samples = await read(turn.path)
        speech = await speaking(vad, samples)
        first_s = speech.index(True) * WINDOW_S if True in speech else 0.0
        pauses = find_pauses(speech, WINDOW_S) if turn.pauses is None else turn.pauses
        for pause in pauses:
            if not pause.final and pause.seconds < JUDGED_AT_S:
                continue
            judged = known.get(turn, pause)
            if judged is None:
                judged = await _judge(turn, number, pause, samples, first_s, judge, recognizer)
                known.add(judged)
            yield judged


async def speaking(vad: SileroVad, samples: Samples) -> list[bool]:
    """Whether each window has speech, as `Segmenter` goes on hearing it."""
    padded = np.pad(samples, (0, -len(samples) % WINDOW_SAMPLES))
    probabilities = await vad.probabilities(vad.open_stream(), padded)
    return [probability >= SPEECH_GOES_ON_ABOVE for probability in probabilities]


async def _judge(
    turn: RecordedTurn,
    number: int,
    pause: Pause,
    samples: Samples,
    first_s: float,
    judge: TurnJudge,
    recognizer: Recognizer,
) -> JudgedPause:
    begin = max(0, round((first_s - _LEAD_S) * ASR_SAMPLE_RATE_HZ))
    heard = samples[begin : round((pause.start_s + JUDGED_AT_S) * ASR_SAMPLE_RATE_HZ)]
    smart_turn = await judge.probability(heard, session_id=turn.id)
    job = RecognizeJob(
        session_id=turn.id, turn_id=number, samples=heard, timeout_s=60.0, language=turn.language
    )
    started_s = time.monotonic()
    transcript = await recognizer.transcribe(job)
    text_run_s = time.monotonic() - started_s
    recognizer.release(turn.id, number)
    return JudgedPause(
        id=turn.id,
        start_s=round(pause.start_s, 3),
        seconds=round(pause.seconds, 3),
        final=pause.final,
        group=turn.group,
        language=turn.language,
        asked=turn.asked,
        spoken_s=round(pause.start_s - first_s, 3),
        smart_turn=round(smart_turn, 5),
        text=transcript.text if transcript else "",
        confidence=round(transcript.confidence, 3) if transcript else 0.0,
        text_run_s=round(text_run_s, 3),
    )


class Known:
    """Pauses that were judged before, in a file; without one, nothing is kept.

    Args:
        path: A line of JSON for each pause; made if it is not there. It holds for one folder
            and one model: remove it when either changes.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: dict[tuple[str, float], JudgedPause] = {}
        if path is not None and path.is_file():
            rows: list[Mapping[str, Any]] = [
                json.loads(line) for line in path.read_text().splitlines()
            ]
            self._known = {(row["id"], row["start_s"]): JudgedPause(**row) for row in rows}

    def get(self, turn: RecordedTurn, pause: Pause) -> JudgedPause | None:
        """What is known of a pause."""
        return self._known.get((turn.id, round(pause.start_s, 3)))

    def add(self, judged: JudgedPause) -> None:
        """Keeps it."""
        if self._path is not None:
            with self._path.open("a") as lines:
                lines.write(json.dumps(asdict(judged)) + "\n")
