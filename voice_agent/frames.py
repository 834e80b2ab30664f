"""Frames that processors and transports exchange beyond Pipecat's own.

Where Pipecat has a frame for a thing, ours is a subclass that says more, so that stock
transports and processors understand it too. Sample numbers count from the session's first
sample at 16 kHz; times are seconds of the same audio.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from pipecat.frames.frames import (
    InterimTranscriptionFrame,
    LLMContextFrame,
    SystemFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)

from voice_agent.engines.base import TimedWord
from voice_agent.turns.pause_decision import PauseText
from voice_agent.turns.turn import EndedBy
from voice_agent.wire.common import ClientMessage, ServerMessage

PhraseName = Literal["", "greeting", "filler", "apology"]
"""A phrase of `conversation` in the settings."""


@dataclass
class ClientMessageFrame(SystemFrame):
    """A message from the client, already checked."""

    message: ClientMessage


@dataclass
class ServerMessageFrame(SystemFrame):
    """A message for the client, and the binary frame that follows it, if any."""

    message: ServerMessage
    payload: bytes = b""


@dataclass
class PresenceFrame(SystemFrame):
    """The client's connection was lost, and it may come back; or it is there again."""

    here: bool


@dataclass
class SegmentStartFrame(VADUserStartedSpeakingFrame):
    """Speech began; with audio before it if it opens a turn."""

    at_s: float = 0.0


@dataclass
class SegmentMayEndFrame(SystemFrame):
    """Speech has been missing for long enough to end the segment soon: the time to decode.

    A `SegmentPauseFrame` with the same `end_sample` follows, or a `SegmentGoesOnFrame`.

    Attributes:
        end_sample: Where speech may have ended.
    """

    end_sample: int = 0


@dataclass
class SegmentGoesOnFrame(SystemFrame):
    """Speech is there again before the segment ended."""


@dataclass
class SegmentPauseFrame(SystemFrame):
    """Speech has ended and a judge is being asked.

    Attributes:
        end_sample: Where speech ended.
        silence_s: How much silence it took to know that.
    """

    end_sample: int = 0
    silence_s: float = 0.0


@dataclass
class SegmentEndFrame(VADUserStoppedSpeakingFrame):
    """Speech ended; `turn_complete` is the judge's verdict."""

    at_s: float = 0.0
    turn_complete: bool = False
    turn_probability: float | None = None


@dataclass
class TurnEndFrame(SystemFrame):
    """A turn, or a part of a long one, is over; its final is due."""

    start_sample: int
    end_sample: int
    ended_by: EndedBy
    complete: bool


@dataclass
class PartialFrame(InterimTranscriptionFrame, SystemFrame):
    """A turn's text so far; `text[:committed_chars]` stays.

    A system frame too, so that it overtakes an answer that is being made.

    Attributes:
        at_s: Where the audio behind it ends.
        at_pause: The caller has paused: this is the turn's final if it ends here, but for
            settled words that it revises.
    """

    committed_chars: int = 0
    confidence: float = 0.0
    at_s: float = 0.0
    at_pause: bool = False


@dataclass
class PauseTextFrame(SystemFrame):
    """Goes upstream: what was said of the turn until a pause."""

    text: PauseText


@dataclass
class FinalFrame(TranscriptionFrame, SystemFrame):
    """The text of a finished turn; a system frame too, as `PartialFrame` is.

    Attributes:
        words: With times in seconds of session audio.
        decided_ns: Monotonic time at which the turn was decided to be over.
        error_code: Of what kept the turn from being decoded, as on the wire, or empty; the text
            is then what the partials showed.
    """

    words: list[TimedWord] = field(default_factory=list[TimedWord])
    start_s: float = 0.0
    end_s: float = 0.0
    confidence: float = 0.0
    spoken_language: str = ""
    language_probability: float | None = None
    turn_complete: bool = True
    ended_by: EndedBy = EndedBy.SMART_TURN
    revised_words: int = 0
    decided_ns: int = 0
    error_code: str = ""


@dataclass
class SpokenAudioFrame(TTSAudioRawFrame):
    """Audio of an answer, and which of its text is heard in it."""

    text_start: int = 0
    text_end: int = 0


@dataclass
class PhraseAudioFrame(SpokenAudioFrame):
    """Audio of a phrase in the middle of an answer; nothing of the answer's text is heard in it.

    Attributes:
        words: All of the phrase, in its first frame; empty in the others.
    """

    words: str = ""


