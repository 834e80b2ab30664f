"""An agent that breaks as scripted: ``python -m tests.services.failing_agent``.

Everything is the real thing, but that the detector breaks over a constant level (`ABOVE`, `BELOW`)
and the recogniser over a prompt (`RAISES`, `TOO_SLOW`). ``/asr`` is the ASR service, and
``/reporting`` one with a stock service in its pipeline that reports when the client asks for it.
"""

import numpy as np
from pipecat.frames.frames import Frame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.ai_service import AIService

from bots.agent import answer, bot
from bots.asr import bot as asr_bot
from pipelines import agent, asr
from pipelines.run import run_session
from voice_agent.engines.base import RecognizeJob, Samples, Transcript
from voice_agent.engines.engine_set import EngineSet
from voice_agent.engines.silero import SileroVad, VadStream
from voice_agent.errors import EngineTimeout, EngineUnavailable
from voice_agent.frames import ClientMessageFrame
from voice_agent.log import set_up_logging
from voice_agent.server.app import Service, create_app
from voice_agent.server.run import run_app
from voice_agent.server.sessions import Session
from voice_agent.server.twilio.routes import Telephone
from voice_agent.settings import LogSettings, PrivacySettings, Settings, load_settings
from voice_agent.wire.asr import Config

ABOVE, BELOW = 0.5, -0.5
RAISES, TOO_SLOW = "the recogniser raises", "the recogniser is too slow"
REPORT, GIVE_UP = "report", "give up"


class FailingVad(SileroVad):
    """Breaks over a constant level."""

    async def probabilities(self, stream: VadStream, samples: Samples) -> list[float]:
        level = float(np.mean(samples))
        if len(samples) and np.ptp(samples) < 0.01:
            if level > ABOVE / 2:
                raise RuntimeError("scripted: the detector breaks")
            if level < BELOW / 2:
                raise EngineUnavailable("scripted: the detector is not there")
        return await super().probabilities(stream, samples)


def _engines(settings: Settings) -> EngineSet:
    engines = agent.engines(settings)
    engines.vad = FailingVad()
    assert engines.recognizer is not None
    transcribe = engines.recognizer.transcribe

    async def failing(job: RecognizeJob) -> Transcript | None:
        if job.prompt == RAISES:
            raise RuntimeError("scripted: the recogniser breaks")
        if job.prompt == TOO_SLOW:
            raise EngineTimeout("scripted: the recogniser is too slow")
        return await transcribe(job)

    engines.recognizer.transcribe = failing
    return engines


class _StockService(AIService):
    """As services of Pipecat's do, passes all on and reports that it failed."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        match frame:
            case ClientMessageFrame(message=Config(prompt="report")):
                await self.push_error("scripted: no answer", exception=ConnectionError())
            case ClientMessageFrame(message=Config(prompt="give up")):
                await self.push_error("scripted: key refused", force_treat_as_permanent=True)
            case _:
                pass
        await self.push_frame(frame, direction)


async def _reporting(session: Session) -> None:
    transport = asr.build(session)[1]
    between = [*asr.hearing(session), _StockService()]
    await run_session(
        session, Pipeline([transport.input(), *between, transport.output()]), transport
    )


async def _unable(session: Session) -> None:
    raise RuntimeError("scripted: no pipeline can be built")


app = create_app(
    Service(
        name="agent",
        bot=bot,
        engines=_engines,
        phrases=agent.phrases,
        routers=(Telephone(answer).router,),
        bots={"/asr": asr_bot, "/reporting": _reporting, "/unable": _unable},
    )
)


def main() -> None:
    """Serves on a free port until it is told to stop."""
    set_up_logging("agent", LogSettings(), PrivacySettings())
    run_app("tests.services.failing_agent:app", host="127.0.0.1", port=0, settings=load_settings())


if __name__ == "__main__":
    main()
