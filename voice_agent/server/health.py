"""What operators ask a service: is it alive, is it ready, what is it, how does it do."""

from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from voice_agent.server.info import described, limits

health_router = APIRouter()


@health_router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@health_router.get("/readyz")
async def readyz(request: Request) -> Response:
    """200 if a session could start now, else 503; both with reasons.

    `needs_help`: waiting is in vain, somebody has to do what the reason says.
    """
    state = request.app.state.service
    reasons: list[str] = state.engines.unready()
    if state.sessions.draining:
        reasons.append("draining")
    elif state.sessions.full:
        reasons.append("no free slot")
    body = {
        "ready": not reasons,
        "reasons": reasons,
        "needs_help": state.engines.needs_help,
        "sessions": state.sessions.n_open,
    }
    headers = {"Retry-After": "2"} if reasons else {}
    return JSONResponse(body, status_code=503 if reasons else 200, headers=headers)


@health_router.get("/metrics")
async def metrics() -> Response:
    """Prometheus metrics."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@health_router.get("/v1/info")
async def info(request: Request) -> dict[str, Any]:
    """What runs here and why."""
    state = request.app.state.service
    return {
        "service": state.service.name,
        "version": version("voice-agent"),
        "engines": described(state.engines),
        "limits": limits(state.settings).model_dump(),
        "sessions": state.sessions.n_open,
    }
