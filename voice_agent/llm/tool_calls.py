"""Tool calls, put together from the pieces in which a model writes them."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4


@dataclass(slots=True)
class ToolCall:
    """A function that the model wants to be called.

    Attributes:
        id: The model's name for this call.
        name: Of the function.
        arguments: JSON, as the model wrote it: it may be anything.
    """

    id: str
    name: str
    arguments: str


class Function(Protocol):
    """Part of a call, as the OpenAI client has it."""

    @property
    def name(self) -> str | None: ...
    @property
    def arguments(self) -> object: ...


class Fragment(Protocol):
    """A piece of a call, as the OpenAI client has it."""

    @property
    def index(self) -> int | None: ...
    @property
    def id(self) -> str | None: ...
    @property
    def function(self) -> Function | None: ...


class CallAssembler:
    """Fed with fragments in the order in which they come.

    Endpoints differ: some send several calls in one chunk, some number all of them 0, some
    give no ids, repeat the name with every fragment, or send arguments that are an object
    already. A fragment with a new id begins a call, and so does a name after arguments that are
    whole; others go on with the call of their index.
    """

    def __init__(self) -> None:
        self._calls: list[ToolCall] = []
        self._by_index: dict[int, ToolCall] = {}

    def feed(self, fragments: Iterable[Fragment]) -> None:
        """Takes what one chunk brings."""
        for fragment in fragments:
            call = self._call_of(fragment)
            if fragment.function is not None:
                name = fragment.function.name or ""
                call.name += "" if name == call.name else name
                call.arguments += _text(fragment.function.arguments)

    @property
    def calls(self) -> list[ToolCall]:
        """Those that have a name, once the answer is complete."""
        return [call for call in self._calls if call.name]

    def _call_of(self, fragment: Fragment) -> ToolCall:
        index = fragment.index or 0
        call = self._by_index.get(index)
        named = fragment.function is not None and bool(fragment.function.name)
        another = fragment.id != call.id if call and fragment.id else call and named
        # without an id, a name may be said again with every fragment
        if call is None or (another and (fragment.id or _is_whole(call.arguments))):
            call = ToolCall(fragment.id or f"call_{uuid4().hex[:8]}", "", "")
            self._calls.append(call)
            self._by_index[index] = call
        return call


def _is_whole(arguments: str) -> bool:
    try:
        json.loads(arguments)
    except ValueError:
        return False
    return True


def _text(arguments: object) -> str:
    if arguments is None or isinstance(arguments, str):
        return arguments or ""
    return json.dumps(arguments)
