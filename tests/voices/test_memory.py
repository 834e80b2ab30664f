"""The memory of voices: bounded, the least used goes."""

import numpy as np

from voice_agent.voices.conditioning_cache import ConditioningCache


def conditioning(n_bytes: int) -> dict[str, np.ndarray]:
    return {"a": np.zeros(n_bytes, np.uint8)}


def test_what_was_not_used_for_longest_goes_first() -> None:
    memory = ConditioningCache(max_bytes=300)
    for key in "abc":
        memory.put(key, conditioning(100))
    assert memory.get("a") is not None
    memory.put("d", conditioning(100))
    assert [key for key in "abcd" if memory.get(key) is not None] == ["a", "c", "d"]
    assert memory.n_bytes == 300


def test_the_same_key_counts_once() -> None:
    memory = ConditioningCache(max_bytes=300)
    for _ in range(5):
        memory.put("a", conditioning(100))
    assert memory.n_bytes == 100
    memory.drop("a")
    memory.drop("a")
    assert (memory.n_bytes, memory.get("a")) == (0, None)


def test_one_that_is_larger_than_all_of_it_is_held_alone() -> None:
    memory = ConditioningCache(max_bytes=300)
    memory.put("a", conditioning(100))
    memory.put("b", conditioning(1000))
    assert memory.get("a") is None
    assert memory.get("b") is not None
