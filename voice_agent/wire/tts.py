"""The TTS service's messages: text and voices in, audio chunks out."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from voice_agent.errors import BadMessage
from voice_agent.wire.common import ClientMessage, CommonServerMessage, Ping, ServerMessage

AudioEncoding = Literal["pcm_f32le", "pcm_s16le", "mulaw", "mp3", "opus", "wav"]
VOICE_ID_PATTERN = r"^[A-Za-z0-9_-]{1,64}$"
"""What a voice can be registered as; engines have a `+` in some ids of their own."""

NewVoiceId = Annotated[str, Field(pattern=VOICE_ID_PATTERN)]
VoiceId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_+-]{1,64}$")]
_voice_id: TypeAdapter[str] = TypeAdapter(VoiceId)
RequestId = Annotated[str, Field(min_length=1, max_length=64)]
# far above any real text: the setting `tts.max_text_chars` answers `text_too_long` first
_Label = Annotated[str, Field(min_length=1, max_length=64)]
_Detail = Annotated[str, Field(max_length=1000)]
_Text = Annotated[str, Field(max_length=1 << 20)]


def check_voice_id(text: str) -> None:
    """Checks an id that came by another way than in a message.

    Raises:
        BadMessage: It cannot be one.
    """
    try:
        _voice_id.validate_python(text)
    except ValidationError:
        raise BadMessage("voice_id: 1 to 64 letters, digits, -, _ and + are an id") from None


class SynthesisOptions(ClientMessage):
    """How to speak; shared by the WebSocket and HTTP requests."""

    voice_id: VoiceId = "default"
    streaming: bool = True
    chunk_size: Annotated[int, Field(ge=5, le=250)] = 50
    """Speech tokens per chunk, 25 a second."""
    emotion: Annotated[float, Field(ge=0, le=1)] = 0.5
    language: Annotated[str, Field(min_length=2, max_length=16)] | None = None
    encoding: AudioEncoding = "pcm_f32le"
    sample_rate: Annotated[int, Field(ge=8000, le=48000)] = 24000
    priority: Literal["interactive", "batch"] = "interactive"
    speed: Annotated[float, Field(ge=0.25, le=4)] | None = None
    seed: Annotated[int, Field(ge=0, lt=1 << 32)] | None = None


class SynthesisRequest(SynthesisOptions):
    """Speak `text`; the body of ``POST /v1/synthesize``."""

    text: _Text


class Synthesize(SynthesisRequest):
    """Speak `text`."""

    type: Literal["synthesize"]
    request_id: RequestId | None = None


class TextDelta(SynthesisOptions):
    """Text as it is written; options count on a request's first delta."""

    type: Literal["text"]
    request_id: RequestId
    delta: _Text


class Flush(ClientMessage):
    """No more text for this request: speak what is left."""

    type: Literal["flush"]
    request_id: RequestId


class Cancel(ClientMessage):
    """Stop this request, or all of them."""

    type: Literal["cancel"]
    request_id: RequestId | None = None


class Consent(ClientMessage):
    """Who allowed a voice to be cloned."""

    speaker: Annotated[str, Field(min_length=1, max_length=200)]
    statement: Annotated[str, Field(max_length=2000)] = ""
    date: Annotated[str, Field(max_length=40)] = ""
    details: Annotated[dict[_Label, _Detail], Field(max_length=32)] = Field(
        default_factory=dict[str, str]
    )
    """Whatever else shall be kept with it."""


class VoiceDescription(ClientMessage):
    """All about a new voice but its clip; the query of ``POST /v1/voices`` with an audio body."""

    voice_id: NewVoiceId
    name: Annotated[str, Field(max_length=200)] | None = None
    consent: Consent | None = None
    replace: bool = False


class VoiceRegistration(VoiceDescription):
    """Make a voice from a clip; the JSON body of ``POST /v1/voices``."""

    reference_audio: str
    """The clip as a WAV, MP3, M4A, AAC, FLAC, Ogg or WebM file, in base64."""


class RegisterVoice(VoiceRegistration):
    """Make a voice from a clip."""

    type: Literal["register_voice"]


class ListVoices(ClientMessage):
    """Ask for all voices."""

    type: Literal["list_voices"]


class DeleteVoice(ClientMessage):
    """Forget a registered voice."""

    type: Literal["delete_voice"]
    voice_id: VoiceId


TtsClientMessage = (
    Synthesize | TextDelta | Flush | Cancel | RegisterVoice | ListVoices | DeleteVoice | Ping
)
tts_client_message: TypeAdapter[TtsClientMessage] = TypeAdapter(
    Annotated[TtsClientMessage, Field(discriminator="type")]
)
synthesis_request: TypeAdapter[SynthesisRequest] = TypeAdapter(SynthesisRequest)
voice_description: TypeAdapter[VoiceDescription] = TypeAdapter(VoiceDescription)
voice_registration: TypeAdapter[VoiceRegistration] = TypeAdapter(VoiceRegistration)


class AudioChunk(ServerMessage):
    """Announces the binary frame that follows at once."""

    type: Literal["audio_chunk"] = "audio_chunk"
    request_id: str
    chunk_id: int
    duration_ms: float
    text_start: int
    text_end: int
    phrase: str | None = None
    """Of the agent only: what is said from here on to the next text of the answer."""


class SynthesisComplete(ServerMessage):
    """A request is over; nothing more comes for it."""

    type: Literal["synthesis_complete"] = "synthesis_complete"
    request_id: str
    total_duration_ms: float
    chunks_sent: int
    cancelled: bool


class VoiceRegistered(ServerMessage):
    """A voice can be used from now on, on every connection."""

    type: Literal["voice_registered"] = "voice_registered"
    voice_id: str
    duration_s: float
    """Of the clip that is kept, without the silence at its ends."""
    notes: list[str] | None = None
    """What its owner should know: `clipped`."""


class Voice(ServerMessage):
    """One voice of the list."""

    type: Literal["voice"] = "voice"
    voice_id: str
    name: str
    language: str
    """`mul` for several."""
    cloned: bool
    licence: str | None = None
    """Of one of the engine's own: what whoever uses it should know."""
    duration_s: float | None = None
    created: str | None = None


class Voices(ServerMessage):
    """All voices."""

    type: Literal["voices"] = "voices"
    voices: list[Voice]


class VoiceDeleted(ServerMessage):
    """A voice is gone."""

    type: Literal["voice_deleted"] = "voice_deleted"
    voice_id: str


TtsServerMessage = (
    CommonServerMessage | AudioChunk | SynthesisComplete | VoiceRegistered | Voices | VoiceDeleted
)
tts_server_message: TypeAdapter[TtsServerMessage] = TypeAdapter(
    Annotated[TtsServerMessage, Field(discriminator="type")]
)
