"""What all three services say to each other and to their clients."""

from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from voice_agent.errors import BadMessage, VoiceAgentError


class ClientMessage(BaseModel):
    """A message from a client: unknown fields and wrong types are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    is_close: ClassVar[bool] = False
    """Whether the connection ends when this has been dealt with."""


class ServerMessage(BaseModel):
    """A message to a client; each has a ``type``.

    ``seq`` is not a field: the transport adds it when the message is sent, so that the
    numbers follow the order on the wire. Fields that are None are left out.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


class Ping(ClientMessage):
    """Asks for a `pong` with the same id."""

    type: Literal["ping"]
    id: Annotated[str, Field(max_length=128)] | int | None = None


class Pong(ServerMessage):
    """Answer to a `ping`."""

    type: Literal["pong"] = "pong"
    id: str | int | None = None


class Limits(BaseModel):
    """What a client may send; part of `ready` and of ``/v1/info``."""

    max_sessions: int
    max_frame_bytes: int
    max_unprocessed_audio_s: float
    max_text_chars: int
    idle_timeout_s: float


class Ready(ServerMessage):
    """First message of a connection: its session holds a slot and its engines are warm.

    Where a session goes on after a lost connection, `resumed` is true, and
    `received_frames` says how many frames of the client, text and binary, it has taken.
    """

    type: Literal["ready"] = "ready"
    session_id: str
    resume_token: str
    service: Literal["asr", "tts", "agent"]
    engine: dict[str, Any]
    limits: Limits
    resumed: bool | None = None
    received_frames: int | None = None


class Error(ServerMessage):
    """Something was refused or failed; unless the connection closes, the session goes on."""

    type: Literal["error"] = "error"
    code: str
    message: str
    retryable: bool
    retry_after_ms: int | None = None
    request_id: str | None = None

    @classmethod
    def of(cls, error: VoiceAgentError) -> "Error":
        """The message that tells a client about `error`."""
        return cls(
            code=error.code,
            message=error.message,
            retryable=error.retryable,
            retry_after_ms=error.retry_after_ms,
            request_id=error.request_id,
        )


class Degraded(ServerMessage):
    """Something works less well for now; `restored` says when that is over."""

    type: Literal["degraded"] = "degraded"
    what: str
    reason: str


class Restored(ServerMessage):
    """What `degraded` named works again."""

    type: Literal["restored"] = "restored"
    what: str


class Draining(ServerMessage):
    """The service is going down; running sessions have until the deadline."""

    type: Literal["draining"] = "draining"
    deadline_ms: int


CommonServerMessage = Ready | Error | Pong | Degraded | Restored | Draining


M = TypeVar("M", bound=ClientMessage)


def parse(adapter: TypeAdapter[M], text: str) -> M:
    """Reads one client message.

    Args:
        adapter: The discriminated union of what this service understands.
        text: A whole text frame.

    Raises:
        BadMessage: Not JSON, not an object, an unknown type or field, a wrong type or a
            value out of range; the message says which.
    """
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        raise BadMessage(_explain(error)) from None
    except (ValueError, RecursionError):
        raise BadMessage("message is not valid JSON") from None


S = TypeVar("S", bound=ServerMessage)


def read(adapter: TypeAdapter[S], text: str) -> S | None:
    """Reads one server message, as a client does: what a newer server adds is left out.

    Args:
        adapter: The discriminated union of what a service sends.
        text: A whole text frame.

    Returns:
        The message, or None if its type is not known here.

    Raises:
        BadMessage: It is no message, or not what its type promises.
    """
    try:
        return adapter.validate_json(text, extra="ignore")
    except ValidationError as error:
        if error.errors(include_input=False)[0]["type"] == "union_tag_invalid":
            return None
        raise BadMessage(_explain(error)) from None
    except (ValueError, RecursionError):
        raise BadMessage("message is not valid JSON") from None


def _explain(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    kind = first["type"]
    if kind == "json_invalid":
        return "message is not valid JSON"
    if kind == "union_tag_not_found":
        return "message has no type"
    if kind == "union_tag_invalid":
        return "message has an unknown type"
    if kind in ("model_attributes_type", "dict_type", "model_type"):
        return "message is not a JSON object"
    # loc starts with the message type (the union's tag), if it is one of several
    tag, *path = (str(part) for part in first["loc"])
    where = f"{tag}: {'.'.join(path)}" if path else tag
    return f"{where}: {first['msg'].lower()}"
