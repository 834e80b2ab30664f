from tests.engines.whisper.scripted_model import ScriptedClock, ScriptedModel, window
from voice_agent.engines.whisper.memory_fallback import MemoryFallback, is_out_of_memory

_BIG = ScriptedModel("big", 300, languages=("en", "de", "fr"))
_MIDDLE = ScriptedModel("middle.en", 200, languages=("en",))
_SMALL = ScriptedModel("small", 100, languages=("en", "de"))
_MODELS = {model.name: model for model in (_MIDDLE, _BIG, _SMALL)}


def test_the_limit_halves_and_grows_back_after_good_batches() -> None:
    fitting = MemoryFallback(8)
    fitting.too_many(8)
    assert fitting.batch_limit == 4
    fitting.too_many(3)
    assert fitting.batch_limit == 1
    fitting.too_many(2)
    assert fitting.batch_limit == 1
    for _ in range(49):
        fitting.fitted()
    assert fitting.batch_limit == 1
    fitting.fitted()
    assert fitting.batch_limit == 2
    for _ in range(1000):
        fitting.fitted()
    assert fitting.batch_limit == 8


def test_a_larger_batch_that_did_not_fit_does_not_raise_the_limit() -> None:
    fitting = MemoryFallback(8)
    fitting.too_many(2)
    fitting.too_many(8)
    assert fitting.batch_limit == 1


def test_the_largest_smaller_model_stands_in_for_a_minute() -> None:
    clock = ScriptedClock()
    fitting = MemoryFallback(8, clock)
    assert fitting.stand_in("big", _MODELS) == "big"
    fitting.avoid("big")
    assert fitting.avoided(_MODELS) == ["big"]
    assert fitting.stand_in("big", _MODELS) == "middle.en"
    assert fitting.stand_in("small", _MODELS) == "small"
    clock.now_s += 59
    fitting.avoid("middle.en")
    assert fitting.stand_in("big", _MODELS) == "small"
    clock.now_s += 2
    assert fitting.stand_in("big", _MODELS) == "big"
    assert fitting.avoided(_MODELS) == ["middle.en"]


def test_the_smallest_model_has_nothing_to_stand_in_for_it() -> None:
    fitting = MemoryFallback(8)
    assert fitting.smaller("small", _MODELS, ()) == ""
    fitting.avoid("small")
    assert fitting.stand_in("small", _MODELS) == "small"


def test_a_model_stands_in_only_for_languages_that_it_understands() -> None:
    fitting = MemoryFallback(8)
    fitting.avoid("big")
    assert fitting.stand_in("big", _MODELS, [window(1, language="en")]) == "middle.en"
    assert fitting.stand_in("big", _MODELS, [window(1, language="de")]) == "small"
    assert fitting.stand_in("big", _MODELS, [window(1, language="auto")]) == "small"
    assert fitting.stand_in("big", _MODELS, [window(1), window(2, language="de")]) == "small"
    assert fitting.stand_in("big", _MODELS, [window(1, language="fr")]) == "big"


def test_what_means_out_of_memory() -> None:
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(RuntimeError("CUDA failed with error out of memory"))
    assert is_out_of_memory(RuntimeError("cuBLAS failed with status CUBLAS_STATUS_ALLOC_FAILED"))
    assert not is_out_of_memory(RuntimeError("CUDA failed with error invalid argument"))
