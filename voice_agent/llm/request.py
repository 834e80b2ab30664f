"""What an endpoint is asked, what comes back, and how it fails."""

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from voice_agent.llm.chat_template import Message, alternating, without_system
from voice_agent.llm.health import Health
from voice_agent.llm.tool_calls import ToolCall

Piece = str | ToolCall
"""Some text of an answer; or, after its text, a call that the model wants made."""

_GO_ON = (
    "(The connection broke there. Go on with the very next word of your answer; do not repeat "
    "what you have said, and do not mention this.)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a model is asked.

    Attributes:
        messages: The conversation, as the OpenAI interface has it.
        options: What goes with it: tools, temperature and the like, under its names there.
        max_tokens: Longest answer; 0 leaves it to the endpoint.
        may_be_empty: An answer without a word is one: the call is about to end, for example.
    """

    messages: Sequence[Message]
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    max_tokens: int = 0
    may_be_empty: bool = False

    def forms(self, *, system_role: bool) -> "list[Question]":
        """The same question in the forms in which it is tried, each once.

        Alternating roles always; then with the system prompt in the first user message; then
        both without what was said earlier.

        Args:
            system_role: Whether models are thought to have one; else it is not tried first.
        """
        whole = replace(self, messages=alternating(self.messages))
        forms: list[Question] = []
        for question in (whole, whole.shortened()):
            folded = replace(question, messages=without_system(question.messages))
            forms += [question, folded] if system_role else [folded, question]
        return [form for n, form in enumerate(forms) if form not in forms[:n]]

    def shortened(self) -> "Question":
        """The same without what was said earlier; itself if nothing was."""
        roles = [message["role"] for message in self.messages]
        asked = len(roles) - 1 - roles[::-1].index("user") if "user" in roles else 0
        system = [message for message in self.messages[:1] if message["role"] == "system"]
        short = [*system, *self.messages[asked:]]
        return replace(self, messages=short) if 0 < len(short) < len(roles) else self

    def limited(self, max_tokens: int | None) -> "Question":
        """The same question, to be answered shortly."""
        return replace(self, max_tokens=max_tokens) if max_tokens else self

    def going_on(self, said: str) -> "Question":
        """The same question to somebody who did not write what was said already."""
        if not said:
            return self
        broken = [{"role": "assistant", "content": said}, {"role": "user", "content": _GO_ON}]
        return replace(self, messages=[*self.messages, *broken], may_be_empty=True)


class EndpointFailed(Exception):
    """An endpoint did not answer, or not to the end.

    Attributes:
        reason: For logs and metrics: never what was said.
        again: Whether asking it again at once may help.
        final: Whether asking it again later is in vain, too.
        blame: Whether other questions would fail there too.
        template: Whether the form of the question may have broken the server: it answers 5xx.
        rest_s: How long it wants to be left alone.
        empty: It answered in order, and there is no word in the answer.
    """

    def __init__(
        self,
        reason: str,
        *,
        again: bool = False,
        final: bool = False,
        blame: bool = True,
        template: bool = False,
        rest_s: float = 0.0,
        empty: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.again = again
        self.final = final
        self.blame = blame
        self.template = template
        self.rest_s = rest_s
        self.empty = empty


class Endpoint(Protocol):
    """Where a model answers."""

    @property
    def name(self) -> str:
        """For logs and metrics."""
        ...

    @property
    def health(self) -> Health:
        """Shared by all who ask."""
        ...

    def write(self, question: Question, patience_s: Callable[[], float]) -> AsyncGenerator[Piece]:
        """An answer as it is written. Closing the iterator ends the request.

        Args:
            question: What is asked.
            patience_s: Asked before each wait: how long it may take.

        Raises:
            EndpointFailed: It refused, was late, wrote nonsense, or broke off.
        """
        ...
