"""What a record says, as it is written and posted."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from voice_agent.wire.agent import Stage

EndedBy = Literal["caller", "agent", "transfer", "idle", "shutdown", "failure"]
_ENDED_BY: dict[int | None, EndedBy] = {
    None: "caller",
    1000: "caller",
    1001: "idle",
    1003: "caller",
    1007: "caller",
    1008: "caller",
    1009: "caller",
    1012: "shutdown",
}


def ended_by(close_code: int | None) -> EndedBy:
    """Who ended a session, by what we closed its connection with; None if we did not."""
    return _ENDED_BY.get(close_code, "failure")


class Word(BaseModel):
    """A word of the caller's."""

    word: str
    start_s: float
    end_s: float
    confidence: float


class CallerTurn(BaseModel):
    """What the caller said, typed, or pressed."""

    who: Literal["caller"] = "caller"
    text: str
    start_s: float
    end_s: float
    typed: bool = False
    language: str | None = None
    confidence: float | None = None
    words: list[Word] | None = None


class AgentTurn(BaseModel):
    """What the agent said.

    Attributes:
        turn: Its number; None if nothing was asked.
        said: All of its text, whether it was spoken or not.
        phrases: What it said besides, such as "one moment, please".
        heard: As much of it as the caller has heard; None if that is not known.
        start_s: Of its first audio; None if it had none.
        end_s: When it was over, or interrupted.
        latency: Where the time went before its first audio.
    """

    who: Literal["agent"] = "agent"
    turn: int | None = None
    said: str = ""
    phrases: list[str] = Field(default_factory=list[str])
    heard: str | None = None
    interrupted: bool = False
    start_s: float | None = None
    end_s: float | None = None
    latency: list[Stage] = Field(default_factory=list[Stage])


Turn = Annotated[CallerTurn | AgentTurn, Field(discriminator="who")]


class Record(BaseModel):
    """A conversation that is over. Times are seconds since it began.

    Attributes:
        id: Of the session, as in its `ready` and in logs.
        kind: How it came here.
        call_sid: Of a telephone call, as Twilio knows it.
        stream_sid: Of its stream.
        engines: What heard, thought and spoke, by role.
        close_code: What we closed the connection with; None if we did not.
        errors: Codes of the errors that the caller was told of, with how many there were.
        audio: Name of the sound's file, in the same folder.
        n_turns_left_out: The oldest, of a conversation that was too long.
    """

    version: Literal[1] = 1
    id: str
    service: str
    kind: Literal["wire", "twilio"]
    call_sid: str | None = None
    stream_sid: str | None = None
    began: datetime
    duration_s: float = 0.0
    ended_by: EndedBy = "caller"
    close_code: int | None = None
    engines: dict[str, str] = Field(default_factory=dict[str, str])
    turns: list[Turn] = Field(default_factory=list[Turn])
    n_turns_left_out: int = 0
    errors: dict[str, int] = Field(default_factory=dict[str, int])
    audio: str | None = None

    def to_json(self) -> bytes:
        """As UTF-8, without what has no value."""
        return self.model_dump_json(exclude_none=True).encode()
