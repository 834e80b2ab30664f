"""Hears through the ASR service: its session carries the caller's audio, whatever happens."""

import asyncio
import contextlib
import math
from typing import Any

from loguru import logger
from pipecat.frames.frames import CancelFrame, EndFrame, Frame, InputAudioRawFrame, StartFrame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from processors.audio_input import AudioInput
from processors.remote_outage import ServiceOutage
from processors.remote_turns import TurnFrames
from voice_agent.client.reconnecting.asr import ReconnectingAsr
from voice_agent.client.reconnecting.backoff import Backoff
from voice_agent.client.reconnecting.events import (
    AudioDropped,
    ConnectionLost,
    ConnectionRestored,
)
from voice_agent.engines.silero import SileroVad
from voice_agent.errors import AtCapacity, EngineUnavailable, Unauthorized, VoiceAgentError
from voice_agent.frames import AnswerEndFrame, ClientMessageFrame, ServerMessageFrame
from voice_agent.remote.audio_backlog import AudioBacklog
from voice_agent.remote.recognizer import RemoteRecognizer
from voice_agent.remote.speech_monitor import SpeechMonitor
from voice_agent.settings import RemoteSettings
from voice_agent.turns.end_of_turn import Expected, expected_answer
from voice_agent.wire.asr import Close, Config, Finalize
from voice_agent.wire.common import Error

# Between attempts to reach the service, at the most.
_AGAIN_S = 0.5
# What is settled between the caller and the agent, and none of the service's business.
_OF_THE_AUDIO = frozenset({"type", "sample_rate", "channels", "encoding"})
_GONE = (AtCapacity, EngineUnavailable, Unauthorized)


