"""The TTS service's messages to frames."""

import json
from collections.abc import AsyncIterator
from typing import Any

from pipecat.frames.frames import Frame

from transports.serializer import WireSerializer
from voice_agent.errors import BadMessage
from voice_agent.frames import ClientMessageFrame
from voice_agent.wire.common import ClientMessage, parse
from voice_agent.wire.tts import tts_client_message

_MAX_ID_CHARS = 64


class TtsSerializer(WireSerializer):
    """Text and control in; what goes out are messages already.

    Args:
        max_frame_bytes: Largest frame a client may send.
        max_voice_frame_bytes: Largest `register_voice`.
    """

    def __init__(self, *, max_frame_bytes: int, max_voice_frame_bytes: int) -> None:
        super().__init__(max_frame_bytes=max_frame_bytes)
        self._max_voice_frame_bytes = max_voice_frame_bytes

    def parse(self, text: str) -> ClientMessage:
        """Reads a text frame; the error names the request if the frame did."""
        try:
            return parse(tts_client_message, text)
        except BadMessage as error:
            error.request_id = _request_id(text)
            raise

    async def on_message(self, message: ClientMessage) -> AsyncIterator[Frame]:
        """The message."""
        yield ClientMessageFrame(message=message)

    async def on_binary(self, data: bytes) -> AsyncIterator[Frame]:
        """Nothing here takes bytes."""
        raise BadMessage("binary frames mean nothing here; send JSON as text")
        yield  # makes it a generator, as its caller expects

    def frame_limit(self, data: str | bytes) -> int:
        """More for a message that can only be a `register_voice`."""
        if isinstance(data, bytes) or len(data) <= self.max_frame_bytes:
            return self.max_frame_bytes
        return self._max_voice_frame_bytes if '"register_voice"' in data else self.max_frame_bytes


def _request_id(text: str) -> str | None:
    """The id in a message that is otherwise wrong, if it has a usable one."""
    try:
        message: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    request_id = message.get("request_id") if isinstance(message, dict) else None
    usable = isinstance(request_id, str) and 0 < len(request_id) <= _MAX_ID_CHARS
    return request_id if usable else None
