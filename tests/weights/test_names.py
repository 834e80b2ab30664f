import pytest
from faster_whisper.utils import _MODELS

from voice_agent.errors import SettingsError, UnknownModel
from voice_agent.weights.names import WHISPER, resolve, same_weights


def test_the_names_are_those_of_faster_whisper() -> None:
    assert {name: weights.repository for name, weights in WHISPER.items()} == _MODELS
    assert all(name == weights.name for name, weights in WHISPER.items())


def test_a_repository_is_its_own_name() -> None:
    weights = resolve("somebody/whisper-klingon.v2")
    assert (weights.name, weights.repository) == ("somebody/whisper-klingon.v2",) * 2
    assert weights.files == WHISPER["tiny"].files


@pytest.mark.parametrize(
    ("wrong", "near"), [("tinny", "tiny"), ("Turbo", "turbo"), ("large_v3", "large-v3")]
)
def test_a_wrong_name_gets_the_nearest_ones(wrong: str, near: str) -> None:
    with pytest.raises(UnknownModel, match=rf"no model {wrong}; did you mean .*\b{near}\b"):
        resolve(wrong)


def test_a_name_like_no_other_gets_them_all() -> None:
    everything = r"there are: tiny, .*large, chatterbox, .*or any owner/name"
    with pytest.raises(SettingsError, match=everything):
        resolve("qqqq")


@pytest.mark.parametrize("bad", ["../../etc", "a/b/c", "a--b/c", "/a", "a/", "", "a/../b", "é/a"])
def test_what_could_lead_elsewhere_is_no_name(bad: str) -> None:
    with pytest.raises(UnknownModel):
        resolve(bad)


def test_two_names_may_mean_the_same_weights() -> None:
    assert same_weights(WHISPER["turbo"]) == ["turbo", "large-v3-turbo"]
    assert same_weights(WHISPER["tiny"]) == ["tiny"]
