"""What was said on both sides, as a language model is told it."""

from typing import TypedDict


class Message(TypedDict):
    """A message of the context."""

    role: str
    content: str


class Memory:
    """The messages of a conversation. Of an answer it keeps what was heard.

    Args:
        system_prompt: What the model is told about its job; may be empty.
        max_messages: Older ones are forgotten.
    """

    def __init__(self, system_prompt: str, max_messages: int) -> None:
        self._system = [Message(role="system", content=system_prompt)] if system_prompt else []
        self._messages: list[Message] = []
        self._max_messages = max_messages
        # by answer that has not come back yet, at most a few: the message that it follows
        self._before: dict[int, Message | None] = {}

    @property
    def messages(self) -> list[Message]:
        """The context, the oldest message first."""
        return [*self._system, *self._messages]

    def ask(self, turn: int, text: str) -> None:
        """Adds a question, to be answered in answer `turn`."""
        question = Message(role="user", content=text)
        self._messages.append(question)
        del self._messages[: -self._max_messages]
        self._before[turn] = question

    def speak(self, turn: int) -> None:
        """Expects answer `turn` here, though nobody asked."""
        self._before[turn] = self._messages[-1] if self._messages else None

    def heard(self, turn: int, text: str) -> None:
        """Adds what was heard of an answer, after its question, whatever came since."""
        if turn not in self._before:
            return
        before = self._before.pop(turn)
        if not text:
            return
        answer = Message(role="assistant", content=text)
        if before is None:
            self._messages.insert(0, answer)
            return
        for place, message in enumerate(self._messages):
            if message is before:
                self._messages.insert(place + 1, answer)
                return
