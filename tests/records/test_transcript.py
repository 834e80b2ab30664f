import json
from datetime import UTC, datetime

import pytest

from voice_agent.engines.base import TimedWord
from voice_agent.records.record import AgentTurn, Record, ended_by
from voice_agent.records.session import SessionRecord
from voice_agent.wire.agent import Stage


class Wall:
    now_s = 5.0

    def __call__(self) -> float:
        return self.now_s


def made(wall: Wall, *, words: bool = False) -> SessionRecord:
    record = Record(id="s", service="agent", kind="wire", began=datetime(2026, 1, 2, tzinfo=UTC))
    return SessionRecord(record, words=words, clock=wall)


def say(session: SessionRecord, text: str) -> None:
    words = [TimedWord(word=text, start_s=0.5, end_s=0.75, confidence=0.12345)]
    session.transcript.spoken(text, 0.5, 1.0, language="en", confidence=0.98765, words=words)


def test_a_conversation_is_written_down() -> None:
    wall = Wall()
    session = made(wall, words=True)
    transcript = session.transcript
    say(session, "hello")
    wall.now_s += 2
    transcript.answer_begins(1)
    transcript.writes("Hello ")
    transcript.writes("there.")
    wall.now_s += 0.5
    transcript.phrase("One moment.")
    transcript.phrase("")
    wall.now_s += 0.25
    transcript.speaks()
    transcript.takes(1, [Stage(name="llm", ms=3.5)])
    wall.now_s += 0.75
    transcript.answer_ends(1, "Hello", interrupted=True)
    transcript.typed("stop")
    transcript.error("engine_timeout")
    transcript.error("engine_timeout")
    assert json.loads(session.end(1000).to_json()) == {
        "version": 1,
        "id": "s",
        "service": "agent",
        "kind": "wire",
        "began": "2026-01-02T00:00:00Z",
        "duration_s": 3.5,
        "ended_by": "caller",
        "close_code": 1000,
        "engines": {},
        "n_turns_left_out": 0,
        "errors": {"engine_timeout": 2},
        "turns": [
            {
                "who": "caller",
                "text": "hello",
                "start_s": 0.5,
                "end_s": 1.0,
                "typed": False,
                "language": "en",
                "confidence": 0.988,
                "words": [{"word": "hello", "start_s": 0.5, "end_s": 0.75, "confidence": 0.123}],
            },
            {
                "who": "agent",
                "turn": 1,
                "said": "Hello there.",
                "phrases": ["One moment."],
                "heard": "Hello",
                "interrupted": True,
                "start_s": 2.5,
                "end_s": 3.5,
                "latency": [{"name": "llm", "ms": 3.5}],
            },
            {"who": "caller", "text": "stop", "start_s": 3.5, "end_s": 3.5, "typed": True},
        ],
    }


def test_an_answer_may_end_after_the_next_has_begun() -> None:
    session = made(Wall())
    session.transcript.answer_begins(1)
    session.transcript.writes("One.")
    session.transcript.answer_begins(2)
    session.transcript.writes("Two.")
    session.transcript.answer_ends(1, "One.", interrupted=False)
    session.transcript.answer_ends(2, "", interrupted=True)
    session.transcript.answer_ends(9, "Nine.", interrupted=False)
    turns = [turn for turn in session.end(None).turns if isinstance(turn, AgentTurn)]
    assert [(t.turn, t.said, t.heard) for t in turns] == [(1, "One.", "One."), (2, "Two.", "")]


def test_what_nobody_asked_for_is_there_too() -> None:
    session = made(Wall())
    session.transcript.writes("I am sorry.")
    [turn] = session.end(None).turns
    assert isinstance(turn, AgentTurn)
    assert (turn.turn, turn.said, turn.heard) == (None, "I am sorry.", None)


def test_words_are_left_out_unless_wanted_and_nothing_said_is_no_turn() -> None:
    session = made(Wall())
    say(session, "")
    say(session, "hello")
    [turn] = session.end(None).turns
    assert '"words"' not in turn.model_dump_json(exclude_none=True)


def test_a_conversation_without_end_has_bounds() -> None:
    session = made(Wall())
    for _ in range(10_005):
        session.transcript.typed("x")
    session.transcript.answer_begins(1)
    for _ in range(50):
        session.transcript.writes("y" * 1000)
    record = session.end(None)
    assert len(record.turns) == 10_000
    assert record.n_turns_left_out == 6
    assert isinstance(record.turns[-1], AgentTurn)
    assert len(record.turns[-1].said) <= 21_000


@pytest.mark.parametrize(
    ("code", "who"),
    [(None, "caller"), (1000, "caller"), (1001, "idle"), (1012, "shutdown"), (1011, "failure")],
)
def test_a_close_code_says_who_ended_it(code: int | None, who: str) -> None:
    assert ended_by(code) == who


def test_who_hung_up_is_known_better_than_by_a_code() -> None:
    session = made(Wall())
    session.ended_by = "agent"
    assert session.end(1000).ended_by == "agent"
