"""The agent, port 8000: a spoken conversation, by telephone too, and the page to have it on."""

from bots import direct
from pipelines import agent, telephone
from pipelines.llm import responder
from pipelines.run import run_pipeline, run_session
from voice_agent.server.app import Service, create_app
from voice_agent.server.page import page_router
from voice_agent.server.records import Records
from voice_agent.server.sessions import Session
from voice_agent.server.twilio.routes import Call, Telephone

records = Records()


async def bot(session: Session) -> None:
    """Serves one caller until it leaves."""
    record = records.begin(session)
    pipeline, transport = agent.build(session, responder(session), record)
    try:
        await run_session(session, pipeline, transport)
    finally:
        records.end(record, transport.close_code)


async def answer(session: Session, call: Call) -> None:
    """Serves one telephone call until it is over."""
    record = records.begin(session, call.start)
    pipeline, transport = telephone.build(session, call, responder(session), record)
    session.attach(transport)
    try:
        await run_pipeline(pipeline, transport)
    finally:
        records.end(record, transport.close_code)


app = create_app(
    Service(
        name="agent",
        bot=bot,
        engines=agent.engines,
        phrases=agent.phrases,
        routers=(page_router, Telephone(answer).router, records.router),
        bots={"/direct": direct.bot},
    )
)
