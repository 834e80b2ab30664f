"""The ASR service's messages: audio in, segments, partials and finals out."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, TypeAdapter

from voice_agent.wire.common import ClientMessage, CommonServerMessage, Ping, ServerMessage

Encoding = Literal["auto", "pcm_s16le", "pcm_f32le", "mulaw", "alaw", "container"]
TurnDetection = Literal["smart_turn", "silence", "none"]
Expect = Literal["any", "yes_no", "number"]
EndedBy = Literal["smart_turn", "silence", "client", "length"]


class Config(ClientMessage):
    """Changes the values named here from the next sample on; the others stay."""

    type: Literal["config"]
    sample_rate: Annotated[int, Field(ge=8000, le=48000)] | None = None
    channels: Literal[1, 2] | None = None
    encoding: Encoding | None = None
    language: Annotated[str, Field(min_length=2, max_length=16)] | None = None
    model: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    partials: bool | None = None
    words: bool | None = None
    prompt: Annotated[str, Field(max_length=2000)] | None = None
    hotwords: (
        Annotated[list[Annotated[str, Field(min_length=1, max_length=100)]], Field(max_length=100)]
        | None
    ) = None
    turn_detection: TurnDetection | None = None
    silence_ms: Annotated[int, Field(ge=100, le=10_000)] | None = None
    expect: Expect | None = None


class Finalize(ClientMessage):
    """Finish the turn now."""

    type: Literal["finalize"]


class Close(ClientMessage):
    """Finish, send what is due, close with 1000."""

    is_close = True

    type: Literal["close"]


AsrClientMessage = Config | Finalize | Close | Ping
asr_client_message: TypeAdapter[AsrClientMessage] = TypeAdapter(
    Annotated[AsrClientMessage, Field(discriminator="type")]
)


class Configured(ServerMessage):
    """The values in force after a `config`."""

    type: Literal["configured"] = "configured"
    sample_rate: int
    channels: int
    encoding: Encoding
    language: str
    model: str
    partials: bool
    words: bool
    prompt: str
    hotwords: list[str]
    turn_detection: TurnDetection
    silence_ms: int
    expect: Expect = "any"


class SpeechStart(ServerMessage):
    """A segment began `timestamp` seconds into the session's audio."""

    type: Literal["speech_start"] = "speech_start"
    timestamp: float


class SpeechEnd(ServerMessage):
    """The segment ended; `turn_complete` is Smart Turn's verdict on the sound of the turn so far.

    The turn itself ends with its `final`, when its words and its sound, or silence, say so.
    """

    type: Literal["speech_end"] = "speech_end"
    timestamp: float
    turn_complete: bool
    turn_probability: float | None = None


class Partial(ServerMessage):
    """A turn's text so far; `text[:committed]` is a prefix of every later partial.

    With `at_pause` the caller has paused, and this is the text of the final if the turn ends
    here, but for settled words that it revises: the time to begin what can be thrown away when
    the caller goes on.
    """

    type: Literal["partial"] = "partial"
    text: str
    committed: int
    confidence: float
    timestamp: float
    at_pause: bool = False


class Word(BaseModel):
    """One word of a final, in seconds of session audio."""

    word: str
    start: float
    end: float
    confidence: float


class Final(ServerMessage):
    """The text of a finished turn; exactly one for each turn.

    `language_probability` says how sure a detected language is (`"language":"auto"`); null
    where the language was given. With `error`, the code of the message before it, the turn
    could not be decoded, and the text is what its partials showed.
    """

    type: Literal["final"] = "final"
    text: str
    start: float
    end: float
    confidence: float
    language: str
    language_probability: float | None = None
    turn_complete: bool
    ended_by: EndedBy
    revised: int
    words: list[Word]
    error: str | None = None


AsrMessage = Configured | SpeechStart | SpeechEnd | Partial | Final
AsrServerMessage = CommonServerMessage | AsrMessage
asr_server_message: TypeAdapter[AsrServerMessage] = TypeAdapter(
    Annotated[AsrServerMessage, Field(discriminator="type")]
)
