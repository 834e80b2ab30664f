"""What a model writes beside its answer, where its server does not keep that apart."""

import re

_KINDS = ("think", "thinking", "thought", "reasoning", "tool_call", "function_call")
_TAG = re.compile(rf"<(/?)({'|'.join(_KINDS)})>", re.IGNORECASE)
_TAGS = [f"<{slash}{kind}>" for kind in _KINDS for slash in ("", "/")]
_CONTROL = re.compile(r"<\|([^|<>]{1,40})\|>|</?s>")
_MAX_HELD_CHARS = 44  # the longest of these, while it is not whole
# of OpenAI's harmony format
_CHANNEL, _MESSAGE, _START = "channel", "message", "start"
_SPOKEN_CHANNEL = "final"


class ThinkTags:
    """Leaves out thoughts, calls written as text, and control tokens.

    Thoughts stand between `<think>`, `<thinking>`, `<thought>` or `<reasoning>`, in any case and
    anywhere, and the end of that; calls between `<tool_call>` or `<function_call>` and its end.
    Of the harmony format only the channel `final` is text. Tokens like `<|im_end|>` and `</s>`
    are left out wherever they stand.

    Args:
        opened: The template of the model has begun a thought before the answer, so that only its
            end is written.
    """

    def __init__(self, *, opened: bool = False) -> None:
        self._held = ""
        self._hidden = opened  # in a thought, a call, or a channel that is not spoken
        self._header = False  # of a harmony message: who says it, and in which channel
        self._name = ""
        self._begun = False  # the answer has text

    def feed(self, delta: str) -> str:
        """What of the answer is text; may be empty, and have what was held back before it."""
        self._held += delta
        text = ""
        while (at := self._held.find("<")) >= 0:
            text += self._take(self._held[:at])
            self._held = self._held[at:]
            if tag := _TAG.match(self._held):
                self._hidden = not tag[1]
            elif tag := _CONTROL.match(self._held):
                self._control(tag[1] or "")
            elif _may_be_tag(self._held):
                return text
            else:
                text += self._take("<")
                self._held = self._held[1:]
                continue
            self._held = self._held[tag.end() :]
        text += self._take(self._held)
        self._held = ""
        return text

    def flush(self) -> str:
        """What was held back when the answer ended, if it is text after all."""
        held, self._held = self._held, ""
        return "" if held.startswith("<|") else self._take(held)

    def _take(self, text: str) -> str:
        if self._header:
            self._name += text
            return ""
        if self._hidden or not text:
            return ""
        if not self._begun:
            text = text.lstrip()
            self._begun = bool(text)
        return text

    def _control(self, token: str) -> None:
        if token in (_CHANNEL, _START):
            self._header, self._name = True, ""
        elif token == _MESSAGE and self._header:
            self._header = False
            self._hidden = not self._name.strip().startswith(_SPOKEN_CHANNEL)


def _may_be_tag(text: str) -> bool:
    """Whether what begins with `<` may become a tag or a token."""
    if len(text) > _MAX_HELD_CHARS:
        return False
    low = text.lower()
    return any(tag.startswith(low) for tag in (*_TAGS, "<s>", "</s>")) or (
        text == "<" or re.fullmatch(r"<\|[^|<>]{0,40}\|?", text) is not None
    )
