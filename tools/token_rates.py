"""Tokens of a second of speech, by language: ``python -m tools.token_rates MODEL_FOLDER``.

For the table in voice_agent/engines/whisper/tokens.py. Needs Babel (``pip install babel``), whose
names of countries, months and days in every language espeak-ng speaks at its usual pace of 175
words a minute; Whisper's tokenizer counts their tokens. Natural speech is a little slower.
"""

import ctypes
import multiprocessing
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

_TERRITORIES = (
    *("DE", "FR", "IT", "ES", "GB", "US", "IN", "CN", "JP", "RU", "BR", "EG", "ZA"),
    *("TR", "MX", "CA", "AU", "AR", "KE", "NG", "SE", "PL", "GR", "IR", "TH"),
)
# where Whisper, CLDR and espeak-ng call a language by different names
_IN_CLDR = {"jw": "jv", "no": "nb", "tl": "fil", "zh": "zh", "yue": "yue", "haw": "haw"}
_IN_ESPEAK = {"no": "nb", "zh": "cmn", "en": "en-us", "fr": "fr-fr", "jw": "", "tl": ""}
_SYNCHRONOUS, _UTF8 = 2, 1


class _Espeak:
    """Seconds that a text takes."""

    def __init__(self) -> None:
        loader: Any = import_module("espeakng_loader")
        self._library = ctypes.CDLL(loader.get_library_path())
        self._rate_hz = self._library.espeak_Initialize(
            _SYNCHRONOUS, 0, loader.get_data_path().encode(), 0
        )
        kind = ctypes.CFUNCTYPE(
            ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
        )
        self._n_samples = 0
        self._callback = kind(self._take)
        self._library.espeak_SetSynthCallback(self._callback)

    def _take(self, _samples: Any, n_samples: int, _events: Any) -> int:
        self._n_samples += n_samples
        return 0

    def seconds(self, text: str, voice: str) -> float:
        """0 if there is no such voice."""
        if not voice or self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            return 0.0
        self._n_samples = 0
        raw = text.encode()
        self._library.espeak_Synth(raw, len(raw) + 1, 0, 1, 0, _UTF8, None, None)
        return self._n_samples / self._rate_hz


def text_in(language: str) -> str:
    """Names in this language; empty if CLDR does not have them."""
    babel: Any = import_module("babel")
    try:
        locale: Any = babel.Locale.parse(_IN_CLDR.get(language, language))
    except (babel.UnknownLocaleError, ValueError):
        return ""
    named = [locale.territories.get(code, "") for code in _TERRITORIES]
    dates = [*locale.months["format"]["wide"].values(), *locale.days["format"]["wide"].values()]
    return " ".join(filter(None, named + dates))


def line(language: str) -> str:
    """What was measured of a language."""
    folder = Path(sys.argv[1])
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    text = text_in(language)
    spoken_s = _Espeak().seconds(text, _IN_ESPEAK.get(language, language)) if text else 0.0
    n_tokens = len(tokenizer.encode(text, add_special_tokens=False).ids)
    per_s = f"{n_tokens / spoken_s:.1f}" if spoken_s > 1 else "-"
    per_sign = n_tokens / len(text) if text else 0.0
    return f"{language} {per_s} tokens/s, {per_sign:.2f} a sign\n"


def main() -> None:
    """Prints the table."""
    faster_whisper: Any = import_module("faster_whisper.tokenizer")
    for language in sorted(faster_whisper._LANGUAGE_CODES):
        # a process each: where it lacks a dictionary, espeak-ng ends its own
        process = multiprocessing.Process(
            target=lambda code: sys.stdout.write(line(code)), args=[language]
        )
        process.start()
        process.join()


if __name__ == "__main__":
    main()
