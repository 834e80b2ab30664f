"""Which characters are heard in which samples, from the marks of the worker."""

from voice_agent.engines.espeak.protocol import Mark, MarkKind


class SpanReader:
    """Follows one clause through its audio.

    Spans never go back and lie within the clause. Marks can be odd: a number gives one
    for each of its words, with positions inside the number or past it; so a mark counts
    as the whole word or number that it points into.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._start = 0  # of what is being said at the end of the last piece
        self._end = 0

    def read(self, marks: list[Mark]) -> tuple[int, int]:
        """Start and end, in characters of the clause, of what one piece of audio says.

        A word that goes on from the last piece counts; silence gives an empty span.
        """
        first = self._start if self._start < self._end else None
        end = self._end
        for mark in marks:
            if mark.kind == MarkKind.WORD:
                self._start, self._end = self._word(mark)
                first = self._start if first is None else first
                end = self._end
            elif mark.kind == MarkKind.END:
                self._start = self._end = max(self._end, min(mark.start, len(self._text)))
                end = self._end
        return (end if first is None else first), end

    def _word(self, mark: Mark) -> tuple[int, int]:
        start = min(mark.start, len(self._text))
        while start > 0 and self._text[start - 1 : start + 1].isdecimal():
            start -= 1
        end = start
        limit = min(max(mark.start + mark.length, start + 1), len(self._text))
        while end < limit and not self._text[end].isspace():
            end += 1
        start = max(start, self._start)
        return start, max(end, start, self._end)
