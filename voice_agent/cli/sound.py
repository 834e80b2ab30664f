"""The microphone and the loudspeaker, through sounddevice, which may be missing."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from voice_agent.errors import Unsupported

_NO_PACKAGE = "playing and recording need the package sounddevice: pip install sounddevice"
_NO_LIBRARY = "playing and recording need PortAudio: apt-get install libportaudio2"
_NO_CARD = "this machine has no sound card"


def sounddevice() -> Any:
    """The module.

    Raises:
        Unsupported: It, or its library, is not installed; the message has the command.
    """
    try:
        import sounddevice as module  # pyright: ignore[reportMissingTypeStubs]
    except ImportError:
        raise Unsupported(_NO_PACKAGE) from None
    except OSError:
        raise Unsupported(_NO_LIBRARY) from None
    return module


def open_stream(kind: str, **options: Any) -> Any:
    """A stream of the sound card: `InputStream` or `OutputStream`, started.

    Raises:
        Unsupported: There is no such thing here.
    """
    module = sounddevice()
    try:
        stream = getattr(module, kind)(channels=1, **options)
        stream.start()
    except module.PortAudioError as error:
        what = "microphone" if kind == "InputStream" else "loudspeaker"
        raise Unsupported(f"the {what} cannot be used: {error.args[0]}") from error
    return stream


def card_names() -> dict[str, str]:
    """The default microphone and loudspeaker, by `in` and `out`.

    Raises:
        Unsupported: There is none, or no way to ask.
    """
    module = sounddevice()
    names = dict[str, str]()
    for kind, name in (("input", "in"), ("output", "out")):
        try:
            names[name] = str(module.query_devices(kind=kind)["name"])
        except (module.PortAudioError, ValueError):
            continue
    if not names:
        raise Unsupported(_NO_CARD)
    return names


class Loudspeaker:
    """Plays what is written, as it comes."""

    def __init__(self, rate_hz: int) -> None:
        self._stream = open_stream("OutputStream", samplerate=rate_hz, dtype="float32")

    def write(self, samples: NDArray[np.float32]) -> None:
        """Plays a piece; returns when all but a little of it has been heard."""
        self._stream.write(samples.reshape(-1, 1))

    def close(self) -> None:
        """Waits until all has been heard."""
        self._stream.stop()
        self._stream.close()