@dataclass
class AnswerStartFrame(SystemFrame):
    """The agent begins to answer a spoken turn, or typed text.

    Attributes:
        turn: Number of the answer.
        typed: The question was typed.
        asked: False if nobody asked, and the agent speaks of its own accord.
    """

    turn: int
    typed: bool = False
    asked: bool = True


@dataclass
class AnswerContinuesFrame(SystemFrame):
    """The answer to a question follows in an answer that a phrase has opened.

    Attributes:
        turn: Number of that answer; it was started and has not ended.
        typed: The question was typed.
    """

    turn: int
    typed: bool = False


@dataclass
class PhraseFrame(SystemFrame):
    """Say something at once that is no part of any answer: a phrase that is kept as audio.

    Push it downstream from anywhere before the output; nothing waits for it. Within an
    answer it is heard in that answer, after what was sent of it; else it is an answer of
    its own, and a question that comes while it is heard is answered in the same. It is cut
    by an interruption, and is not in the context.

    Attributes:
        phrase: One of the settings. A filler waits until all that was sent has been heard,
            and is dropped if more of the answer comes before that.
        text: What to say instead; what is not among the settings' phrases needs the speaker.
    """

    phrase: PhraseName = ""
    text: str = ""


@dataclass
class SayFrame(SystemFrame):
    """What to say in an answer that has begun, and that is all of it.

    Attributes:
        text: What is said.
        told: It is the answer's text, and remembered; else it is a phrase.
    """

    text: str
    told: bool = True


@dataclass
class AnswerOverFrame(SystemFrame):
    """Goes upstream just before the client is told of an answer's end: nothing can join it."""

    turn: int


@dataclass
class AnswerEndFrame(SystemFrame):
    """The answer has been heard to its end, or as far as `heard_text`."""

    turn: int
    interrupted: bool
    heard_text: str


@dataclass
class SpeculativeContextFrame(LLMContextFrame):
    """A question that the caller may have finished: answer it, and keep the answer back.

    A `SpeculationFrame` tells what becomes of it, or another question replaces it.
    """


@dataclass
class SpeculationFrame(SystemFrame):
    """What becomes of an answer that is kept back.

    Attributes:
        confirmed: It was the question. Else the answer is forgotten.
    """

    confirmed: bool


@dataclass
class HoldFrame(SystemFrame):
    """The caller speaks: be silent now, and go on or end when it is known what was said.

    A `ResumeFrame` or Pipecat's `InterruptionFrame` follows.
    """


@dataclass
class AnswerHeldFrame(SystemFrame):
    """Goes upstream: the answer is held.

    Attributes:
        heard_text: What of it the caller has heard.
        left_s: Audio that is left; infinite if more of it may be made.
    """

    heard_text: str
    left_s: float


@dataclass
class ResumeFrame(SystemFrame):
    """The answer that is held goes on.

    Attributes:
        played_s: Audio of it that was heard until now, as far as that is known.
    """

    played_s: float = 0.0


@dataclass
class ToolUsedFrame(SystemFrame):
    """Goes upstream: a tool was called to answer a question; perhaps the answer is over by now.

    Attributes:
        turn: Number of the answer.
        messages: What the model is told of it from now on: the call, and its result.
    """

    turn: int
    messages: list[dict[str, Any]]


@dataclass
class KeyFrame(SystemFrame):
    """The caller pressed a key of the telephone: one of ``0-9*#A-D``."""

    digit: str


@dataclass
class HangUpFrame(SystemFrame):
    """End the call, once the caller has heard the answer that is under way.

    Attributes:
        unless_interrupted: It waits for a caller who speaks, and does not end if the caller
            interrupts that answer or says something that is answered.
    """

    unless_interrupted: bool = True


@dataclass
class TransferFrame(SystemFrame):
    """Connect the caller with somebody else, once the answer under way was heard.

    Attributes:
        to: A telephone number, or a SIP address.
        unless_interrupted: As of `HangUpFrame`.
    """

    to: str
    unless_interrupted: bool = True


@dataclass
class SendKeysFrame(SystemFrame):
    """Press keys for the other side of the call, once the answer under way was heard.

    Attributes:
        keys: Of ``0-9*#A-D``; ``w`` and ``W`` are pauses of 0.5 and 1 s.
    """

    keys: str
