"""espeak-ng through ctypes; only the worker process imports this (GPL-3, global state)."""

import ctypes
import os
from _ctypes import dlclose
from collections.abc import Callable, Iterator

from voice_agent.engines.espeak.protocol import Mark, MarkKind

_SYNCHRONOUS = 2  # espeak_Synth returns when the callback has had all audio
_FROM_CHARACTER = 1
_UTF8 = 1
_IPA = 2  # how phonemes are written: one Unicode character after another, without ties
_END_PAUSE = 0x1000  # the pause after a sentence; the next clause is another call
_OK = 0

_RATE, _VOLUME, _PITCH, _RANGE, _WORD_GAP = 1, 2, 3, 4, 7
_PARAMETERS = ((_VOLUME, 100), (_PITCH, 50), (_RANGE, 50), (_WORD_GAP, 0))  # its defaults

_SEED = 1
"""Any constant: breath noise is drawn, and equal requests shall sound equal."""

OnAudio = Callable[[bytes, list[Mark]], bool]
"""Takes int16 samples and their marks; True stops the synthesis."""


class LibraryError(Exception):
    """espeak-ng cannot be loaded or refuses a request; the message says which."""


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("reserved", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event))


class Library:
    """A loaded espeak-ng that can be replaced by a fresh one.

    Its state outlives a request and `espeak_Terminate`: the second of two equal requests
    sounds different from the first, and voices change the ones after them. So after each
    request the library is unloaded and loaded again (`renew`, 1.3 ms), which gives back
    the state of a new process.

    Raises:
        LibraryError: It cannot be loaded.
    """

    def __init__(self, library_path: str, data_path: str) -> None:
        self._library_path = library_path
        self._data_path = data_path
        # kept for life: espeak-ng calls it
        self._callback = _Callback(self._take_audio)
        self._on_audio: OnAudio = _discard
        self._failure: BaseException | None = None
        self._lib, self.sample_rate_hz = self._open()

    def renew(self) -> None:
        """Throws all state away.

        Raises:
            LibraryError: It cannot be loaded again.
        """
        self._lib.espeak_Terminate()
        dlclose(self._lib._handle)
        self._lib, self.sample_rate_hz = self._open()

    def speak(self, text: str, voice: str, words_per_minute: int, on_audio: OnAudio) -> None:
        """Speaks `text`; `on_audio` gets the audio piece by piece, about 60 ms each.

        Raises:
            LibraryError: The voice or the text was refused.
            BaseException: Whatever `on_audio` raised.
        """
        self._require(self._lib.espeak_SetVoiceByName(voice.encode()), f"voice {voice!r}")
        for parameter, value in ((_RATE, words_per_minute), *_PARAMETERS):
            self._require(self._lib.espeak_SetParameter(parameter, value, 0), "a parameter")
        data = text.encode()
        self._on_audio, self._failure = on_audio, None
        result = self._lib.espeak_Synth(
            data, len(data) + 1, 0, _FROM_CHARACTER, 0, _UTF8 | _END_PAUSE, None, None
        )
        self._on_audio = _discard
        if self._failure is not None:
            raise self._failure
        self._require(result, "the text")

    def set_voice(self, voice: str) -> None:
        """The voice of the next `clauses`.

        Raises:
            LibraryError: It was refused.
        """
        self._require(self._lib.espeak_SetVoiceByName(voice.encode()), f"voice {voice!r}")

    def clauses(self, text: str) -> Iterator[tuple[str, int]]:
        """What would be said, clause by clause: in IPA, and where in `text` the clause ends.

        The library has read the first character of the next clause when it says where it
        is; that one is given back to its clause.
        """
        data = text.encode()
        buffer = ctypes.create_string_buffer(data)
        base = ctypes.addressof(buffer)
        at = ctypes.c_void_p(base)
        convert = self._lib.espeak_TextToPhonemes
        convert.restype = ctypes.c_char_p
        convert.argtypes = (ctypes.POINTER(ctypes.c_void_p), ctypes.c_int, ctypes.c_int)
        while at:
            said = convert(ctypes.byref(at), _UTF8, _IPA) or b""
            if not at:
                yield said.decode(), len(text)
                return
            read = data[: (at.value or base) - base].decode(errors="ignore")
            shorter = read[:-1]
            one_too_many = read[-1:].strip() and shorter[-1:] and not shorter[-1].isalnum()
            yield said.decode(), len(shorter if one_too_many else read)

    def version(self) -> str:
        """The library's version, such as ``1.52.0``."""
        self._lib.espeak_Info.restype = ctypes.c_char_p
        return self._lib.espeak_Info(None).decode()

    def voices(self) -> list[dict[str, object]]:
        """File, name and languages of each voice, as HELLO carries them."""
        self._lib.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        entries = self._lib.espeak_ListVoices(None)
        voices: list[dict[str, object]] = []
        index = 0
        while entries[index]:
            voice = entries[index].contents
            voices.append(
                {
                    "file": voice.identifier.decode(),
                    "name": voice.name.decode().strip(),
                    "languages": _languages(voice.languages),
                }
            )
            index += 1
        return voices

    def variants(self) -> list[str]:
        """Names of the variants that can follow a voice's name."""
        return sorted(os.listdir(os.path.join(self._data_path, "voices", "!v")))

    def _open(self) -> tuple[ctypes.CDLL, int]:
        try:
            lib = ctypes.CDLL(self._library_path)
        except OSError as error:
            raise LibraryError(f"espeak-ng cannot be loaded: {error}") from error
        rate_hz: int = lib.espeak_Initialize(_SYNCHRONOUS, 0, self._data_path.encode(), 0)
        if rate_hz <= 0:
            raise LibraryError(f"espeak-ng cannot use its data in {self._data_path}")
        lib.espeak_SetSynthCallback(self._callback)
        # it seeds itself with the time; one model of voice draws from the C library
        lib.espeak_ng_SetRandSeed(ctypes.c_long(_SEED))
        ctypes.CDLL(None).srand(_SEED)
        return lib, rate_hz

    def _take_audio(self, wave: int | None, n_samples: int, events: "ctypes.Array[_Event]") -> int:
        # an exception cannot cross C: it stops the synthesis and is raised by `speak`
        try:
            marks = _marks(events)
            samples = ctypes.string_at(wave, 2 * n_samples) if wave and n_samples > 0 else b""
            if not samples and not marks:
                return 0
            return int(self._on_audio(samples, marks))
        except BaseException as error:
            self._failure = error
            return 1

    @staticmethod
    def _require(result: int, what: str) -> None:
        if result != _OK:
            raise LibraryError(f"espeak-ng refuses {what} (code {result})")


def _discard(_samples: bytes, _marks: list[Mark]) -> bool:
    return True


def _marks(events: "ctypes.Array[_Event]") -> list[Mark]:
    """Marks of a list of events that ends with type 0."""
    marks: list[Mark] = []
    index = 0
    while kind := events[index].type:
        event = events[index]
        index += 1
        # a word's position counts characters from 1, an end's the characters before it
        if kind == MarkKind.WORD:
            start = max(0, event.text_position - 1)
            marks.append(Mark(kind, max(0, event.sample), start, max(0, event.length)))
        elif kind == MarkKind.END:
            marks.append(Mark(kind, max(0, event.sample), max(0, event.text_position), 0))
    return marks


def _languages(address: int) -> list[tuple[int, str]]:
    """Reads ``priority: byte, code, NUL`` until a priority of 0."""
    languages: list[tuple[int, str]] = []
    while priority := ctypes.string_at(address, 1)[0]:
        code = ctypes.string_at(address + 1)
        languages.append((priority, code.decode()))
        address += len(code) + 2
    return languages
