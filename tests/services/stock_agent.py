"""Agents of ours with one stock service in them: ``python -m tests.services.stock_agent``.

``/stt`` hears through a service of Pipecat's that says what `HEARD` says of every segment,
``/tts`` speaks through one that says each word in a tone of `WORD_S`. Both are services as
Pipecat's users write them, on its own base classes; what they stand in for costs money.
"""

from collections.abc import AsyncGenerator

import numpy as np
from pipecat.frames.frames import Frame, TranscriptionFrame, TTSAudioRawFrame
from pipecat.services.settings import STTSettings, TTSSettings
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.services.tts_service import TTSService
from pipecat.utils.time import time_now_iso8601

from pipelines import agent
from pipelines.llm import responder
from pipelines.run import run_session
from voice_agent.log import set_up_logging
from voice_agent.server.app import Service, create_app
from voice_agent.server.run import run_app
from voice_agent.server.sessions import Session
from voice_agent.settings import LogSettings, PrivacySettings, load_settings

HEARD = "what is two plus three"
WORD_S = 0.3
RATE_HZ = 24_000
_CHUNK_SAMPLES = 480


class StandInSTT(SegmentedSTTService):
    """Hears the same in every segment."""

    def __init__(self) -> None:
        super().__init__(ttfs_p99_latency=0.5, settings=STTSettings(model=None, language=None))

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None]:
        yield TranscriptionFrame(HEARD, "", time_now_iso8601())


class StandInTTS(TTSService):
    """Says a tone for every word."""

    def __init__(self) -> None:
        super().__init__(
            sample_rate=RATE_HZ,
            push_start_frame=True,
            push_stop_frames=True,
            settings=TTSSettings(model=None, voice=None, language=None),
        )

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None]:
        n_samples = round(len(text.split()) * WORD_S * RATE_HZ)
        tone = np.sin(np.arange(n_samples) * (2 * np.pi * 300 / RATE_HZ)) * 8000
        for at in range(0, n_samples, _CHUNK_SAMPLES):
            audio = tone[at : at + _CHUNK_SAMPLES].astype("<i2").tobytes()
            yield TTSAudioRawFrame(audio, RATE_HZ, 1, context_id=context_id)


async def _with_stock_stt(session: Session) -> None:
    await run_session(session, *agent.build(session, responder(session), stt=StandInSTT()))


async def _with_stock_tts(session: Session) -> None:
    await run_session(session, *agent.build(session, responder(session), tts=StandInTTS()))


app = create_app(
    Service(
        name="agent",
        bot=_with_stock_stt,
        engines=agent.engines,
        phrases=agent.phrases,
        bots={"/stt": _with_stock_stt, "/tts": _with_stock_tts},
    )
)


def main() -> None:
    """Serves on a free port until it is told to stop."""
    set_up_logging("agent", LogSettings(), PrivacySettings())
    run_app("tests.services.stock_agent:app", host="127.0.0.1", port=0, settings=load_settings())


if __name__ == "__main__":
    main()
