"""The contracts of engines: what hears, what speaks, what judges turns.

An engine is a model loaded once in a process and shared by its sessions. A session
never touches the model: it sends jobs. A job has a session, a priority, a deadline and
can be cancelled (cancel the awaiting task, or close the iterator); a job whose session
is gone is dropped before it reaches the model (`forget`).

Life of every engine: ``load()`` → ``warm_up()`` → jobs → ``close()``. Jobs before
``load`` or after ``close`` raise :class:`~voice_agent.errors.EngineUnavailable`.
"""

from voice_agent.engines.base.engine import (
    ASR_SAMPLE_RATE_HZ,
    Engine,
    EngineInfo,
    MayBeLost,
    MayNeedHelp,
    Priority,
    Samples,
    SaysWhy,
    new_session_id,
)
from voice_agent.engines.base.hearing import (
    PARTIAL_EVERY_S,
    RecognizeJob,
    Recognizer,
    TimedWord,
    Transcript,
    TurnJudge,
)
from voice_agent.engines.base.speaking import (
    ClonedVoice,
    Conditioning,
    Speaker,
    SpeakJob,
    SpokenChunk,
    VoiceInfo,
)

__all__ = [
    "ASR_SAMPLE_RATE_HZ",
    "PARTIAL_EVERY_S",
    "ClonedVoice",
    "Conditioning",
    "Engine",
    "EngineInfo",
    "MayBeLost",
    "MayNeedHelp",
    "Priority",
    "RecognizeJob",
    "Recognizer",
    "Samples",
    "SaysWhy",
    "SpeakJob",
    "Speaker",
    "SpokenChunk",
    "TimedWord",
    "Transcript",
    "TurnJudge",
    "VoiceInfo",
    "new_session_id",
]
