"""The cut model against the whole one, and files that are none."""

from pathlib import Path

import numpy as np
import pytest

from tests.engines.piper.say import HELLO_TEXT, STILL, hello
from tests.engines.piper.several_speakers import N_SPEAKERS, make_voice
from voice_agent.engines.base import Samples
from voice_agent.engines.onnx import open_session
from voice_agent.engines.piper import model as model_module
from voice_agent.engines.piper.config import VoiceConfig, read_voice
from voice_agent.engines.piper.cuts import cut
from voice_agent.engines.piper.graph import BadGraph
from voice_agent.engines.piper.model import Manner, VitsModel, load_model
from voice_agent.engines.piper.rendering import Rendering, Work
from voice_agent.errors import EngineUnavailable

ALMOST = 1e-4
RATE_HZ = 22_050


def whole(model: VitsModel, work: Work) -> Samples:
    plan = model.plan(work.ids, work.manner, work.seed)
    return model.audio(plan, model.latent(plan, 0, plan.n_frames), 0, plan.n_frames)


def streamed(model: VitsModel, work: Work) -> list[Samples]:
    """The windows."""
    rendering, windows = Rendering(model, work, RATE_HZ), list[Samples]()
    while not rendering.over:
        windows.append(np.concatenate([piece.samples for piece in rendering.step()]))
    return windows


def test_the_cut_model_says_what_the_whole_one_says(
    voice: VoiceConfig, model: VitsModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_module, "_LEAD_FRAMES", 1_000)  # the whole one caps nothing
    work = hello(voice)
    given = {
        "input": np.array([work.ids], np.int64),
        "input_lengths": np.array([len(work.ids)], np.int64),
        "scales": np.array([0, 1, 0], np.float32),
    }
    (expected,) = open_session(voice.path).run(None, given)
    said = whole(model, work)
    assert said.shape == expected.reshape(-1).shape
    assert np.abs(said - expected.reshape(-1)).max() < ALMOST


@pytest.mark.parametrize("times", [1, 8])  # 1.8 s, and 15 s: windows of every size
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_windows_are_the_whole(voice: VoiceConfig, model: VitsModel, times: int, seed: int) -> None:
    work = hello(voice, Manner(), seed, times)
    expected = np.clip(whole(model, work), -1, 1)
    windows = streamed(model, work)
    assert len(windows) > 2
    said = np.concatenate(windows)
    assert said.shape == expected.shape
    assert np.abs(said - expected).max() < ALMOST


def test_the_first_window_is_short(voice: VoiceConfig, model: VitsModel) -> None:
    windows = streamed(model, hello(voice, times=8))
    assert len(windows[0]) == 16 * model.hop_samples
    assert max(len(window) for window in windows) <= (128 + 16) * model.hop_samples


def test_how_long_it_is_is_known_before_there_is_audio(
    voice: VoiceConfig, model: VitsModel
) -> None:
    for seed in range(5):
        work = hello(voice, Manner(noise_w=0.8), seed)
        plan = model.plan(work.ids, work.manner, seed)
        assert len(plan.frames) == len(work.ids)
        assert sum(plan.frames) * model.hop_samples == len(whole(model, work))
        assert plan.frames[0] + plan.frames[1] <= 5  # silence before the first phoneme


def test_a_seed_draws_the_same_noise(voice: VoiceConfig, model: VitsModel) -> None:
    first, again, other = (whole(model, hello(voice, Manner(), seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)


def test_twice_as_slow_takes_about_twice_as_long(voice: VoiceConfig, model: VitsModel) -> None:
    usual = len(whole(model, hello(voice)))
    slow = len(whole(model, hello(voice, Manner(length_scale=2, noise_scale=0, noise_w=0))))
    assert 1.7 < slow / usual < 2.1


def test_how_far_a_sample_reaches_is_found_in_the_graph(voice: VoiceConfig) -> None:
    layout = cut(voice.path.read_bytes()).layout
    assert (layout.hop_samples, layout.stage_samples) == (256, 32)
    # four couplings of four convolutions of five frames; the decoder's, by hand
    assert (layout.flow_context, layout.head_context, layout.tail_context) == (32, 11, 8)


@pytest.mark.parametrize("data", [b"", b"RIFF....WAVE", b"\x00" * 100, bytes(range(256)) * 9])
def test_what_is_no_graph_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "voice.onnx"
    path.write_bytes(data)
    with pytest.raises(BadGraph, match="no ONNX file"):
        cut(data)
    with pytest.raises(EngineUnavailable, match="cannot be used: it is no ONNX file"):
        load_model(path)


def test_a_file_that_is_cut_off_is_refused(voice: VoiceConfig, tmp_path: Path) -> None:
    path = tmp_path / "voice.onnx"
    path.write_bytes(voice.path.read_bytes()[:40_000_000])
    with pytest.raises(EngineUnavailable, match="cut off"):
        load_model(path)


def test_another_model_is_refused() -> None:
    from voice_agent.engines.onnx import bundled_model
    from voice_agent.engines.smart_turn.model import MODEL

    with pytest.raises(EngineUnavailable, match="no VITS as Piper exports it"):
        load_model(bundled_model("pipecat", MODEL))


def test_a_flipped_bit_is_noticed_where_the_hash_is_known(
    voice: VoiceConfig, tmp_path: Path
) -> None:
    from voice_agent.engines.piper.voice_store import official_sha256

    damaged = bytearray(voice.path.read_bytes())
    damaged[30_000_000] ^= 1
    (tmp_path / voice.path.name).write_bytes(damaged)
    assert load_model(voice.path, official_sha256(voice))
    with pytest.raises(EngineUnavailable, match="not the official file"):
        load_model(tmp_path / voice.path.name, official_sha256(voice))


def test_without_a_folder_for_files_it_loads_from_memory(
    voice: VoiceConfig, model: VitsModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object, **__: object) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(model_module.tempfile, "TemporaryDirectory", no_room)
    work = hello(voice)
    assert np.array_equal(whole(load_model(voice.path), work), whole(model, work))


def test_a_voice_of_several_speakers_speaks_in_windows_too(
    voice: VoiceConfig, voice_folder: Path, model: VitsModel, tmp_path: Path
) -> None:
    several = read_voice(make_voice(tmp_path, voice_folder))
    assert several.speakers == {"joe": 0, "anna_b_": 1, "carl": 2}
    many = load_model(several.path)
    said = list[Samples]()
    for speaker in range(N_SPEAKERS):
        work = hello(voice, Manner(noise_scale=0, noise_w=0, speaker=speaker), times=3)
        expected = whole(many, work)
        windows = np.concatenate(streamed(many, work))
        assert np.abs(windows - np.clip(expected, -1, 1)).max() < ALMOST
        said.append(expected)
    # the first one's embedding changes nothing, the others' a lot
    assert np.abs(said[0] - whole(model, hello(voice, STILL, times=3))).max() < ALMOST
    assert len({len(samples) for samples in said}) > 1
    n_samples = min(len(samples) for samples in said)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(said[one][:n_samples] - said[other][:n_samples]).max() > 0.1


def test_words_cover_all_frames(voice: VoiceConfig, model: VitsModel) -> None:
    rendering = Rendering(model, hello(voice, Manner(), 3), RATE_HZ)
    pieces = [piece for _ in iter(lambda: rendering.over, True) for piece in rendering.step()]
    heard = [HELLO_TEXT[piece.text_start : piece.text_end] for piece in pieces]
    words = list(dict.fromkeys(word for word in heard if word))
    assert words == HELLO_TEXT.split()
    assert all(len(piece.samples) for piece in pieces)
