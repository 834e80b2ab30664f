"""The TTS service, port 8002: text in, speech out, over WebSocket and HTTP."""

from pipelines import tts
from pipelines.run import run_session
from voice_agent.engines.engine_set import EngineSet
from voice_agent.server.app import Service, create_app
from voice_agent.server.sessions import Session
from voice_agent.server.speech import speech_router
from voice_agent.server.voices import voices_router


async def bot(session: Session) -> None:
    """Serves one client until it leaves."""
    await run_session(session, *tts.build(session))


app = create_app(
    Service(
        name="tts",
        bot=bot,
        engines=EngineSet.speaking,
        routers=(speech_router, voices_router),
    )
)
