from contextlib import aclosing

import pytest

from tests.llm.scripted_endpoint import Act, Clock, ScriptedEndpoint
from voice_agent.errors import EngineUnavailable
from voice_agent.llm.failover import FailOver
from voice_agent.llm.request import EndpointFailed, Message, Piece, Question
from voice_agent.llm.tool_calls import ToolCall

TIMEOUT_S = 20.0
SILENCE_S = 5.0
QUESTION = Question(messages=[{"role": "user", "content": "where is it"}])


def refused() -> EndpointFailed:
    return EndpointFailed("refused", again=True)


class Room:
    """Some endpoints, and what asks them."""

    def __init__(self, *scripts: list[list[Act]]) -> None:
        self.clock = Clock()
        self.endpoints = [
            ScriptedEndpoint(f"e{i}", self.clock, script) for i, script in enumerate(scripts)
        ]
        self.asking = FailOver(
            self.endpoints,
            timeout_s=TIMEOUT_S,
            first_token_timeout_s=SILENCE_S,
            clock=self.clock,
            sleep=self.clock.sleep,
        )

    async def answer(self, taking_s: float = 0.0) -> list[Piece]:
        pieces: list[Piece] = []
        async with aclosing(self.asking.write(QUESTION)) as written:
            async for piece in written:
                pieces.append(piece)
                self.clock.now_s += taking_s
        return pieces

    @property
    def asked(self) -> list[int]:
        return [len(endpoint.asked) for endpoint in self.endpoints]


async def test_the_first_endpoint_is_preferred() -> None:
    room = Room([["Yes", "."]], [["No."]])
    assert await room.answer() == ["Yes", "."]
    assert room.asked == [1, 0]


async def test_an_endpoint_that_refuses_is_asked_once_more() -> None:
    room = Room([[refused()], ["Yes."]], [["No."]])
    assert await room.answer() == ["Yes."]
    assert room.asked == [2, 0]


async def test_after_two_refusals_the_next_is_asked() -> None:
    room = Room([[refused()]], [["No."]])
    assert await room.answer() == ["No."]
    assert room.asked == [2, 1]
    assert room.clock.now_s == 1000


async def test_who_is_silent_is_given_up_for_the_next_one() -> None:
    room = Room([[60.0, "Yes."]], [["No."]])
    assert await room.answer() == ["No."]
    assert room.asked == [1, 1]
    assert room.clock.now_s == 1000 + SILENCE_S


async def test_a_single_endpoint_may_be_slow() -> None:
    room = Room([[TIMEOUT_S - 1, "Yes."]])
    assert await room.answer() == ["Yes."]
    assert room.asked == [1]


async def test_two_slow_endpoints_get_more_time_in_the_next_round() -> None:
    room = Room([[8.0, "Yes."]], [[8.0, "No."]])
    assert await room.answer() == ["Yes."]
    assert room.asked == [2, 1]


async def test_a_server_that_comes_back_answers_the_question() -> None:
    room = Room([[refused()], [refused()], [refused()], [refused()], ["Yes."]])
    assert await room.answer() == ["Yes."]
    assert room.clock.now_s < 1000 + TIMEOUT_S


async def test_nobody_answers_in_time() -> None:
    room = Room([[refused()]], [[refused()]])
    with pytest.raises(EngineUnavailable):
        await room.answer()
    assert TIMEOUT_S <= room.clock.now_s - 1000 <= TIMEOUT_S + 1
    with pytest.raises(EngineUnavailable):  # everyone is asked once more, nobody waits again
        await room.answer()
    assert room.clock.now_s - 1000 <= TIMEOUT_S + 1


async def test_a_dead_endpoint_costs_only_the_first_callers_their_time() -> None:
    room = Room([[60.0]], [["No."]])
    waits_s = []
    for _ in range(30):
        before_s = room.clock.now_s
        assert await room.answer() == ["No."]
        waits_s.append(room.clock.now_s - before_s)
        room.clock.now_s += 0.5
    assert waits_s[:3] == [SILENCE_S] * 3
    assert sum(wait_s > 0 for wait_s in waits_s) <= 8


async def test_an_endpoint_that_recovers_is_preferred_again() -> None:
    room = Room([[refused()], [refused()], [refused()], ["Yes."]], [["No."]])
    assert await room.answer() == ["No."]
    assert await room.answer() == ["No."]
    assert room.endpoints[0].health.open
    room.clock.now_s += 30
    assert await room.answer() == ["Yes."]
    assert not room.endpoints[0].health.open


async def test_who_is_too_busy_is_left_alone_for_as_long_as_it_says() -> None:
    busy = EndpointFailed("HTTP 429", rest_s=3.0)
    room = Room([[busy], ["Yes."]], [["No."]])
    assert await room.answer() == ["No."]
    assert await room.answer() == ["No."]
    room.clock.now_s += 3
    assert await room.answer() == ["Yes."]
    assert not room.endpoints[0].health.open


async def test_a_single_endpoint_that_is_too_busy_is_waited_for() -> None:
    room = Room([[EndpointFailed("HTTP 429", rest_s=3.0)], ["Yes."]])
    assert await room.answer() == ["Yes."]
    assert room.clock.now_s == 1003


async def test_a_question_that_is_refused_is_not_the_endpoints_fault() -> None:
    room = Room([[EndpointFailed("HTTP 400", blame=False)]], [["No."]])
    for _ in range(5):
        assert await room.answer() == ["No."]
    assert room.asked == [5, 5]


