"""The ASR service, port 8001: audio in; segments, partials and finals out."""

from pipelines import asr
from pipelines.run import run_session
from voice_agent.engines.engine_set import EngineSet
from voice_agent.server.app import Service, create_app
from voice_agent.server.sessions import Session


async def bot(session: Session) -> None:
    """Serves one client until it leaves."""
    await run_session(session, *asr.build(session))


app = create_app(Service(name="asr", bot=bot, engines=EngineSet.hearing))
