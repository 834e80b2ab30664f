"""Which voices there are, and which one a request is spoken in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from voice_agent.engines.base import VoiceInfo
from voice_agent.engines.piper.config import VoiceConfig, primary

DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A voice, and the number of its speaker."""

    voice: VoiceConfig
    speaker: int = 0


class Voices:
    """Piper's voices by id: a voice's name, and `+` and a speaker where it has several.

    A speaker is known by its name and by its number: `en_GB-vctk-medium+p225`, and `…+3`.

    Args:
        voices: The default first; not empty.
    """

    def __init__(self, voices: Sequence[VoiceConfig]) -> None:
        self._voices: Mapping[str, VoiceConfig] = {voice.voice_id: voice for voice in voices}
        self.default = voices[0]

    @property
    def languages(self) -> tuple[str, ...]:
        """Codes that they speak."""
        return tuple(dict.fromkeys(voice.language for voice in self._voices.values()))

    def infos(self) -> list[VoiceInfo]:
        """As clients see them, the default first."""
        found = [_info(DEFAULT, self.default, self.default.name)]
        for voice in self._voices.values():
            found.append(_info(voice.voice_id, voice, voice.name))
            found += [
                _info(f"{voice.voice_id}+{name}", voice, f"{voice.name}, {name}")
                for name in voice.speakers
            ]
        return found

    def choose(self, voice_id: str, language: str | None) -> Chosen | None:
        """The voice that speaks a request; None if none of these does.

        Args:
            voice_id: `default`, or an id.
            language: What to speak; a voice of another language does not speak it, and for
                `default` any voice that does is taken.
        """
        name, plus, speaker = voice_id.partition("+")
        voice = self.default if voice_id == DEFAULT else self._voices.get(name)
        if voice is None or (voice_id == DEFAULT and plus):
            return None
        number = _number(voice, speaker) if plus else 0
        if number is None:
            return None
        if not language or primary(language) == voice.spoken:
            if voice_id == DEFAULT and language:
                return self._of(language) or Chosen(voice=voice)
            return Chosen(voice=voice, speaker=number)
        return self._of(language) if voice_id == DEFAULT else None

    def knows(self, voice_id: str) -> bool:
        """Whether an id is one of these, whatever it speaks."""
        return self.choose(voice_id, None) is not None

    def _of(self, language: str) -> Chosen | None:
        """A voice of a language, of its region if there is one."""
        spoken = [v for v in self._voices.values() if v.spoken == primary(language)]
        wanted = language.lower().replace("_", "-")
        exact = [voice for voice in spoken if voice.language.lower() == wanted]
        best = next(iter([*exact, *spoken]), None)
        return None if best is None else Chosen(voice=best)


def _number(voice: VoiceConfig, speaker: str) -> int | None:
    if speaker in voice.speakers:
        return voice.speakers[speaker]
    if speaker.isdecimal() and int(speaker) in voice.speakers.values():
        return int(speaker)
    return None


def _info(voice_id: str, voice: VoiceConfig, name: str) -> VoiceInfo:
    return VoiceInfo(voice_id=voice_id, name=name, language=voice.language, licence=voice.licence)
