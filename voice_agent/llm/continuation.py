"""Where an answer that broke off is joined with its continuation."""


class Continuation:
    """Leaves out what a model repeats when it is asked to go on.

    Asked to go on from the last word, some models begin again. As long as the new text is
    the same as the old from its beginning, it is held back; if that is all there is of it,
    nothing was new.

    Args:
        said: The answer until it broke off; empty if this is the beginning.
    """

    def __init__(self, said: str) -> None:
        self._said = said
        self._held = ""
        self._joined = not said

    def feed(self, delta: str) -> str:
        """What is new of the text so far; may be empty."""
        if self._joined:
            return delta
        self._held += delta
        said, held = self._said.strip(), self._held.strip()
        if said.startswith(held):
            return ""
        self._joined = True
        new = self._held.lstrip()[len(said) :] if held.startswith(said) else self._held
        if self._said[-1:].isspace():
            return new.lstrip()
        return f" {new}" if new[:1].isalnum() else new
