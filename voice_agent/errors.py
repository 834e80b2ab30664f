"""Everything that can go wrong, as one tree.

VoiceAgentError
├── BadMessage            a client message that is not in the protocol
├── BadAudio              bytes that cannot be read as the announced audio
│   └── UnsupportedFormat a container or encoding that is not read here
├── TooLarge              a frame, clip or stream over its limit
├── TextTooLong           more characters than one synthesis may have
├── RateLimited           more requests than a session may have waiting
├── Unauthorized          a missing or wrong key
├── AtCapacity            no free slot; carries when to try again
├── VoiceNotFound         no voice has this id
├── VoiceExists           a voice has this id already
├── Unsupported           the running engine cannot do this
├── EngineTimeout         a job passed its deadline
├── EngineUnavailable     an engine is not loaded, stuck or dead
├── ResumeExpired         a resume token is unknown or too old
├── IdleTimeout           nothing came from the client for too long
├── PullFailed            a model could not be fetched; never on the wire
└── SettingsError         the configuration cannot work; never on the wire
    ├── UnknownModel      no model has this name
    └── ModelMissing      a model is not on this machine, or not whole

Every class says how it looks on the wire: `code` (design of the protocol, section
"Common"), `retryable`, the HTTP status and, where it ends the connection, the
WebSocket close code. Messages are lower case, without a full stop, and say what to do.
"""

from typing import ClassVar


class VoiceAgentError(Exception):
    """Root of all errors that this product raises on purpose.

    Attributes:
        message: One sentence for the person at the other end.
        retry_after_ms: When trying again makes sense, if it does.
        request_id: The client's request that this is about, if any.
    """

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False
    http_status: ClassVar[int] = 500
    close_code: ClassVar[int | None] = None

    def __init__(
        self,
        message: str,
        *,
        retry_after_ms: int | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_ms = retry_after_ms
        self.request_id = request_id


class BadMessage(VoiceAgentError):
    """A client message that is not in the protocol; the session goes on."""

    code = "bad_message"
    http_status = 400


class BadAudio(VoiceAgentError):
    """Bytes that cannot be read as the announced audio; they are dropped."""

    code = "bad_audio"
    http_status = 400


class UnsupportedFormat(BadAudio):
    """A container or encoding that is not read here."""

    code = "unsupported_format"
    http_status = 415


class TooLarge(VoiceAgentError):
    """A frame, clip or stream over its limit; it is dropped."""

    code = "too_large"
    http_status = 413


class TextTooLong(VoiceAgentError):
    """More characters than one synthesis may have."""

    code = "text_too_long"
    http_status = 413


class RateLimited(VoiceAgentError):
    """More requests than a session may have waiting."""

    code = "rate_limited"
    retryable = True
    http_status = 429


class Unauthorized(VoiceAgentError):
    """A missing or wrong key."""

    code = "unauthorized"
    http_status = 401


class AtCapacity(VoiceAgentError):
    """No free slot; `retry_after_ms` says when to try again."""

    code = "at_capacity"
    retryable = True
    http_status = 503
    close_code = 1013


class VoiceNotFound(VoiceAgentError):
    """No voice has this id."""

    code = "voice_not_found"
    http_status = 404


class VoiceExists(VoiceAgentError):
    """A voice has this id already and `replace` was not set."""

    code = "voice_exists"
    http_status = 409


class Unsupported(VoiceAgentError):
    """The running engine cannot do this."""

    code = "unsupported"
    http_status = 501


class EngineTimeout(VoiceAgentError):
    """A job passed its deadline; its session goes on."""

    code = "engine_timeout"
    retryable = True
    http_status = 504


class EngineUnavailable(VoiceAgentError):
    """An engine is not loaded, stuck or dead."""

    code = "engine_unavailable"
    retryable = True
    http_status = 503


class ResumeExpired(VoiceAgentError):
    """A resume token is unknown or too old; a fresh session follows."""

    code = "resume_expired"
    http_status = 410


class IdleTimeout(VoiceAgentError):
    """Nothing came from the client for too long; the connection closes."""

    code = "idle_timeout"
    close_code = 1001


class PullFailed(VoiceAgentError):
    """A model could not be fetched; what came of it is kept for the next try."""

    code = "pull_failed"


class SettingsError(VoiceAgentError):
    """The configuration cannot work; the process says so and does not start."""

    code = "settings"


class UnknownModel(SettingsError):
    """No model has this name."""

    code = "unknown_model"


class ModelMissing(SettingsError):
    """A model is not on this machine, or not whole; nothing is fetched unasked."""

    code = "model_missing"