async def test_a_question_that_nobody_takes_is_given_up_at_once() -> None:
    wrong = EndpointFailed("HTTP 401", final=True)
    room = Room([[wrong]], [[wrong]])
    with pytest.raises(EngineUnavailable):
        await room.answer()
    assert room.asked == [1, 1]
    assert room.clock.now_s == 1000


async def test_a_question_that_is_refused_is_asked_without_its_history() -> None:
    system, old, new = ({"role": r, "content": r} for r in ("system", "assistant", "user"))
    refused = EndpointFailed("HTTP 400", blame=False, final=True)
    room = Room([[refused], [refused], ["Yes."]])
    question = Question(messages=[system, new, old, new])
    async with aclosing(room.asking.write(question)) as written:
        assert [piece async for piece in written] == ["Yes."]
    assert room.endpoints[0].asked[2].messages == [system, new]
    assert not room.endpoints[0].health.open


async def test_an_answer_that_breaks_off_is_continued_by_who_is_there() -> None:
    room = Room([["The sun ", refused()], [refused()]], [["is shining."]])
    assert await room.answer() == ["The sun ", "is shining."]
    told = room.endpoints[1].asked[0].messages
    assert told[0] == QUESTION.messages[0]
    assert told[1] == {"role": "assistant", "content": "The sun "}
    assert told[2]["role"] == "user"


async def test_what_a_continuation_repeats_is_heard_once() -> None:
    room = Room([["The sun is", refused()], ["The ", "sun ", "is ", "shining."]])
    assert "".join(str(piece) for piece in await room.answer()) == "The sun is shining."


async def test_calls_of_an_answer_that_breaks_off_are_not_made() -> None:
    call = ToolCall("1", "time", "{}")
    room = Room([["Well, ", refused()], ["then.", call]])
    assert await room.answer() == ["Well, ", "then.", call]


async def test_the_callers_own_pace_is_no_delay_of_the_endpoint() -> None:
    room = Room([["One. ", 4.0, "Two. ", 4.0, "Three."]], [["No."]])
    assert await room.answer(taking_s=60) == ["One. ", "Two. ", "Three."]
    assert room.asked == [1, 0]


async def test_an_interrupted_answer_ends_its_request_and_blames_nobody() -> None:
    room = Room([["One. ", "Two. "]])
    written = room.asking.write(QUESTION)
    assert await anext(written) == "One. "
    await written.aclose()
    assert room.endpoints[0].ended == 1
    assert not room.endpoints[0].health.open


SYSTEM = {"role": "system", "content": "Be short."}
USER = {"role": "user", "content": "hello"}
FOLDED = {"role": "user", "content": "Be short.\n\nhello"}


async def asked(room: Room, *messages: Message) -> list[Piece]:
    async with aclosing(room.asking.write(Question(messages=messages))) as written:
        return [piece async for piece in written]


async def test_who_takes_no_system_message_gets_it_with_the_question_from_then_on() -> None:
    refused = EndpointFailed("HTTP 400", blame=False, final=True)
    room = Room([[refused], ["Yes."], ["Yes."]])
    for _ in range(2):
        assert await asked(room, SYSTEM, USER) == ["Yes."]
    assert [list(question.messages) for question in room.endpoints[0].asked] == [
        [SYSTEM, USER],
        [FOLDED],
        [FOLDED],
    ]


async def test_without_a_system_role_it_is_not_tried_first() -> None:
    room = Room([["Yes."]])
    room.asking = FailOver(
        room.endpoints,
        timeout_s=TIMEOUT_S,
        first_token_timeout_s=SILENCE_S,
        system_role=False,
        clock=room.clock,
        sleep=room.clock.sleep,
    )
    assert await asked(room, SYSTEM, USER) == ["Yes."]
    assert room.endpoints[0].asked[0].messages == [FOLDED]


async def test_a_server_that_breaks_over_a_question_gets_it_in_another_form() -> None:
    broken = EndpointFailed("HTTP 500", again=True, template=True)
    room = Room([[broken], [broken], ["Yes."]])
    assert await asked(room, SYSTEM, USER) == ["Yes."]
    assert [list(question.messages) for question in room.endpoints[0].asked] == [
        [SYSTEM, USER],
        [SYSTEM, USER],
        [FOLDED],
    ]
    assert not room.endpoints[0].health.open


async def test_a_server_that_breaks_over_every_form_is_given_up_for_the_next() -> None:
    broken = EndpointFailed("HTTP 500", again=True, template=True)
    room = Room([[broken]], [["No."]])
    assert await asked(room, SYSTEM, USER, {"role": "assistant", "content": "hi"}, USER) == ["No."]
    assert len(room.endpoints[0].asked) <= 6


EMPTY = EndpointFailed("there is no word in its answer", again=True, empty=True)


async def test_an_answer_without_a_word_is_asked_for_again_and_then_elsewhere() -> None:
    room = Room([[EMPTY]], [["No."]])
    for _ in range(5):
        assert await room.answer() == ["No."]
    assert room.asked == [10, 5]  # it is not broken
    assert room.clock.now_s == 1000


async def test_where_nobody_has_anything_to_say_that_is_known_at_once() -> None:
    room = Room([[EMPTY]], [[EMPTY]])
    with pytest.raises(EngineUnavailable):
        await room.answer()
    assert room.asked == [2, 2]
    assert room.clock.now_s == 1000
