"""How often partials came, and how steady they were."""

from benchmarks.contenders.ours import finals, on_screen
from benchmarks.partials import Settled, Timed, intervals_s, settled
from benchmarks.settling import Shown
from voice_agent.wire.asr import Final, Partial


def _partial(text: str, settled: str = "", *, at_pause: bool = False) -> Partial:
    return Partial(
        text=text, committed=len(settled), confidence=1.0, timestamp=0.0, at_pause=at_pause
    )


def _final(text: str, revised: int = 0) -> Final:
    return Final(
        text=text,
        start=0.0,
        end=1.0,
        confidence=1.0,
        language="en",
        turn_complete=True,
        ended_by="smart_turn",
        revised=revised,
        words=[],
    )


SESSION: list[Timed] = [
    (1.0, _partial("go")),
    (1.5, _partial("go four", "go ")),
    (2.2, _partial("go forward", "go ")),
    (2.6, _partial("go forward ten", "go forward ", at_pause=True)),
    (3.0, _final("Go forward ten.")),
    (6.0, _partial("yes", "yes")),
    (7.0, _final("Guess.", revised=1)),
]


def test_intervals_are_within_a_turn_and_without_the_pause() -> None:
    assert intervals_s(SESSION) == [0.5, 2.2 - 1.5]


def test_settled_words_that_the_final_changed_are_counted() -> None:
    assert settled(SESSION) == Settled(words=3, changed=1)


def test_the_screen_shows_finals_and_settled_words_as_settled() -> None:
    assert on_screen(SESSION)[1] == Shown(1.5, " ".join(["go "]), "four")
    assert on_screen(SESSION)[4] == Shown(3.0, "Go forward ten.")
    assert on_screen(SESSION)[5].settled == "Go forward ten. yes"
    assert [each.at_s for each in finals(SESSION)] == [3.0, 7.0]
