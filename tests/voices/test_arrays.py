"""Conditioning as bytes and back, and what is not taken for it."""

import numpy as np
import pytest

from voice_agent.errors import BadAudio, TooLarge
from voice_agent.voices.conditioning_file import (
    MAX_CONDITIONING_BYTES,
    from_bytes,
    frozen,
    to_bytes,
)

MODEL = {"family": "humming", "checkpoint": "0123456789abcdef"}
DATA = {
    "t3.speaker_emb": np.random.default_rng(1).normal(size=(1, 256)).astype(np.float32),
    "t3.tokens": np.arange(150, dtype=np.int64)[None, :],
    "gen.scale": np.float16(0.5) * np.ones((), np.float16),
    "gen.mask": np.array([True, False]),
    "empty": np.zeros((0, 80), np.float32),
    "turned": np.arange(6, dtype=np.int32).reshape(2, 3).T,
}


def test_every_array_comes_back_as_it_was() -> None:
    found = from_bytes(to_bytes(frozen(DATA), **MODEL), **MODEL)
    assert set(found) == set(DATA)
    for name, array in DATA.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_nobody_can_change_what_is_shared() -> None:
    mine = {"a": np.zeros(3, np.float32)}
    shared = frozen(mine)
    with pytest.raises(ValueError, match="read-only"):
        shared["a"][0] = 1
    mine["a"][0] = 1  # what the engine still holds is its own
    assert shared["a"][0] == 0
    with pytest.raises(ValueError, match="read-only"):
        from_bytes(to_bytes(shared, **MODEL), **MODEL)["a"][0] = 1


@pytest.mark.parametrize("name", ["family", "checkpoint"])
def test_conditioning_of_another_model_is_refused(name: str) -> None:
    data = to_bytes(frozen(DATA), **MODEL)
    with pytest.raises(BadAudio, match="another model"):
        from_bytes(data, **{**MODEL, name: "other"})


def test_every_cut_file_is_refused() -> None:
    data = to_bytes(frozen(DATA), **MODEL)
    for n_bytes in [*range(0, 700, 7), len(data) - 1]:
        with pytest.raises(BadAudio):
            from_bytes(data[:n_bytes], **MODEL)


def test_garbage_is_refused() -> None:
    rng = np.random.default_rng(2)
    for n_bytes in (1, 8, 100, 10_000):
        with pytest.raises(BadAudio):
            from_bytes(rng.bytes(n_bytes), **MODEL)
    for text in (b"{}", b"[]", b'{"__metadata__":3}', b'{"__metadata__":{"format":"pickle"}}'):
        with pytest.raises(BadAudio):
            from_bytes(len(text).to_bytes(8, "little") + text, **MODEL)


def test_what_cannot_be_kept_is_an_engines_mistake() -> None:
    with pytest.raises(TypeError, match="names"):
        frozen({"names": np.array(["a"], object)})
    with pytest.raises(TooLarge):
        frozen({"large": np.zeros(MAX_CONDITIONING_BYTES + 1, np.uint8)})
