"""Words with times as subtitles: SRT and WebVTT."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from voice_agent.wire.asr import Final, Word

# what subtitle editors ask for: two lines of 42 characters, read in at most 6 s
_LINE_CHARS = 42
_LINES = 2
_LONGEST_S = 6.0
_SHORTEST_S = 1.0
# a pause this long begins a new cue
_PAUSE_S = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """A subtitle: when, and its lines."""

    start_s: float
    end_s: float
    lines: tuple[str, ...]


def cues(finals: Iterable[Final]) -> list[Cue]:
    """The subtitles of finals, in order; they do not overlap."""
    found: list[Cue] = []
    for final in finals:
        words = final.words
        if not words and final.text:
            words = [Word(word=final.text, start=final.start, end=final.end, confidence=0)]
        found += [_cue(group) for group in _groups(words)]
    starts = [cue.start_s for cue in found[1:]] + [float("inf")]
    return [_lasting(cue, until) for cue, until in zip(found, starts, strict=True)]


def srt(finals: Iterable[Final]) -> str:
    """As SubRip."""
    blocks = [
        f"{number}\n{_clock(cue.start_s, ',')} --> {_clock(cue.end_s, ',')}\n"
        + "\n".join(cue.lines)
        for number, cue in enumerate(cues(finals), 1)
    ]
    return "\n\n".join(blocks)


def vtt(finals: Iterable[Final]) -> str:
    """As WebVTT."""
    blocks = [
        f"{_clock(cue.start_s, '.')} --> {_clock(cue.end_s, '.')}\n"
        + "\n".join(_escaped(line) for line in cue.lines)
        for cue in cues(finals)
    ]
    return "\n\n".join(["WEBVTT", *blocks])


def _groups(words: Sequence[Word]) -> Iterable[list[Word]]:
    """Cuts words where a cue is full, has lasted long enough, or a pause follows."""
    group: list[Word] = []
    for word in words:
        if group and (
            word.start - group[-1].end >= _PAUSE_S
            or word.end - group[0].start > _LONGEST_S
            or len(_wrapped([*group, word])) > _LINES
        ):
            yield group
            group = []
        group.append(word)
    if group:
        yield group


def _cue(words: Sequence[Word]) -> Cue:
    return Cue(start_s=words[0].start, end_s=words[-1].end, lines=tuple(_wrapped(words)))


def _wrapped(words: Iterable[Word]) -> list[str]:
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + 1 + len(word.word) <= _LINE_CHARS:
            lines[-1] += f" {word.word}"
        else:
            lines.append(word.word)
    return lines


def _lasting(cue: Cue, until_s: float) -> Cue:
    """Long enough to be read, if the next one leaves room."""
    end_s = min(max(cue.end_s, cue.start_s + _SHORTEST_S), until_s)
    return Cue(start_s=cue.start_s, end_s=end_s, lines=cue.lines)


def _clock(seconds: float, mark: str) -> str:
    ms = round(seconds * 1000)
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}{mark}{ms % 1000:03}"


def _escaped(line: str) -> str:
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
