"""The agent's messages: those of the ASR service, and answers."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, TypeAdapter

from voice_agent.wire.asr import AsrMessage, Close, Config, Finalize
from voice_agent.wire.common import ClientMessage, CommonServerMessage, Ping, ServerMessage
from voice_agent.wire.tts import AudioChunk, SynthesisComplete


class TypedText(ClientMessage):
    """The caller typed instead of speaking."""

    type: Literal["text"]
    text: Annotated[str, Field(min_length=1, max_length=5000)]


class Interrupt(ClientMessage):
    """Stop the answer."""

    type: Literal["interrupt"]


class Playback(ClientMessage):
    """How much of the current answer has been heard."""

    type: Literal["playback"]
    played_ms: Annotated[float, Field(ge=0, le=86_400_000)]


AgentClientMessage = Config | Finalize | Close | Ping | TypedText | Interrupt | Playback
agent_client_message: TypeAdapter[AgentClientMessage] = TypeAdapter(
    Annotated[AgentClientMessage, Field(discriminator="type")]
)


class AnswerStart(ServerMessage):
    """The agent begins to answer."""

    type: Literal["answer_start"] = "answer_start"
    turn: int


class AnswerText(ServerMessage):
    """More of the answer's text."""

    type: Literal["answer_text"] = "answer_text"
    turn: int
    delta: str


class AnswerEnd(ServerMessage):
    """The answer is over; `heard_text` is what the caller heard of it."""

    type: Literal["answer_end"] = "answer_end"
    turn: int
    interrupted: bool
    heard_text: str


class Clear(ServerMessage):
    """Drop all audio that has not been played."""

    type: Literal["clear"] = "clear"


class Stage(BaseModel):
    """One bar of the latency waterfall."""

    name: str
    ms: float


class Latency(ServerMessage):
    """Where the time went between the caller's last word and the first answer audio."""

    type: Literal["latency"] = "latency"
    turn: int
    stages: list[Stage]


AgentServerMessage = (
    CommonServerMessage
    | AsrMessage
    | AnswerStart
    | AnswerText
    | AudioChunk
    | SynthesisComplete
    | AnswerEnd
    | Clear
    | Latency
)
agent_server_message: TypeAdapter[AgentServerMessage] = TypeAdapter(
    Annotated[AgentServerMessage, Field(discriminator="type")]
)
