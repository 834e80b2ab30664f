import pytest
from prometheus_client import REGISTRY

from tests.engines.whisper.scripted_model import Call, ScriptedModel, heard, window
from voice_agent.engines.whisper.hypothesis import Hypothesis
from voice_agent.engines.whisper.model import confidence
from voice_agent.engines.whisper.temperature_fallback import attempt, decode, rungs
from voice_agent.engines.whisper.window import FULL_FRAMES

_GOOD = heard("good")
_UNSURE = heard("not at all sure", mean_log_probability=-1.5)
_LOOP = heard("thank you " * 5, mean_log_probability=-0.2)
_LOOPING = heard("looping again " * 5, ended=False)
_CUT = heard("more to say", ended=False)
_TWICE = heard("press one to reply " * 2, in_full=False)
_TWICE_IN_FULL = heard("press one to reply " * 2)
_ONCE = heard("press one to reply")
_SILENT = heard("thanks", mean_log_probability=-1.5, no_speech_probability=0.9)


def model(*rounds: list[Hypothesis]) -> ScriptedModel:
    """Answers its first call with the first round, and so on."""
    answers = iter(rounds)
    return ScriptedModel(script=lambda _: next(answers))


def how(call: Call) -> tuple[list[int], int, float]:
    return call.labels, call.windows[0].frames, call.temperature


def texts(found: list[Hypothesis]) -> list[str]:
    return [hypothesis.text for hypothesis in found]


def test_what_is_bad_is_tried_in_the_full_window_then_drawn() -> None:
    assert [rung.temperature for rung in rungs(patient=True)] == [0.0, 0.4, 0.8]
    assert [rung.temperature for rung in rungs(patient=False)] == [0.0]


def test_what_comes_out_well_is_decoded_once() -> None:
    script = model([_GOOD, _GOOD])
    found = decode(script, [window(1), window(2)], beam_size=5, patient=True)
    assert texts(found) == ["good", "good"]
    assert [how(call) for call in script.calls] == [([1, 2], 500, 0.0)]
    assert script.calls[0].beam_size == 5


def test_only_bad_rows_are_tried_again_until_they_are_good() -> None:
    before = again()
    script = model(
        [_LOOPING, heard("one"), _LOOP, heard("three")],
        [heard("full"), _LOOP],
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


def test_without_time_bad_rows_have_one_more_try() -> None:
    script = model([_LOOPING, _LOOP, _UNSURE], [_GOOD, _LOOP])
    found = decode(script, [window(n) for n in range(3)], beam_size=1, patient=False)
    assert texts(found) == ["good", _LOOP.text, _UNSURE.text]
    assert [how(call) for call in script.calls] == [
        ([0, 1, 2], 500, 0.0),
        ([0, 1], FULL_FRAMES, 0.0),
    ]


def test_what_was_shown_in_full_is_not_decoded_again_in_the_same_way() -> None:
    script = model([_LOOPING, _TWICE_IN_FULL])
    rows = [window(n, frames=FULL_FRAMES) for n in range(2)]
    decode(script, rows, beam_size=1, patient=False)
    assert len(script.calls) == 1


def test_a_phrase_said_twice_is_what_the_full_window_says() -> None:
    script = model([_TWICE], [_ONCE])
    (found,) = decode(script, [window(1)], beam_size=1, patient=False)
    assert found.text == _ONCE.text
    script = model([_TWICE], [_TWICE_IN_FULL])
    (found,) = decode(script, [window(1)], beam_size=1, patient=True)
    assert found.cleaned().text == _TWICE.text
    assert len(script.calls) == 2


def test_a_loop_that_the_full_window_makes_worse_goes_out_once_and_unsure() -> None:
    script = model([_TWICE], [_LOOPING])
    (found,) = decode(script, [window(1)], beam_size=1, patient=False)
    assert found.cleaned().text == "press one to reply"
    assert confidence(found.cleaned()) <= 0.2


def test_unlikely_words_are_not_tried_again() -> None:
    script = model([_UNSURE])
    assert texts(decode(script, [window(1)], beam_size=1, patient=True)) == [_UNSURE.text]


def test_no_tokens_are_drawn_where_another_loop_would_cost_seconds() -> None:
    dense = heard("thank you " * 5, language="my")
    for row, loop in ((window(1, seconds=29.0), _LOOP), (window(1, seconds=4.0), dense)):
        script = model([loop], [loop])
        decode(script, [row], beam_size=1, patient=True)
        assert [call.temperature for call in script.calls] == [0.0, 0.0]


def test_what_had_too_few_tokens_gets_all_there_are() -> None:
    script = model([_CUT], [_GOOD])
    (found,) = decode(script, [window(1, frames=FULL_FRAMES)], beam_size=1, patient=True)
    assert found.text == "good"
    assert [call.windows[0].roomy for call in script.calls] == [False, True]
    script = model([_CUT], [_CUT])
    (found,) = decode(script, [window(1)], beam_size=1, patient=True)
    assert found.cut  # no tokens are drawn for it: there would not be fewer


def test_partials_among_finals_are_not_tried_again() -> None:
    script = model([_LOOPING, _LOOPING], [_GOOD])
    found = decode(script, [window(1), window(2)], beam_size=1, patient=True, partials=[0])
    assert texts(found) == [_LOOPING.text, "good"]
    assert script.batches == [[1, 2], [2]]


@pytest.mark.parametrize(
    ("tries", "best"),
    [
        ([_LOOPING, _LOOPING, _LOOPING, _UNSURE], _UNSURE.text),
        ([_LOOPING, _LOOP, _LOOPING, _LOOPING], _LOOPING.text),
        ([_LOOP, _LOOPING, _LOOP, _LOOPING], _LOOPING.text),
        ([_LOOPING, _LOOPING, _LOOPING, _LOOPING], _LOOPING.text),
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
