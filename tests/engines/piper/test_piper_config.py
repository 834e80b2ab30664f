"""What a voice's folder says of it, which voices there are, and when they are picked."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from voice_agent.engines.piper.config import VoiceConfig, read_voice
from voice_agent.engines.piper.speaker import PiperSpeaker
from voice_agent.engines.piper.voices import Voices
from voice_agent.engines.registry import SPEAKERS, pick
from voice_agent.errors import ModelMissing, SettingsError
from voice_agent.settings import Settings

Change = Callable[[dict[str, Any]], object]


def changed(folder: Path, source: VoiceConfig, name: str, change: Change) -> Path:
    """A voice of another name, whose graph is empty."""
    target = folder / name
    target.mkdir(parents=True)
    said = json.loads(source.path.with_name(f"{source.path.name}.json").read_bytes())
    change(said)
    (target / f"{name}.onnx.json").write_text(json.dumps(said))
    (target / f"{name}.onnx").write_bytes(b"-")
    shutil.copy(source.path.parent / "MODEL_CARD", target)
    return target


def test_the_real_voice(voice: VoiceConfig) -> None:
    assert voice.voice_id == voice.name == "en_US-joe-medium"
    assert (voice.language, voice.espeak_voice, voice.sample_rate_hz) == ("en-US", "en-us", 22_050)
    assert voice.licence.startswith("recordings: CC0, finetuned from U.S. English lessac voice")
    assert "licence for research" in voice.licence
    assert not voice.speakers


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda said: said.update(phoneme_type="text"), "its phonemes are 'text'"),
        (lambda said: said.update(phoneme_type="pinyin"), "its phonemes are 'pinyin'"),
        (lambda said: said["phoneme_id_map"].pop("^"), r"no '\^'"),
        (lambda said: said["phoneme_id_map"].update(a=[999]), "256 symbols"),
        (lambda said: said["phoneme_id_map"].update(a="x"), "cannot be used"),
        (lambda said: said.pop("phoneme_id_map"), "no phoneme_id_map"),
        (lambda said: said.pop("inference"), "no inference"),
        (lambda said: said["audio"].update(sample_rate=100), "a rate of 100 Hz"),
        (lambda said: said.update(espeak=None), "not subscriptable"),
        (
            lambda said: said.update(num_speakers=2, speaker_id_map={"a": 0, "b": 2}),
            "2 speakers, and names beyond",
        ),
    ],
)
def test_a_voice_that_cannot_be_used_says_why(
    voice: VoiceConfig, tmp_path: Path, change: Change, why: str
) -> None:
    with pytest.raises(ModelMissing, match=why):
        read_voice(changed(tmp_path, voice, "xx_XX-other-low", change))


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "1", "[" * 100_000])
def test_what_is_no_description_is_refused(voice: VoiceConfig, tmp_path: Path, text: str) -> None:
    folder = changed(tmp_path, voice, "xx_XX-other-low", lambda said: None)
    (folder / "xx_XX-other-low.onnx.json").write_text(text)
    with pytest.raises(ModelMissing, match="cannot be used"):
        read_voice(folder)


def test_a_folder_without_a_voice_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="holds no Piper voice"):
        read_voice(tmp_path)


def several(folder: Path, voice: VoiceConfig) -> VoiceConfig:
    def change(said: dict[str, Any]) -> None:
        said["num_speakers"] = 3
        said["speaker_id_map"] = {"p225": 0, "Zoë K.": 1, "7": 2}
        said["language"]["code"] = "en_GB"

    return read_voice(changed(folder, voice, "en_GB-tugão-medium", change))


def test_a_speaker_is_known_by_name_and_by_number(voice: VoiceConfig, tmp_path: Path) -> None:
    voices = Voices([voice, several(tmp_path, voice)])
    ids = [info.voice_id for info in voices.infos()]
    assert ids == [
        "default",
        "en_US-joe-medium",
        "en_GB-tugao-medium",
        "en_GB-tugao-medium+p225",
        "en_GB-tugao-medium+Zoe_K_",
        "en_GB-tugao-medium+7",
    ]

    def speaker_of(voice_id: str) -> int | None:
        chosen = voices.choose(voice_id, None)
        return chosen.speaker if chosen else None

    assert [speaker_of(i) for i in ids] == [0, 0, 0, 0, 1, 2]
    assert speaker_of("en_GB-tugao-medium+1") == 1
    for unknown in ("en_GB-tugao-medium+9", "en_GB-tugao-medium+", "en_US-joe-medium+0", "x+1"):
        assert speaker_of(unknown) is None, unknown


def test_a_language_takes_the_voice_that_speaks_it(voice: VoiceConfig, tmp_path: Path) -> None:
    british = several(tmp_path, voice)
    german = read_voice(
        changed(tmp_path, voice, "de_DE-x-low", lambda s: s["language"].update(code="de_DE"))
    )
    voices = Voices([voice, british, german])

    def voice_of(voice_id: str, language: str | None) -> str:
        chosen = voices.choose(voice_id, language)
        return chosen.voice.voice_id if chosen else "espeak"

    assert voice_of("default", None) == voice_of("default", "en") == "en_US-joe-medium"
    assert voice_of("default", "en_GB") == "en_GB-tugao-medium"
    assert voice_of("default", "de") == voice_of("default", "de-AT") == "de_DE-x-low"
    assert voice_of("default", "fr") == "espeak"
    # who asks for a voice gets that one, or none of another sound
    assert voice_of("en_US-joe-medium", "en-GB") == "en_US-joe-medium"
    assert voice_of("en_US-joe-medium", "de") == "espeak"


def test_auto_takes_it_where_there_is_a_voice_and_no_gpu(voice: VoiceConfig) -> None:
    settings = Settings.model_validate({"models": {"dir": voice.path.parent.parent}})
    picked = pick(SPEAKERS, "auto", settings)
    assert isinstance(picked.engine, PiperSpeaker)
    assert "a Piper voice is on this machine" in picked.why


def test_without_a_voice_auto_takes_espeak_and_says_why(tmp_path: Path) -> None:
    settings = Settings.model_validate({"models": {"dir": tmp_path / "models"}})
    picked = pick(SPEAKERS, "auto", settings)
    assert picked.engine.info.name == "espeak"
    assert "there is no Piper voice in" in picked.why
    assert "models pull en_US-joe-medium" in picked.hint
    with pytest.raises(SettingsError, match="piper cannot run here: there is no Piper voice"):
        pick(SPEAKERS, "piper", settings)


def test_a_folder_is_a_voice_too_and_the_installed_ones_are_there_as_well(
    voice: VoiceConfig, tmp_path: Path
) -> None:
    from voice_agent.engines.piper.placement import chosen_voices

    british = several(tmp_path / "models", voice)
    broken = changed(
        tmp_path / "models", voice, "zh_CN-x-low", lambda said: said.update(phoneme_type="pinyin")
    )
    settings = Settings.model_validate({"models": {"dir": tmp_path / "models"}})
    settings.tts.model = str(voice.path.parent)
    assert [v.voice_id for v in chosen_voices(settings)] == [voice.voice_id, british.voice_id]
    settings.tts.model = ""
    assert [v.voice_id for v in chosen_voices(settings)] == [british.voice_id]
    settings.tts.model = str(broken)
    with pytest.raises(SettingsError, match="its phonemes are 'pinyin'"):
        pick(SPEAKERS, "piper", settings)
    settings.tts.model = "xx_XX-nobody-low"
    with pytest.raises(SettingsError, match="xx_XX-nobody-low is not on this machine"):
        pick(SPEAKERS, "piper", settings)
