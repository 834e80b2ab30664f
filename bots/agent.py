"""The agent, port 8000: a spoken conversation, and the page to have it on."""

from bots import direct
from pipelines import agent
from pipelines.run import run_session
from voice_agent.server.app import Service, create_app
from voice_agent.server.page import page_router
from voice_agent.server.sessions import Session


async def bot(session: Session) -> None:
    """Serves one caller until it leaves."""
    await run_session(session, *agent.build(session, agent.thinking(session)))


app = create_app(
    Service(
        name="agent",
        bot=bot,
        engines=agent.engines,
        routers=(page_router,),
        bots={"/direct": direct.bot},
    )
)
