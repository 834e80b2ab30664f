"""A conversation in the form that strict chat templates take.

Templates of Gemma, Mistral and others raise for two messages of one role in a row, for an answer
before the first question, and some for a system message: vLLM answers 400 then, llama.cpp 500.
"""

from collections.abc import Sequence
from typing import Any

Message = dict[str, Any]

_BEGUN = "You have begun the conversation by saying: {}"


def alternating(messages: Sequence[Message]) -> list[Message]:
    """The same conversation: a system message, if any, then user and assistant by turns.

    Neighbours of one role become one message. What the assistant said before the first
    question is told in the system message, and so are system messages in the middle. Calls and
    results of tools stay as they are.
    """
    system: list[str] = []
    opening: list[str] = []
    turns: list[Message] = []
    for message in messages:
        role = message["role"]
        if role == "system":
            system.append(_text(message))
        elif role == "assistant" and not turns and not message.get("tool_calls"):
            opening.append(_text(message))
        elif turns and _joins(turns[-1], message):
            turns[-1] = _joined(turns[-1], message)
        else:
            turns.append(message)
    if opening:
        system.append(_BEGUN.format(" ".join(opening)))
    head = [{"role": "system", "content": "\n\n".join(system)}] if any(system) else []
    return [*head, *turns]


def without_system(messages: Sequence[Message]) -> list[Message]:
    """An alternating conversation whose system message opens the first user message."""
    if not messages or messages[0]["role"] != "system":
        return list(messages)
    system, *turns = messages
    if turns and turns[0]["role"] == "user" and isinstance(turns[0].get("content"), str):
        text = f"{system['content']}\n\n{turns[0]['content']}"
        return [{**turns[0], "content": text}, *turns[1:]]
    return [{"role": "user", "content": system["content"]}, *turns]


def _joins(before: Message, message: Message) -> bool:
    same = before["role"] == message["role"] and message["role"] in ("user", "assistant")
    texts = isinstance(before.get("content"), str | None) and isinstance(
        message.get("content"), str | None
    )
    # the results of a call have to follow it
    return same and texts and not before.get("tool_calls")


def _joined(before: Message, message: Message) -> Message:
    between = "\n" if message["role"] == "user" else " "
    texts = [text for text in (_text(before), _text(message)) if text]
    return {**before, **message, "content": between.join(texts) or None}


def _text(message: Message) -> str:
    content = message.get("content")
    return content if isinstance(content, str) else ""
