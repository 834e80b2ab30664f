import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from voice_agent.turns.audio_buffer import AudioBuffer

Steps = list[tuple[str, int, int]]
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["append", "forget", "slice"]),
        st.integers(0, 60_000),
        st.integers(0, 60_000),
    ),
    max_size=30,
)


def numbered(start: int, n_samples: int) -> np.ndarray:
    return np.arange(start, start + n_samples, dtype=np.float32)


@given(_STEPS)
def test_a_tape_is_an_array_that_forgot_its_beginning(steps: Steps) -> None:
    tape, written, asked_to_forget = AudioBuffer(), 0, 0
    views: list[tuple[np.ndarray, np.ndarray]] = []
    for kind, a, b in steps:
        match kind:
            case "append":
                n_samples = a // 4
                tape.append(numbered(written, n_samples))
                written += n_samples
            case "forget":
                tape.forget_before(a)
                asked_to_forget = max(asked_to_forget, a)
            case _:
                view = tape.slice(min(a, b), max(a, b))
                first = max(min(a, b), tape.start)
                expected = numbered(first, max(0, min(max(a, b), written) - first))
                assert np.array_equal(view, expected)
                views.append((view, expected))
        assert tape.end == written
        assert tape.start <= max(0, min(asked_to_forget, written))
    # slices that were handed out are never written over
    assert all(np.array_equal(view, expected) for view, expected in views)


def test_an_hour_of_audio_takes_no_more_memory_than_what_is_kept() -> None:
    tape = AudioBuffer()
    second = np.zeros(16_000, np.float32)
    for n in range(3600):
        tape.append(second)
        tape.forget_before((n - 8) * 16_000)
    assert tape.end - tape.start < 40 * 16_000
