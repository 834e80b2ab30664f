import numpy as np

from voice_agent.cli.player import Player


def tone(n_samples: int) -> np.ndarray:
    return np.full(n_samples, 0.5, np.float32)


def test_pieces_are_read_in_any_size_and_filled_up_with_silence() -> None:
    player = Player(1000)
    player.add(tone(30))
    player.add(tone(30))
    assert np.count_nonzero(player.take(45)) == 45
    assert np.count_nonzero(player.take(45)) == 15
    assert np.count_nonzero(player.take(45)) == 0
    assert player.played_ms == 60


def test_clear_drops_what_was_not_heard_and_does_not_count_it() -> None:
    player = Player(1000)
    player.add(tone(100))
    player.take(40)
    player.clear()
    assert not player.busy
    assert np.count_nonzero(player.take(40)) == 0
    assert player.played_ms == 40


def test_each_answer_is_counted_from_its_start() -> None:
    player = Player(1000)
    player.add(tone(50))
    player.take(50)
    player.begin()
    assert player.played_ms == 0
