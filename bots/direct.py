"""Speech in, the same words back in the agent's voice (port 8000, or /direct on the agent)."""

from pipelines import agent, direct
from pipelines.run import run_session
from voice_agent.server.app import Service, create_app
from voice_agent.server.page import page_router
from voice_agent.server.sessions import Session


async def bot(session: Session) -> None:
    """Serves one caller until it leaves."""
    await run_session(session, *direct.build(session))


app = create_app(
    Service(
        name="agent",
        bot=bot,
        engines=agent.engines,
        phrases=agent.phrases,
        routers=(page_router,),
    )
)
