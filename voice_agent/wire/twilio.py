"""Twilio Media Streams: what comes on the socket of a call, and what may be sent.

All of it is JSON text; numbers come as strings. Nothing here trusts the other side: every
message that is not as Twilio documents it is a `BadTwilioMessage`, with a reason to count.
"""

import base64
import json
import re
from dataclasses import dataclass, field
from typing import Any, NoReturn, cast

SAMPLE_RATE_HZ = 8_000
FRAME_BYTES = 160
"""20 ms of µ-law."""
FRAME_S = FRAME_BYTES / SAMPLE_RATE_HZ
MAX_MESSAGE_CHARS = 64 << 10
"""Twilio's own messages have about 400; larger ones are not read."""

_SID = re.compile(r"\w[\w-]{0,63}", re.ASCII)
_DIGIT = re.compile(r"[0-9*#A-D]", re.ASCII)
_MAX_PARAMETERS = 32
_MAX_NAME_CHARS = 512
# numbers grow from 1, fifty times a second
_MAX_NUMBER = 1 << 53


class BadTwilioMessage(ValueError):
    """A message that Twilio does not send; the call goes on without it, and it is counted.

    Attributes:
        reason: One word for what is wrong with it, for a metric.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """The first message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The second, once: which call this is.

    Attributes:
        encoding: Of the caller's audio (``audio/x-mulaw``).
        sample_rate_hz: Of it.
        channels: Of it.
        parameters: What the TwiML passed on.
    """

    stream_sid: str
    call_sid: str
    encoding: str
    sample_rate_hz: int
    channels: int
    parameters: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def is_telephone_audio(self) -> bool:
        """Whether it is µ-law with 8 kHz, which is all that is read here."""
        said = (self.encoding, self.sample_rate_hz, self.channels)
        return said == ("audio/x-mulaw", SAMPLE_RATE_HZ, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """Audio of the caller.

    Attributes:
        ulaw: Its bytes.
        sequence: Number among all messages; None if it cannot be read.
        at_ms: Since the stream began; None if it cannot be read.
    """

    stream_sid: str
    ulaw: bytes
    sequence: int | None = None
    at_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dtmf:
    """The caller pressed a key: one of ``0-9*#A-D``."""

    stream_sid: str
    digit: str
    sequence: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """All audio before a mark of ours was played, or dropped by a `clear`."""

    stream_sid: str
    name: str
    sequence: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """The call, or its stream, is over."""

    stream_sid: str


TwilioMessage = Connected | Start | Media | Dtmf | Mark | Stop


def read_message(data: str | bytes) -> TwilioMessage:
    """Reads one message.

    Args:
        data: A whole frame, of at most `MAX_MESSAGE_CHARS`.

    Raises:
        BadTwilioMessage: It is none; nothing else is ever raised.
    """
    if isinstance(data, bytes):
        _refuse("binary", "a message is text")
    try:
        message: Any = json.loads(data)
    except (ValueError, RecursionError):
        _refuse("json", "message is not valid JSON")
    if not isinstance(message, dict):
        _refuse("shape", "message is not an object")
    fields = cast("dict[str, Any]", message)
    match fields.get("event"):
        case "media":
            return _media(fields)
        case "mark":
            name = _text(_object(fields, "mark"), "name", _MAX_NAME_CHARS)
            return Mark(stream_sid=_sid(fields), name=name, sequence=_sequence(fields))
        case "dtmf":
            return _dtmf(fields)
        case "connected":
            return Connected()
        case "start":
            return _start(fields)
        case "stop":
            return Stop(stream_sid=_sid(fields))
        case _:
            raise BadTwilioMessage("event", "event is not one of Twilio's")


def media_message(stream_sid: str, ulaw: bytes) -> str:
    """Audio to be played after what was sent before."""
    # written by hand, fifty times a second: neither part can need escaping
    payload = base64.b64encode(ulaw).decode()
    return f'{{"event":"media","streamSid":"{stream_sid}","media":{{"payload":"{payload}"}}}}'


def mark_message(stream_sid: str, name: str) -> str:
    """Asks to be told when all audio before it was played."""
    return json.dumps({"event": "mark", "streamSid": stream_sid, "mark": {"name": name}})


def clear_message(stream_sid: str) -> str:
    """Drops the audio that was not played yet; its marks come back at once."""
    return json.dumps({"event": "clear", "streamSid": stream_sid})


def _media(fields: dict[str, Any]) -> Media:
    media = _object(fields, "media")
    if media.get("track", "inbound") != "inbound":
        _refuse("track", "media.track is not the caller's")
    payload = media.get("payload")
    if not isinstance(payload, str):
        _refuse("payload", "media.payload is not text")
    try:
        ulaw = base64.b64decode(payload, validate=True)
    except ValueError:
        _refuse("payload", "media.payload is not base64")
    return Media(
        stream_sid=_sid(fields),
        ulaw=ulaw,
        sequence=_sequence(fields),
        at_ms=_number(media.get("timestamp")),
    )


def _dtmf(fields: dict[str, Any]) -> Dtmf:
    digit = _object(fields, "dtmf").get("digit")
    if not isinstance(digit, str) or not _DIGIT.fullmatch(digit):
        _refuse("digit", "dtmf.digit is not a key of a telephone")
    return Dtmf(stream_sid=_sid(fields), digit=digit, sequence=_sequence(fields))


def _start(fields: dict[str, Any]) -> Start:
    start = _object(fields, "start")
    audio = _object(start, "mediaFormat")
    rate_hz, channels = _number(audio.get("sampleRate")), _number(audio.get("channels"))
    return Start(
        stream_sid=_sid(fields),
        call_sid=_sid(start, "callSid"),
        encoding=_text(audio, "encoding", _MAX_NAME_CHARS),
        sample_rate_hz=rate_hz or 0,
        channels=channels or 0,
        parameters=_parameters(start.get("customParameters")),
    )


def _parameters(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    pairs = list(cast("dict[str, Any]", value).items())[:_MAX_PARAMETERS]
    return {name: text for name, text in pairs if isinstance(text, str)}


def _object(fields: dict[str, Any], name: str) -> dict[str, Any]:
    value = fields.get(name)
    if not isinstance(value, dict):
        _refuse("shape", f"{name} is not an object")
    return cast("dict[str, Any]", value)


def _text(fields: dict[str, Any], name: str, max_chars: int) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or len(value) > max_chars:
        _refuse("shape", f"{name} is not a short text")
    return value


def _sid(fields: dict[str, Any], name: str = "streamSid") -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not _SID.fullmatch(value):
        _refuse("sid", f"{name} is no identifier")
    return value


def _sequence(fields: dict[str, Any]) -> int | None:
    return _number(fields.get("sequenceNumber"))


def _number(value: Any) -> int | None:
    """Twilio's numbers are strings, but not all of them; None for anything else."""
    if isinstance(value, str) and len(value) <= 16 and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= _MAX_NUMBER else None


def _refuse(reason: str, message: str) -> NoReturn:
    raise BadTwilioMessage(reason, message)
