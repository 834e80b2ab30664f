"""The agent on the telephone, that says again what it has heard; tells what stalled its loop."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI

from benchmarks.stalls import Stalls
from pipelines import agent, direct, telephone
from pipelines.run import run_pipeline, run_session
from processors.responder import Responder, repeat
from voice_agent.server.app import Service, create_app
from voice_agent.server.sessions import Session
from voice_agent.server.twilio.routes import Call, Telephone


async def bot(session: Session) -> None:
    """Serves one client of the wire."""
    await run_session(session, *direct.build(session))


async def answer(session: Session, call: Call) -> None:
    """Serves one telephone call."""
    pipeline, transport = telephone.build(session, call, Responder(repeat))
    session.attach(transport)
    await run_pipeline(pipeline, transport)


@asynccontextmanager
async def _watching(app: FastAPI) -> AsyncGenerator[None]:
    app.state.stalls = stalls = Stalls()
    yield
    stalls.stop()


def _routes() -> APIRouter:
    router = APIRouter(lifespan=_watching)

    async def stalls() -> dict[str, Any]:
        """What stalled the loop since the last time that this was asked."""
        found: Stalls = app.state.stalls
        found.stop()
        app.state.stalls = Stalls()
        return found.summary()

    router.add_api_route("/stalls", stalls)
    return router


app = create_app(
    Service(
        name="agent",
        bot=bot,
        engines=agent.engines,
        phrases=agent.phrases,
        routers=(Telephone(answer).router, _routes()),
    )
)
