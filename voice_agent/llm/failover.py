"""Asks one endpoint after the other until one has answered to the end."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing

from loguru import logger

from voice_agent import metrics
from voice_agent.errors import EngineUnavailable
from voice_agent.llm.continuation import Continuation
from voice_agent.llm.request import Endpoint, EndpointFailed, Piece, Question
from voice_agent.llm.tool_calls import ToolCall

# between rounds over all endpoints; a server that starts again is found soon after
_PAUSE_S = 0.25
_PAUSE_AT_MOST_S = 2.0
_RETRY_AFTER_MS = 2000


class FailOver:
    """The endpoints of a process, in the order in which they are preferred.

    An endpoint that refuses, fails or breaks off is asked once more, then the next one is;
    one that is silent for too long is not asked again before the others. So it goes round,
    with pauses and with more patience each time, until nothing was written for `timeout_s`.
    Endpoints whose circuit is open are left out; where all are, each is asked once. A
    question that is refused, for its form or its length perhaps, is asked in the next of its
    `forms`, and so is one over which a server has failed twice (500: the template of the model
    may have). Which form an endpoint takes of the first two is kept for the next question. An
    answer without a word is asked for once more, and then elsewhere.

    Args:
        endpoints: At least one.
        timeout_s: Longest wait for text, whatever is tried.
        first_token_timeout_s: Longest silence of an endpoint while there is another to ask.
        system_role: Whether the models have one; found out where they refuse.
        clock: Seconds, monotonic.
        sleep: Waits.
    """

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        *,
        timeout_s: float,
        first_token_timeout_s: float,
        system_role: bool = True,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._endpoints = endpoints
        self._timeout_s = timeout_s
        self._first_token_timeout_s = first_token_timeout_s
        self._system_role = system_role
        self._without_system: set[Endpoint] = set()  # refused it, and took the other form
        self._clock = clock
        self._sleep = sleep

    async def write(self, question: Question) -> AsyncGenerator[Piece]:
        """The answer as it is written: text, then calls that the model wants made.

        Of an answer that breaks off the rest is asked for, there or elsewhere. Time in which
        nobody takes what was written does not count.

        Raises:
            EngineUnavailable: Nobody answers, or nobody finishes an answer that has begun.
        """
        answer = _Answer(self._clock, self._timeout_s)
        for endpoint in self._order(answer):
            if endpoint is None:
                await self._pause(answer)
                continue
            endpoint.health.asked()
            try:
                async with aclosing(self._attempt(endpoint, question, answer)) as pieces:
                    async for piece in pieces:
                        yield piece
                        answer.taken()
            except EndpointFailed as failure:
                self._note(endpoint, failure, answer, question)
            else:
                self._learn(endpoint, answer, question)
                endpoint.health.answered()
                metrics.llm_requests_total.labels(endpoint.name, "done").inc()
                return
        logger.error("the language model does not answer: {}", "; ".join(answer.reasons))
        raise EngineUnavailable(
            "the language model does not answer", retry_after_ms=_RETRY_AFTER_MS
        )

    def _order(self, answer: "_Answer") -> Iterator[Endpoint | None]:
        """Whom to ask next, while nobody has answered; None is a pause."""
        hopeless = all(endpoint.health.open for endpoint in self._endpoints)
        answer.hurried = hopeless
        while True:
            left = [e for e in self._endpoints if e not in answer.refused_by]
            for endpoint in [e for e in left if e.health.admits] or left:
                answer.repeats = 0
                if answer.left_s > 0:
                    yield endpoint
                while answer.left_s > 0 and (
                    answer.reformed
                    or (answer.again and answer.round == 0 and not endpoint.health.open)
                ):
                    yield endpoint
            in_vain = len(answer.refused_by) == len(self._endpoints)
            if hopeless or in_vain or answer.left_s <= 0:
                return
            yield None
            answer.round += 1

    async def _attempt(
        self, endpoint: Endpoint, question: Question, answer: "_Answer"
    ) -> AsyncGenerator[Piece]:
        answer.again = answer.reformed = False
        seam = Continuation(answer.said)
        calls: list[ToolCall] = []
        forms = self._forms(endpoint, question, answer)
        question = forms[answer.form_of.get(endpoint, 0)]
        writing = endpoint.write(question.going_on(answer.said), self._patience(endpoint, answer))
        async with aclosing(writing) as pieces:
            async for piece in pieces:
                if isinstance(piece, ToolCall):
                    calls.append(piece)
                elif text := seam.feed(piece):
                    answer.said += text
                    yield text
        for call in calls:
            yield call

    def _patience(self, endpoint: Endpoint, answer: "_Answer") -> Callable[[], float]:
        silence_s = self._first_token_timeout_s * 2**answer.round

        def patience_s() -> float:
            others = any(e.health.admits for e in self._endpoints if e is not endpoint)
            return min(answer.left_s, silence_s) if others or answer.hurried else answer.left_s

        return patience_s

    async def _pause(self, answer: "_Answer") -> None:
        pause_s = min(_PAUSE_S * 2**answer.round, _PAUSE_AT_MOST_S)
        rests_s = min(endpoint.health.rests_s for endpoint in self._endpoints)
        await self._sleep(min(max(pause_s, rests_s), max(answer.left_s, 0.0)))

    def _note(
        self, endpoint: Endpoint, failure: EndpointFailed, answer: "_Answer", question: Question
    ) -> None:
        metrics.llm_requests_total.labels(
            endpoint.name,
            "empty" if failure.empty else "failed" if failure.blame else "refused",
        ).inc()
        answer.reasons[f"{endpoint.name}: {failure.reason}"] = None
        answer.again = failure.again and answer.repeats == 0
        answer.repeats += 1
        if failure.rest_s:
            endpoint.health.rest(failure.rest_s)
        elif failure.empty:
            if answer.repeats > 1:  # it is not broken, and has nothing to say
                answer.refused_by.append(endpoint)
            return
        elif not failure.blame or (failure.template and answer.repeats > 1):
            form = answer.form_of.get(endpoint, 0) + 1
            if form < len(self._forms(endpoint, question, answer)):
                logger.warning("{} refuses a question, which is put otherwise: {}",
                               endpoint.name, failure.reason)  # fmt: skip
                answer.form_of[endpoint], answer.reformed = form, True
                return
        if failure.blame and not failure.rest_s:
            _blame(endpoint, failure)
        if failure.final:
            answer.refused_by.append(endpoint)

    def _forms(self, endpoint: Endpoint, question: Question, answer: "_Answer") -> list[Question]:
        if endpoint not in answer.forms:
            answer.forms[endpoint] = question.forms(
                system_role=self._system_role and endpoint not in self._without_system
            )
        return answer.forms[endpoint]

    def _learn(self, endpoint: Endpoint, answer: "_Answer", question: Question) -> None:
        """Keeps that an endpoint has taken the system prompt in the first user message only."""
        form = answer.form_of.get(endpoint, 0)
        if form == 1 and self._forms(endpoint, question, answer)[1].messages[0]["role"] == "user":
            self._without_system.add(endpoint)


def _blame(endpoint: Endpoint, failure: EndpointFailed) -> None:
    was_open = endpoint.health.open
    endpoint.health.failed()
    if endpoint.health.open and not was_open:
        logger.warning("{} keeps failing, and is asked less: {}", endpoint.name, failure.reason)


class _Answer:
    """How far an answer has come."""

    def __init__(self, clock: Callable[[], float], timeout_s: float) -> None:
        self.said = ""
        self.round = 0
        self.again = False  # asking the same endpoint once more may help
        self.hurried = False  # nobody may be silent for long
        self.repeats = 0  # failures of an endpoint in a row
        self.reformed = False  # the same endpoint is asked in another form
        self.forms: dict[Endpoint, list[Question]] = {}
        self.form_of: dict[Endpoint, int] = {}
        self.refused_by: list[Endpoint] = []  # for good
        self.reasons: dict[str, None] = {}  # each once, in order
        self._clock = clock
        self._timeout_s = timeout_s
        self._until_s = clock() + timeout_s

    @property
    def left_s(self) -> float:
        """Until the caller has waited for too long."""
        return self._until_s - self._clock()

    def taken(self) -> None:
        """What was written has been taken: the wait begins again."""
        self._until_s = self._clock() + self._timeout_s
