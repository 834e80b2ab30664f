"""Texts that other engines want in phonemes, and who waits for them."""

import asyncio
import json
from collections import deque
from dataclasses import dataclass

from voice_agent.errors import EngineTimeout, EngineUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Phonemes:
    """How a text is said.

    Attributes:
        ipa: One character a phoneme, stress, length or pause.
        words: Start and end of each word in the text, in order.
        owners: Of each character of `ipa` the number of its word; -1 for pauses.
        ends_sentence: The text does.
    """

    ipa: str
    words: tuple[tuple[int, int], ...]
    owners: tuple[int, ...]
    ends_sentence: bool


@dataclass(slots=True, eq=False)
class Question:
    """A text, and where the answer goes; nobody waits any more once that is done."""

    text: str
    voice: str
    result: "asyncio.Future[Phonemes]"
    retried: bool = False

    def said(self, body: bytes) -> None:
        """Answers it with the body of a SAID."""
        found = json.loads(body)
        phonemes = Phonemes(
            ipa=found["ipa"],
            words=tuple((start, end) for start, end in found["words"]),
            owners=tuple(found["owners"]),
            ends_sentence=found["ends_sentence"],
        )
        if not self.result.done():
            self.result.set_result(phonemes)

    def fail(self, error: EngineUnavailable) -> None:
        """Answers it with an error."""
        if not self.result.done():
            self.result.set_exception(error)


class Questions:
    """Those that wait, in order.

    Args:
        max_questions: Full: more are refused, so that callers hear of overload at once.
    """

    def __init__(self, max_questions: int) -> None:
        self._max_questions = max_questions
        self._waiting: deque[Question] = deque()

    def ask(self, text: str, voice: str) -> Question:
        """Adds one.

        Raises:
            EngineUnavailable: Too many wait.
        """
        if len(self._waiting) >= self._max_questions:
            raise EngineUnavailable("too many jobs are waiting, try again", retry_after_ms=1000)
        question = Question(text, voice, asyncio.get_running_loop().create_future())
        self._waiting.append(question)
        return question

    async def answer(self, question: Question, timeout_s: float) -> Phonemes:
        """Waits for an answer.

        Raises:
            EngineTimeout: It did not come in time.
            EngineUnavailable: There will be none.
        """
        try:
            async with asyncio.timeout(timeout_s):
                return await question.result
        except TimeoutError:
            raise EngineTimeout(f"espeak took longer than {timeout_s:g} s") from None
        finally:
            question.result.cancel()
            if question in self._waiting:
                self._waiting.remove(question)

    def next(self) -> Question | None:
        """Takes the first one that somebody waits for."""
        while self._waiting:
            question = self._waiting.popleft()
            if not question.result.done():
                return question
        return None

    def put_back(self, question: Question) -> None:
        """A worker died over it: the next one gets it too, and then no other."""
        if question.retried:
            question.fail(EngineUnavailable("espeak broke down, try again"))
            return
        question.retried = True
        self._waiting.appendleft(question)

    def close(self, error: EngineUnavailable) -> None:
        """Fails all."""
        while self._waiting:
            self._waiting.popleft().fail(error)
