"""Client of the TTS service."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from voice_agent.client.connection import Connection, made, open_connection
from voice_agent.errors import BadMessage, EngineUnavailable, VoiceAgentError
from voice_agent.wire.common import ClientMessage, Ready, ServerMessage
from voice_agent.wire.tts import (
    AudioChunk,
    Cancel,
    DeleteVoice,
    ListVoices,
    RegisterVoice,
    SynthesisComplete,
    SynthesisOptions,
    Synthesize,
    TtsServerMessage,
    Voice,
    VoiceDeleted,
    VoiceRegistered,
    Voices,
    tts_server_message,
)

M = TypeVar("M", bound=ServerMessage)


class TtsClient:
    """One session; one call at a time."""

    def __init__(self, connection: Connection[TtsServerMessage]) -> None:
        self._connection = connection
        self._n_requests = 0

    @classmethod
    @asynccontextmanager
    async def connect(cls, url: str, *, timeout_s: float = 10.0) -> AsyncGenerator["TtsClient"]:
        """Opens a session. Raises as `open_connection`."""
        async with open_connection(
            url, "tts", tts_server_message, timeout_s=timeout_s
        ) as connection:
            yield cls(connection)

    @property
    def ready(self) -> Ready:
        """How the service introduced itself."""
        return self._connection.ready

    async def speak(
        self, text: str, options: SynthesisOptions | None = None
    ) -> AsyncGenerator[tuple[AudioChunk, bytes]]:
        """Gives the speech chunk by chunk, as it is made.

        Closing the generator cancels the request; a caller that leaves early should close
        it (``contextlib.aclosing``) before it asks for anything else.

        Args:
            text: What to say.
            options: Voice, encoding and so on; None leaves all to the service.

        Raises:
            VoiceAgentError: The service refused or failed.
        """
        self._n_requests += 1
        request_id = f"r{self._n_requests}"
        values = options.model_dump(exclude_unset=True) if options else {}
        values |= {"type": "synthesize", "request_id": request_id, "text": text}
        await self._connection.send(made(Synthesize, values))
        done = False
        try:
            while (chunk := await self._next_chunk(request_id)) is not None:
                yield chunk
            done = True
        except VoiceAgentError:
            done = True
            raise
        finally:
            if not done:
                await self._connection.send(Cancel(type="cancel", request_id=request_id))

    async def voices(self) -> list[Voice]:
        """All voices, the default first."""
        return (await self._ask(ListVoices(type="list_voices"), Voices)).voices

    async def register(self, values: Mapping[str, Any]) -> VoiceRegistered:
        """Makes a voice; returns when it can be used.

        Args:
            values: Fields of `voice_agent.wire.tts.VoiceRegistration`.

        Raises:
            VoiceAgentError: The service refused or failed.
        """
        message = made(RegisterVoice, {"type": "register_voice", **values})
        return await self._ask(message, VoiceRegistered)

    async def delete(self, voice_id: str) -> None:
        """Deletes a registered voice.

        Raises:
            VoiceAgentError: The service refused or failed.
        """
        message = made(DeleteVoice, {"type": "delete_voice", "voice_id": voice_id})
        await self._ask(message, VoiceDeleted)

    async def _ask(self, message: ClientMessage, kind: type[M]) -> M:
        """The answer of a kind; what is left of others is passed over."""
        await self._connection.send(message)
        while True:
            answer = await self._connection.receive()
            if isinstance(answer, kind):
                return answer
            if answer is None:
                raise EngineUnavailable("the service closed the connection")

    async def _next_chunk(self, request_id: str) -> tuple[AudioChunk, bytes] | None:
        """The request's next chunk; None when it is over. What is left of others is dropped."""
        while True:
            try:
                message = await self._connection.receive()
            except VoiceAgentError as error:
                if error.request_id in (None, request_id):
                    raise
                continue
            match message:
                case AudioChunk(request_id=of):
                    data = await self._connection.receive()
                    if not isinstance(data, bytes):
                        raise BadMessage("the service announced audio and sent something else")
                    if of == request_id:
                        return message, data
                case SynthesisComplete(request_id=of) if of == request_id:
                    return None
                case None:
                    raise EngineUnavailable("the service closed the connection")
                case _:
                    pass
