"""The agent's own pipeline behind Pipecat's eval transport: ``python -m evals.agent``.

Everything between the caller's audio and the agent's is what `bots.agent` runs, chosen by the
same settings; only the wire is another one. Not for callers: whoever reaches it may do much.
"""

import json
from typing import Any, cast

from pipecat.evals.fastapi_transport import EvalFastAPIWebsocketTransport
from pipecat.evals.serializer import EvalSerializer, parse_eval_connect
from pipecat.evals.transport import EvalTransportParams
from pipecat.frames.frames import Frame, LLMMessagesAppendFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.transports.base_transport import BaseTransport
from pipecat.workers.runner import WorkerRunner

from pipelines import agent
from pipelines.llm import responder
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ
from voice_agent.frames import ClientMessageFrame
from voice_agent.log import set_up_logging
from voice_agent.server.app import Service, create_app
from voice_agent.server.run import run_app
from voice_agent.server.sessions import Session
from voice_agent.settings import load_settings
from voice_agent.wire.agent import TypedText

PATH = "/eval"
PORT = 8003
_OUTPUT_SAMPLE_RATE_HZ = 24_000


class _Typed(FrameProcessor):
    """Text that an RTVI client sends becomes text that a caller has typed."""

    def __init__(self) -> None:
        super().__init__(enable_direct_mode=True)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMMessagesAppendFrame):
            for message in frame.messages:
                text = cast("dict[str, Any]", message).get("content")
                typed = TypedText(type="text", text=str(text))
                await self.push_frame(ClientMessageFrame(message=typed))
            return
        await self.push_frame(frame, direction)


async def bot(session: Session) -> None:
    """Serves one eval until it is over."""
    first: Any = json.loads(await session.websocket.receive_text())
    flags = parse_eval_connect(first)
    if flags is None:
        await session.websocket.close(1008)
        return
    params = EvalTransportParams(
        audio_in_enabled=True, audio_out_enabled=True, serializer=EvalSerializer()
    )
    transport = EvalFastAPIWebsocketTransport(session.websocket, params, flags)
    conversing = [*agent.understanding(session, responder(session)), *agent.speaking(session)]
    worker = PipelineWorker(
        Pipeline([transport.input(), _Typed(), *conversing, transport.output()]),
        params=PipelineParams(
            audio_in_sample_rate=ASR_SAMPLE_RATE_HZ, audio_out_sample_rate=_OUTPUT_SAMPLE_RATE_HZ
        ),
        enable_rtvi=True,
        idle_timeout_secs=None,
        cancel_on_idle_timeout=False,
    )

    async def leave(_transport: BaseTransport, _client: Any) -> None:
        await worker.cancel()

    transport.add_event_handler("on_client_disconnected", leave)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


app = create_app(
    Service(
        name="agent",
        bot=bot,
        engines=agent.engines,
        phrases=agent.phrases,
        bots={PATH: bot},
    )
)


def main() -> None:
    """Serves on this machine only, until it is told to stop."""
    settings = load_settings()
    set_up_logging("agent", settings.log, settings.privacy)
    port = settings.server.port or PORT
    run_app("evals.agent:app", host="127.0.0.1", port=port, settings=settings)


if __name__ == "__main__":
    main()
