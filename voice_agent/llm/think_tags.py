"""What a model thinks before it answers, where its server does not keep that apart."""

_BEGIN, _END = "<think>", "</think>"


class ThinkTags:
    """Leaves out what stands between `<think>` and `</think>` at the beginning of an answer.

    Nobody wants to hear it. Anywhere else these words are text.
    """

    def __init__(self) -> None:
        self._held = ""
        self._over = False

    def feed(self, delta: str) -> str:
        """What of the answer is text; may be empty, and have what was held back before it."""
        if self._over:
            return delta
        self._held += delta
        held = self._held.lstrip()
        if held.startswith(_BEGIN):
            text = held.partition(_END)[2].lstrip()
            self._over = bool(text)
            return text
        if _BEGIN.startswith(held):
            return ""
        self._over = True
        return self._held

    def flush(self) -> str:
        """What was held back when the answer ended, if it is text after all."""
        return "" if self._over or self._held.lstrip().startswith(_BEGIN) else self._held
