"""The ASR service, port 8001: audio in; segments, partials and finals out."""

from pipelines import asr
from pipelines.run import run_pipeline
from voice_agent.engines.room import EngineRoom
from voice_agent.server.app import Service, create_app
from voice_agent.server.sessions import Session


async def bot(session: Session) -> None:
    """Serves one client until it leaves."""
    pipeline, transport = asr.build(session)
    session.attach(transport)
    await transport.send(session.ready())
    await run_pipeline(pipeline, transport)


app = create_app(Service(name="asr", bot=bot, engines=EngineRoom.hearing))
