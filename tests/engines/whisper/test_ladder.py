import pytest
from prometheus_client import REGISTRY

from tests.engines.whisper.scripted_model import Call, ScriptedModel, heard, window
from voice_agent.engines.whisper.hypothesis import Hypothesis
from voice_agent.engines.whisper.ladder import attempt, decode, rungs
from voice_agent.engines.whisper.window import FULL_FRAMES

_GOOD = heard("good")
_UNSURE = heard("unsure", mean_log_probability=-1.5)
_UNSURER = heard("unsurer", mean_log_probability=-2.0)
_LOOPING = heard("looping", ended=False)
_SILENT = heard("thanks", mean_log_probability=-1.5, no_speech_probability=0.9)


def model(*rounds: list[Hypothesis]) -> ScriptedModel:
    """Answers its first call with the first round, and so on."""
    answers = iter(rounds)
    return ScriptedModel(script=lambda _: next(answers))


def how(call: Call) -> tuple[list[int], int, float]:
    return call.labels, call.windows[0].frames, call.temperature


def texts(found: list[Hypothesis]) -> list[str]:
    return [hypothesis.text for hypothesis in found]


def test_short_windows_are_tried_short_then_full_then_drawn() -> None:
    assert [(rung.frames, rung.temperature) for rung in rungs(500)] == [
        (500, 0.0),
        (FULL_FRAMES, 0.0),
        (FULL_FRAMES, 0.4),
        (FULL_FRAMES, 0.8),
    ]
    assert [rung.temperature for rung in rungs(FULL_FRAMES)] == [0.0, 0.4, 0.8]


def test_what_comes_out_well_is_decoded_once() -> None:
    script = model([_GOOD, _GOOD])
    found = decode(script, [window(1), window(2)], beam_size=5, patient=True)
    assert texts(found) == ["good", "good"]
    assert [how(call) for call in script.calls] == [([1, 2], 500, 0.0)]
    assert script.calls[0].beam_size == 5


def test_only_bad_rows_are_tried_again_until_they_are_good() -> None:
    before = again()
    script = model(
        [_LOOPING, heard("one"), _UNSURE, heard("three")],
        [heard("full"), _UNSURE],
        [heard("drawn")],
    )
    rows = [window(n) for n in range(4)]
    found = decode(script, rows, beam_size=1, patient=True)
    assert texts(found) == ["full", "one", "drawn", "three"]
    assert [how(call) for call in script.calls] == [
        ([0, 1, 2, 3], 500, 0.0),
        ([0, 2], FULL_FRAMES, 0.0),
        ([2], FULL_FRAMES, 0.4),
    ]
    assert again() - before == 3


def test_a_window_keeps_its_language_and_its_prompt_when_it_is_tried_again() -> None:
    script = model([_LOOPING], [_GOOD])
    decode(script, [window(1, language="de", prompt=(7, 8))], beam_size=1, patient=True)
    (retried,) = script.calls[1].windows
    assert (retried.language, retried.prompt) == ("de", (7, 8))


def test_without_time_bad_rows_are_left_as_they_are() -> None:
    script = model([_LOOPING, _UNSURE])
    found = decode(script, [window(1), window(2)], beam_size=1, patient=False)
    assert texts(found) == ["looping", "unsure"]
    assert len(script.calls) == 1


def test_partials_among_finals_are_not_tried_again() -> None:
    script = model([_LOOPING, _LOOPING], [_GOOD])
    found = decode(script, [window(1), window(2)], beam_size=1, patient=True, partials=[0])
    assert texts(found) == ["looping", "good"]
    assert script.batches == [[1, 2], [2]]


@pytest.mark.parametrize(
    ("tries", "best"),
    [
        ([_UNSURER, _UNSURE, _UNSURER, _LOOPING], "unsure"),
        ([_LOOPING, _UNSURER, _LOOPING, _LOOPING], "unsurer"),
        ([_UNSURE, _LOOPING, _LOOPING, _UNSURER], "unsure"),
        ([_LOOPING, _LOOPING, _LOOPING, _LOOPING], "looping"),
    ],
)
def test_of_bad_ones_the_best_is_taken(tries: list[Hypothesis], best: str) -> None:
    script = model(*([one] for one in tries))
    assert texts(decode(script, [window(1)], beam_size=1, patient=True)) == [best]
    assert len(script.calls) == 4


def test_silence_is_not_tried_again() -> None:
    script = model([_SILENT])
    assert decode(script, [window(1)], beam_size=1, patient=True) == [_SILENT]
    script = model([_LOOPING], [_SILENT])
    assert decode(script, [window(1)], beam_size=1, patient=True) == [_SILENT]


@pytest.mark.parametrize("error", [RuntimeError("no"), MemoryError(), SystemExit(1)])
def test_an_attempt_returns_what_was_raised(error: BaseException) -> None:
    def raises(_: Call) -> list[Hypothesis]:
        raise error

    assert attempt(ScriptedModel(script=raises), [window(1)], beam_size=1, patient=True) is error
    answers = ScriptedModel()
    assert isinstance(attempt(answers, [window(1)], beam_size=1, patient=True), list)


def again() -> float:
    labels = {"engine": "whisper", "what": "again"}
    return REGISTRY.get_sample_value("voice_agent_engine_trouble_total", labels) or 0.0
