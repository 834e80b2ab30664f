"""Runs one pipeline for one client until the client leaves."""

from typing import Any

from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.transports.base_transport import BaseTransport
from pipecat.workers.runner import WorkerRunner

from processors.failures import FailureOwner, SessionTasks
from transports.serializer import WireSerializer
from transports.wire import WireTransport
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ
from voice_agent.server.connections import Connection
from voice_agent.server.sessions import Session

_OUTPUT_SAMPLE_RATE_HZ = 24_000


def over_wire(session: Session, serializer: WireSerializer) -> WireTransport:
    """The session's connections as a transport that speaks what `serializer` means."""
    server = session.settings.server
    return WireTransport(
        session.socket,
        service=session.service,
        serializer=serializer,
        resume_s=server.resume_s,
        max_kept_bytes=server.max_resume_bytes,
        max_held_s=session.settings.tts.max_ahead_s,
    )


async def run_session(session: Session, pipeline: Pipeline, transport: WireTransport) -> None:
    """Runs a session on the wire: `ready` first, then its pipeline until the client leaves."""
    session.attach(transport)
    await transport.send(session.ready())
    # who has left before that is not announced again
    if not transport.over:
        await run_pipeline(pipeline, transport)


async def run_pipeline(pipeline: Pipeline, transport: BaseTransport) -> None:
    """Runs until the transport says that its client is gone.

    Lean on purpose: no RTVI, no turn tracking, no idle timer of Pipecat's (the server has
    one that knows the wire). One runner for each client: a shared one keeps finished
    workers for ever, and one idle client would end all. What fails in it is told to the
    client, see `FailureOwner`.
    """
    owner = FailureOwner(transport if isinstance(transport, Connection) else None)
    worker = PipelineWorker(
        Pipeline([owner, pipeline]),
        params=PipelineParams(
            audio_in_sample_rate=ASR_SAMPLE_RATE_HZ,
            audio_out_sample_rate=_OUTPUT_SAMPLE_RATE_HZ,
        ),
        enable_rtvi=False,
        enable_turn_tracking=False,
        idle_timeout_secs=None,
        cancel_on_idle_timeout=False,
    )

    async def leave(_transport: BaseTransport, _client: Any) -> None:
        await worker.cancel()

    transport.add_event_handler("on_client_disconnected", leave)
    runner = WorkerRunner(handle_sigint=False, task_manager=SessionTasks(owner.raised))
    await runner.add_workers(worker)
    await runner.run()
