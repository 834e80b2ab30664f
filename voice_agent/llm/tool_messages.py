"""How a model is told what became of the tools that it called."""

import json
from collections.abc import Sequence

from voice_agent.llm.request import Message
from voice_agent.llm.tool_calls import ToolCall

# about 1,000 tokens: more would push the conversation out of a small model's context
MAX_RESULT_CHARS = 4000


def tool_messages(calls: Sequence[ToolCall], results: Sequence[str], text: str) -> list[Message]:
    """The model's own message with its calls, and one for each result.

    Args:
        calls: What it called.
        results: What each told; the end of a long one is cut off.
        text: What it wrote before that.
    """
    made = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": _object(call.arguments)},
        }
        for call in calls
    ]
    told: list[Message] = [
        {"role": "tool", "tool_call_id": call.id, "content": result[:MAX_RESULT_CHARS]}
        for call, result in zip(calls, results, strict=True)
    ]
    return [{"role": "assistant", "content": text, "tool_calls": made}, *told]


def _object(arguments: str) -> str:
    """As it was, if it is a JSON object: servers refuse to read anything else again."""
    try:
        return arguments if isinstance(json.loads(arguments), dict) else "{}"
    except ValueError:
        return "{}"
