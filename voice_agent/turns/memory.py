"""What was said on both sides, as a language model is told it."""

from collections.abc import Sequence
from typing import Any

Message = dict[str, Any]
"""A message of the context, as OpenAI's interface has it."""

# What is left of a context that was too long, when its oldest turns are summarised.
_KEPT = 0.5
# Never summarised: without the last turns, the next answer would make no sense.
_KEPT_TURNS = 2
# When summaries fail or are late, the oldest turns are forgotten beyond this many times the limit.
_OVERFLOW = 2
_SUMMARY_SHARE = 0.25
# Answers that may still come back, or have something added.
_RECENT_ANSWERS = 16


class Memory:
    """The messages of a conversation. Of an answer it keeps what was heard.

    When it grows too long, the oldest turns are `due` for a summary that replaces them.

    Args:
        system_prompt: What the model is told about its job; may be empty.
        max_messages: More are too long.
        max_chars: The same for their text.
    """

    def __init__(self, system_prompt: str, max_messages: int, max_chars: int = 12_000) -> None:
        self._system_prompt = system_prompt
        self._max_messages = max_messages
        self._max_chars = max_chars
        self._messages: list[Message] = []
        # by answer: the message that it follows
        self._before: dict[int, Message | None] = {}
        self._summary = ""
        self._leaving: list[Message] = []  # is being summarised

    @property
    def messages(self) -> list[Message]:
        """The context, the oldest message first."""
        earlier = f"Earlier in this conversation: {self._summary}" if self._summary else ""
        # one message: not every model takes two, or one in the middle
        system = "\n\n".join(text for text in (self._system_prompt, earlier) if text)
        told: list[Message] = [{"role": "system", "content": system}] if system else []
        return [*told, *self._messages]

    def ask(self, turn: int, text: str) -> None:
        """Adds a question, to be answered in answer `turn`."""
        question: Message = {"role": "user", "content": text}
        self._messages.append(question)
        while self._too_long(self._messages, _OVERFLOW) and len(starts := self._starts()) > 1:
            del self._messages[: starts[1]]
        self._expect(turn, question)

    def speak(self, turn: int) -> None:
        """Expects answer `turn` here, though nobody asked."""
        self._expect(turn, self._messages[-1] if self._messages else None)

    def heard(self, turn: int, text: str) -> None:
        """Adds what was heard of an answer, after its question, whatever came since."""
        if text:
            self._insert(turn, [{"role": "assistant", "content": text}])

    def use_tool(self, turn: int, messages: Sequence[Message]) -> None:
        """Adds what was done for an answer: after its question, before what was heard of it."""
        self._insert(turn, messages)

    def due(self) -> list[Message]:
        """What should be summarised now; empty if nothing, or while a summary is being made.

        Whoever takes it says with `summarised` what became of it.
        """
        starts = self._starts()
        if self._leaving or len(starts) <= _KEPT_TURNS or not self._too_long(self._messages):
            return []
        latest = starts[-_KEPT_TURNS]
        fit = (start for start in starts if not self._too_long(self._messages[start:], _KEPT))
        self._leaving = self._messages[: min(next(fit, latest), latest)]
        before = f"What was said before: {self._summary}"
        told: list[Message] = [{"role": "user", "content": before}] if self._summary else []
        return [*told, *self._leaving]

    def summarised(self, summary: str) -> None:
        """Replaces what was due; if there is no summary, it is just forgotten."""
        gone = {id(message) for message in self._leaving}
        self._leaving = []
        self._messages = [message for message in self._messages if id(message) not in gone]
        # an answer that came meanwhile to a question that is gone
        del self._messages[: next(iter(self._starts()), 0)]
        if summary:
            self._summary = summary.strip()[: round(self._max_chars * _SUMMARY_SHARE)]

    def _expect(self, turn: int, before: Message | None) -> None:
        self._before[turn] = before
        for old in list(self._before)[:-_RECENT_ANSWERS]:
            del self._before[old]

    def _insert(self, turn: int, messages: Sequence[Message]) -> None:
        if turn not in self._before:
            return
        place = self._after(self._before[turn])
        if place is not None:
            self._messages[place:place] = messages

    def _after(self, before: Message | None) -> int | None:
        """The place after a message and the tools that were used for it; None if it is gone."""
        place = 0
        if before is not None:
            places = [i for i, message in enumerate(self._messages) if message is before]
            if not places:
                return None
            place = places[0] + 1
        while place < len(self._messages) and _is_of_tools(self._messages[place]):
            place += 1
        return place

    def _starts(self) -> list[int]:
        """Where turns begin."""
        return [i for i, message in enumerate(self._messages) if message["role"] == "user"]

    def _too_long(self, messages: Sequence[Message], share: float = 1) -> bool:
        n_chars = sum(len(str(m["content"])) + len(str(m.get("tool_calls", ""))) for m in messages)
        return len(messages) > self._max_messages * share or n_chars > self._max_chars * share


def _is_of_tools(message: Message) -> bool:
    return message["role"] == "tool" or "tool_calls" in message