class RemoteHearing(FrameProcessor):
    """Pushes what a turn detector and a recogniser in this process would push.

    `SegmentStartFrame`, `SegmentPauseFrame`, `SegmentEndFrame`, `PartialFrame`,
    `TurnEndFrame` and `FinalFrame`, with the times of this session's audio; and what the
    service says of its state. Does not pass audio on. While the service is away, the audio
    of the open turn is kept, and recognised when it is back.

    Args:
        session_id: Whose audio it is.
        ears: The service.
        config: Values that the session begins with.
        settings: How long what is waited for.
        absence: Is told when the service goes and comes back.
        vad: Says whether the caller speaks while the service is away.
        final_timeout_s: The last finals of a session are waited for no longer.
    """

    def __init__(
        self,
        *,
        session_id: str,
        ears: RemoteRecognizer,
        config: dict[str, Any],
        settings: RemoteSettings,
        absence: ServiceOutage,
        vad: SileroVad,
        final_timeout_s: float,
    ) -> None:
        super().__init__(name=f"RemoteHearing#{session_id}", enable_direct_mode=True)
        self._ears = ears
        self._config = config
        self._settings = settings
        self._absence = absence
        self._absence.waiting = self._caller_waits
        self._vad = vad
        self._final_timeout_s = final_timeout_s
        self._frames = TurnFrames(session_id)
        self._audio = AudioInput()
        self._kept = AudioBacklog(max_s=settings.max_kept_audio_s)
        self._asr: ReconnectingAsr | None = None
        self._caller: SpeechMonitor | None = None
        self._finalize_at_once = False
        self._listening: asyncio.Task[None] | None = None
        self._closing = False

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Sends audio and the client's wishes to the service; passes all but audio on."""
        await super().process_frame(frame, direction)
        match frame:
            case StartFrame() if self._listening is None:
                self._listening = self.create_task(self._listen())
            case InputAudioRawFrame():
                await self._hear(self._audio.samples(frame).tobytes())
                return
            case ClientMessageFrame(message=Config() as config):
                await self._configure(config)
            case AnswerEndFrame():
                await self._expect(frame.heard_text)
            case ClientMessageFrame(message=Finalize()):
                await self._finalize()
            case ClientMessageFrame(message=Close()):
                await self._finish()
            case EndFrame() | CancelFrame():
                await self._stop()
            case _:
                pass
        await self.push_frame(frame, direction)

    async def cleanup(self) -> None:
        """Ends the session at the service."""
        await super().cleanup()
        await self._stop()

    async def _stop(self) -> None:
        listening, self._listening = self._listening, None
        if listening is not None and not listening.done():
            await self.cancel_task(listening)

    def _caller_waits(self) -> bool:
        """Whether the caller has said something, and has stopped to hear an answer."""
        if self._caller is None:
            return False
        return (self._frames.turn_open or self._caller.spoke) and not self._caller.speaking

    async def _hear(self, audio: bytes) -> None:
        if self._caller is not None:
            with contextlib.suppress(EngineUnavailable):
                await self._caller.hear(audio)
        if self._asr is None:
            self._kept.add(audio)
            return
        self._kept.passed(audio)
        await self._asr.send(audio)

    async def _configure(self, config: Config) -> None:
        values = config.model_dump(exclude_none=True, exclude=set(_OF_THE_AUDIO))
        self._config |= values
        if values and self._asr is not None:
            await self._asr.configure(**values)

    async def _expect(self, asked: str) -> None:
        """Tells the service what the caller was asked for, if that is another thing now."""
        expected = expected_answer(asked).value
        if expected != self._config.get("expect", Expected.ANY.value):
            await self._configure(Config(type="config", expect=expected))

    async def _finalize(self) -> None:
        if self._asr is None:
            self._finalize_at_once = True
        else:
            await self._asr.finalize()

    async def _finish(self) -> None:
        """Waits for what is due, as far as a service is there."""
        self._closing = True
        if self._asr is not None:
            await self._asr.close()
        if self._listening is not None:
            await asyncio.wait([self._listening], timeout=self._final_timeout_s)

    async def _listen(self) -> None:
        """Has a session at the service for as long as this one lasts."""
        while not self._closing:
            try:
                await self._one_session()
            except _GONE as error:
                self._lose(error)
            finally:
                self._asr = None
            if not self._closing:
                await asyncio.sleep(_AGAIN_S)

    async def _one_session(self) -> None:
        """Speaks with the service until it has closed in order.

        Raises:
            AtCapacity: No address had room at the beginning.
            EngineUnavailable: None answered at the beginning.
            Unauthorized: They want a key.
        """
        known = dict(self._config)
        async with ReconnectingAsr.connect(
            self._ears.endpoints,
            config=known,
            live=True,
            max_kept_s=self._settings.max_kept_audio_s,
            # as long as the call lasts, there is somebody to come back for
            backoff=Backoff(most_s=_AGAIN_S, give_up_s=math.inf),
        ) as asr:
            self._frames.begin(self._kept.start_s)
            await self._catch_up(asr, known)
            self._asr = asr
            self._restore()
            await self._read(asr)

    async def _catch_up(self, asr: ReconnectingAsr, known: dict[str, Any]) -> None:
        """Tells the service what came before it was there."""
        if changed := {k: v for k, v in self._config.items() if known.get(k) != v}:
            await asr.configure(**changed)
        while (audio := self._kept.next()) is not None:
            await asr.send(audio)
        if self._finalize_at_once:
            self._finalize_at_once = False
            await asr.finalize()
        if self._closing:
            await asr.close()

    async def _read(self, asr: ReconnectingAsr) -> None:
        while True:
            try:
                message = await anext(asr)
            except StopAsyncIteration:
                return
            except VoiceAgentError as error:
                if isinstance(error, _GONE) and not asr.connected:
                    raise
                await self.push_frame(ServerMessageFrame(message=Error.of(error)))
                continue
            match message:
                case ConnectionLost():
                    self._lose(EngineUnavailable(message.reason))
                case ConnectionRestored():
                    self._restore()
                case AudioDropped():
                    logger.warning("{:.1f} s of what was said are lost", message.duration_s)
                case _:
                    for frame in self._frames.of(message, heard_s=self._kept.end_s):
                        await self.push_frame(frame)

    def _lose(self, error: VoiceAgentError) -> None:
        if self._caller is None:
            self._caller = SpeechMonitor(self._vad)
        self._absence.lost(error)

    def _restore(self) -> None:
        self._caller = None
        self._absence.restored()
        logger.debug("the ASR service hears")
