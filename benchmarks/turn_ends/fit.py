"""Fits the weights of `voice_agent/turns/end_of_turn.py` and writes them.

``python -m benchmarks.turn_ends.fit JUDGED.jsonl … --words-only JUDGED.jsonl`` with the files that
``voice-agent eval-turns --judged JUDGED.jsonl`` has written for folders to learn from. Those for
words only have parts that were spoken as if they were whole: their sound teaches nothing, and
they count less.

Logistic regression with a ridge. What each weight may not do (`_SIGNS`) is set to nothing: a word
that leads on never makes an end more likely. The table of waits follows from how long pauses of
callers who go on are (`benchmarks.turn_ends.make`) and from how many of them may be cut off.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voice_agent.turns.end_of_turn import sound_signs, text_signs
from voice_agent.turns.evaluation.judged_pauses import JudgedPause
from voice_agent.turns.evaluation.report import seen
from voice_agent.turns.phrase_end import phrase_end

_RIDGE = 1.0
_WORDS_ONLY_WEIGHT = 0.3
_NEITHER = 0.5  # what Smart Turn says if it does not know
_STEPS = 50
# the weights that can only speak for one side
_NEVER_ABOVE_0 = (
    "open_mark", "hangs", "may_hang", "filler", "leads_in", "clause_open", "number_open",
    "spelled", "unsure_text", "few_words", "asked_number", "asked_number_no_digits",
)  # fmt: skip
_NEVER_BELOW_0 = (
    "smart_turn", "full_stop", "question", "short_answer", "closing", "number_full",
    "answers_yes_no",
)  # fmt: skip
# Log density of the lengths of pauses within turns (`make._PAUSE_LONGER_THAN`), by seconds: it is
# worth while to wait until the odds of an end outweigh it.
_LOG_DENSITY = ((0.2, 1.9), (0.25, 1.49), (0.45, 0.12), (0.8, -1.23), (1.3, -2.49), (2.3, -3.3),
                (3.5, -4.2))  # fmt: skip
# Log odds that the density is raised by: more waits longer and cuts off less.
_CAUTION = 1.75
_TARGET = Path("voice_agent/turns/end_of_turn_weights.py")

Floats = NDArray[np.float64]


def read(path: Path) -> list[JudgedPause]:
    """Judged pauses of a folder."""
    return [JudgedPause(**json.loads(line)) for line in path.read_text().splitlines()]


def with_text(judged: JudgedPause, *, sound: bool = True) -> dict[str, float] | None:
    """All signs of a pause; None if there is no text to judge by."""
    pause = seen(judged) if sound else replace(seen(judged), smart_turn=_NEITHER)
    end = phrase_end(pause.text, pause.language)
    return None if end is None else {**sound_signs(pause), **text_signs(pause, end)}


def regress(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Weights that make `y` of `x` most likely; the first column is not held back."""
    b = np.zeros(x.shape[1])
    ridge = _RIDGE * np.r_[0.0, np.ones(x.shape[1] - 1)]
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-x @ b))
        gradient = x.T @ (weights * (p - y)) + ridge * b
        hessian = (x * (weights * p * (1 - p))[:, None]).T @ x + np.diag(ridge + 1e-9)
        b -= np.linalg.solve(hessian, gradient)
    return b


def fit(signs: Sequence[dict[str, float]], y: Floats, weights: Floats) -> dict[str, float]:
    """Weights by sign; signs that would speak for the wrong side are left out one by one."""
    names = list(signs[0])
    while True:
        x = np.array([[row[name] for name in names] for row in signs])
        found = dict(zip(names, (float(b) for b in regress(x, y, weights)), strict=True))
        wrong = {n: abs(found[n]) for n in _NEVER_ABOVE_0 if found.get(n, 0) > 0}
        wrong |= {n: abs(found[n]) for n in _NEVER_BELOW_0 if found.get(n, 0) < 0}
        if not wrong:
            return {name: round(found.get(name, 0.0), 2) for name in signs[0]}
        names.remove(max(wrong, key=lambda name: wrong[name]))


def waits(caution: float) -> list[tuple[float, int]]:
    """Log odds and the wait that follows from them."""
    table = [(log_density + caution, round(1000 * s)) for s, log_density in _LOG_DENSITY]
    return [(round(odds, 2), ms) for odds, ms in sorted(table)]


def write(target: Path, text: dict[str, float], sound: dict[str, float], caution: float) -> None:
    """Writes the module of weights."""
    lines = [
        '"""Weights of `end_of_turn.py`, written by `python -m benchmarks.turn_ends.fit`."""',
        "",
        "WITH_TEXT = {",
        *(f'    "{name}": {value},' for name, value in text.items()),
        "}",
        '"""What each sign adds to the log odds that a turn is complete, if there is a text."""',
        "",
        "SOUND_ONLY = {",
        *(f'    "{name}": {value},' for name, value in sound.items()),
        "}",
        '"""The same without one."""',
        "",
        "WAITS_MS = (",
        *(f"    ({odds}, {ms})," for odds, ms in waits(caution)),
        ")",
        '"""Log odds, rising, and the silence that a turn with these odds waits for."""',
    ]
    target.write_text("\n".join(lines) + "\n")


def main() -> None:
    """Reads, fits, writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("judged", nargs="+", type=Path)
    parser.add_argument("--words-only", action="append", default=[], type=Path)
    parser.add_argument("--caution", type=float, default=_CAUTION, help="log odds to be outweighed")
    parser.add_argument("--target", type=Path, default=_TARGET)
    arguments = parser.parse_args()
    pauses = [pause for path in arguments.judged for pause in read(path)]
    others = [pause for path in arguments.words_only for pause in read(path)]
    rows = [(with_text(pause), pause.final, 1.0) for pause in pauses]
    rows += [(with_text(p, sound=False), p.final, _WORDS_ONLY_WEIGHT) for p in others]
    kept = [(signs, final, weight) for signs, final, weight in rows if signs is not None]
    signs, ends, weights = zip(*kept, strict=True)
    text = fit(signs, np.array(ends, np.float64), np.array(weights))
    every = np.array([pause.final for pause in pauses], np.float64)
    sound = fit([sound_signs(seen(pause)) for pause in pauses], every, np.ones(len(pauses)))
    write(arguments.target, text, sound, arguments.caution)
    print(f"{len(pauses)} pauses, {int(every.sum())} of them ends; {len(others)} for words only")
    for name, value in text.items():
        print(f"{name:24} {value:6.2f}")


if __name__ == "__main__":
    main()
