"""Which voices espeak-ng has, and what it calls them."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from voice_agent.engines.base import VoiceInfo
from voice_agent.errors import Unsupported, VoiceNotFound

DEFAULT_VOICE = "en-us+edward"
"""The variant that the embedded recogniser understood best of about forty: 24 % word errors on
twenty sentences at 170 words a minute. At 130, `en-us` has 61 % and `en-us+f2` 52 %."""

_MUTE = frozenset({"fo", "kaa", "xex"})
"""espeak-ng lists them, but the package has no dictionaries for them: they say nothing."""

_VOICE_ID = re.compile(r"[A-Za-z0-9_+-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Base:
    voice_id: str
    file: str
    name: str


@dataclass(slots=True)
class Catalogue:
    """espeak-ng's voices by id: a language code, or a language code, `+` and a variant.

    Every code of a voice is an id; where voices share one, the voice that espeak-ng ranks
    highest has it, and the other goes by its next code or by its file's name.
    """

    version: str
    sample_rate_hz: int
    _bases: list[_Base]
    _by_code: dict[str, _Base]
    _variants: tuple[str, ...]
    _voices: tuple[VoiceInfo, ...] = field(init=False)

    def __post_init__(self) -> None:
        default = VoiceInfo(voice_id="default", name="English (America), edward", language="en-us")
        own = (
            VoiceInfo(voice_id=base.voice_id, name=base.name, language=base.voice_id)
            for base in self._bases
        )
        # each voice takes each variant, 14,000 in all: the list shows them once
        varied = (
            VoiceInfo(
                voice_id=f"en-us+{variant}", name=f"English (America), {variant}", language="en-us"
            )
            for variant in self._variants
        )
        self._voices = (default, *own, *varied)

    @property
    def voices(self) -> Sequence[VoiceInfo]:
        """The default, then one voice a language, then all variants of the American one."""
        return self._voices

    @property
    def languages(self) -> tuple[str, ...]:
        """Codes of the languages."""
        return tuple(base.voice_id for base in self._bases)

    def espeak_name(self, voice_id: str, language: str | None) -> str:
        """The name under which espeak-ng loads a voice.

        Args:
            voice_id: `default`, or an id of the catalogue.
            language: What to speak, if not the voice's own language: the voice keeps its
                variant. None, or the voice's own, changes nothing.

        Raises:
            VoiceNotFound: There is no such voice.
            Unsupported: The language is not spoken.
        """
        base, variant = self._find(voice_id, language)
        return base.file + variant

    def language(self, voice_id: str, language: str | None) -> str:
        """The code of the language that is spoken then.

        Raises:
            VoiceNotFound: There is no such voice.
            Unsupported: The language is not spoken.
        """
        return self._find(voice_id, language)[0].voice_id

    def _find(self, voice_id: str, language: str | None) -> tuple[_Base, str]:
        code, plus, variant = (DEFAULT_VOICE if voice_id == "default" else voice_id).partition("+")
        base = self._by_code.get(code.lower())
        if base is None or (plus and variant not in self._variants):
            raise VoiceNotFound(f"there is no voice {voice_id}; list_voices says which there are")
        if language and _primary(base.voice_id) != _primary(language):
            base = self._base_of(language)
        return base, plus + variant

    def _base_of(self, language: str) -> _Base:
        code = language.lower().replace("_", "-")
        base = self._by_code.get(code) or self._by_code.get(_primary(code))
        if base is None:
            raise Unsupported(f"the espeak engine does not speak the language {language}")
        return base


def read_catalogue(hello: bytes) -> Catalogue:
    """Makes the catalogue from the body of the worker's HELLO."""
    said = json.loads(hello)
    ranked: dict[str, tuple[int, str]] = {}  # code: (priority, file); the lowest wins
    for voice in said["voices"]:
        for priority, code in cast(list[tuple[int, str]], voice["languages"]):
            ranked.setdefault(code.lower(), (priority, voice["file"]))
            ranked[code.lower()] = min(ranked[code.lower()], (priority, voice["file"]))
    bases: list[_Base] = []
    by_code: dict[str, _Base] = {}
    for voice in said["voices"]:
        codes = [code for _, code in voice["languages"]]
        own = [code for code in codes if ranked[code.lower()][1] == voice["file"]]
        voice_id = (own or [voice["file"].rpartition("/")[2]])[0]
        if _VOICE_ID.fullmatch(voice_id) and voice_id not in _MUTE:
            base = _Base(voice_id=voice_id, file=voice["file"], name=voice["name"])
            bases.append(base)
            by_code |= {code.lower(): base for code in [*own, voice_id]}
    return Catalogue(
        said["version"],
        said["sample_rate_hz"],
        bases,
        by_code,
        tuple(name for name in said["variants"] if _VOICE_ID.fullmatch(name)),
    )


def _primary(language: str) -> str:
    return re.split("[-_]", language.lower(), maxsplit=1)[0]
