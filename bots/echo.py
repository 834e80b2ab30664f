"""Every transport, no models: what comes in goes out, to try a deployment (port 8000)."""

from typing import Literal

from fastapi import APIRouter, Request
from pipecat.transports.base_transport import BaseTransport
from pydantic import BaseModel, ConfigDict, Field

from pipelines import echo
from pipelines.run import run_pipeline, run_session
from transports.webrtc import Peers
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ
from voice_agent.engines.engine_set import EngineSet
from voice_agent.server.app import Service, create_app
from voice_agent.server.page import page_router
from voice_agent.server.sessions import Session
from voice_agent.server.twilio.routes import Call, Telephone
from voice_agent.settings import Settings


class Offer(BaseModel):
    """A peer's offer, with all its candidates."""

    model_config = ConfigDict(extra="ignore")

    sdp: str = Field(max_length=100_000)
    type: Literal["offer"]


def engines(_settings: Settings) -> EngineSet:
    """None."""
    return EngineSet()


async def bot(session: Session) -> None:
    """Serves one client of the wire until it leaves."""
    await run_session(session, *echo.on_wire(session))


async def answer(session: Session, call: Call) -> None:
    """One telephone call."""
    pipeline, transport = echo.on_call(session, call)
    session.attach(transport)
    await run_pipeline(pipeline, transport)


def _routes() -> APIRouter:
    peers = Peers(sample_rate_hz=ASR_SAMPLE_RATE_HZ)
    router = APIRouter(lifespan=peers.lifespan)

    async def run(transport: BaseTransport) -> None:
        await run_pipeline(echo.on_transport(transport), transport)

    async def offer(request: Request, offer: Offer) -> dict[str, str]:
        """Answers a WebRTC peer."""
        settings: Settings = request.app.state.service.settings
        return await peers.answer(offer.sdp, run, max_peers=settings.server.max_sessions)

    router.add_api_route("/api/offer", offer, methods=["POST"])
    return router


app = create_app(
    Service(
        name="agent",
        bot=bot,
        engines=engines,
        routers=(page_router, _routes(), Telephone(answer).router),
    )
)
