"""The agent, port 8000: a spoken conversation, by telephone too, and the page to have it on."""

from bots import direct
from pipelines import agent, telephone
from pipelines.run import run_pipeline, run_session
from pipelines.thinking import thinking
from voice_agent.server.app import Service, create_app
from voice_agent.server.page import page_router
from voice_agent.server.sessions import Session
from voice_agent.server.twilio.routes import Call, Telephone


async def bot(session: Session) -> None:
    """Serves one caller until it leaves."""
    await run_session(session, *agent.build(session, thinking(session)))


async def answer(session: Session, call: Call) -> None:
    """Serves one telephone call until it is over."""
    pipeline, transport = telephone.build(session, call, thinking(session))
    session.attach(transport)
    await run_pipeline(pipeline, transport)


app = create_app(
    Service(
        name="agent",
        bot=bot,
        engines=agent.engines,
        phrases=agent.phrases,
        routers=(page_router, Telephone(answer).router),
        bots={"/direct": direct.bot},
    )
)
