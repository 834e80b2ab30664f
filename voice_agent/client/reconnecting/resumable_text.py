"""A text on its way to speech: what of it was spoken, and what is left."""

import re

from voice_agent.engines.clauses import is_speakable
from voice_agent.wire.tts import AudioChunk

_LAST_WORD = re.compile(r"\S+\s*\Z")
# what is longer is no word: some languages have no spaces
_MAX_WORD_CHARS = 30


class ResumableText:
    """Joins the chunks of several requests for one text, each for what is left of it.

    Args:
        text: All of it.
        request_id: What all its chunks say, whichever request they came from.
    """

    def __init__(self, text: str, request_id: str) -> None:
        self._text = text
        self._request_id = request_id
        self._begins = 0
        self._ends = 0
        self._n_chunks = 0

    def rest(self) -> str:
        """What is left to ask for; empty if nothing that can be spoken is.

        It begins with the last word that was spoken: chunks end anywhere in a word, and half
        a word that is heard again is less of a loss than half a word that is not.
        """
        if self._ends >= len(self._text.rstrip()):
            return ""
        word = _LAST_WORD.search(self._text, self._begins, self._ends)
        if word is not None and self._ends - word.start() < _MAX_WORD_CHARS:
            self._ends = word.start()
        self._begins = self._ends
        rest = self._text[self._begins :]
        return rest if is_speakable(rest) else ""

    def take(self, chunk: AudioChunk) -> AudioChunk:
        """A chunk of the request for `rest`, as one of the whole text."""
        start, end = self._begins + chunk.text_start, self._begins + chunk.text_end
        self._ends = max(self._ends, end)
        self._n_chunks += 1
        return chunk.model_copy(
            update={
                "request_id": self._request_id,
                "chunk_id": self._n_chunks - 1,
                "text_start": start,
                "text_end": end,
            }
        )
