"""The process in which espeak-ng lives; speaks `protocol` on stdin and stdout.

Started as ``python -m voice_agent.engines.espeak.worker``. One thread: while espeak-ng
synthesises, its callback looks at stdin, so a CANCEL or the end of stdin stops it within
one piece of audio (60 ms of audio, well under 1 ms of time).
"""

import json
import os
import select
import sys
from collections import deque

import espeakng_loader  # pyright: ignore[reportMissingTypeStubs]  it has none

from voice_agent.engines.espeak import protocol
from voice_agent.engines.espeak.library import Library, LibraryError
from voice_agent.engines.espeak.phonemes import put_into_phonemes
from voice_agent.engines.espeak.protocol import Frame, FrameBuffer, Kind, Mark

_READ_BYTES = 1 << 16
_STDIN, _STDOUT, _STDERR = 0, 1, 2


class Worker:
    """Takes frames from one file descriptor and answers on another, until the first ends."""

    def __init__(self, library: Library, read_fd: int, write_fd: int) -> None:
        self._library = library
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._buffer = FrameBuffer()
        self._frames: deque[Frame] = deque()
        self._ended = False

    def run(self) -> None:
        """Says hello and serves until the engine hangs up."""
        hello = {
            "version": self._library.version(),
            "sample_rate_hz": self._library.sample_rate_hz,
            "variants": self._library.variants(),
            "voices": self._library.voices(),
        }
        self._send(Kind.HELLO, 0, json.dumps(hello).encode())
        while True:
            while not self._frames and not self._ended:
                self._read()
            if self._ended:
                return
            frame = self._frames.popleft()
            if frame.kind == Kind.SPEAK:
                self._speak(frame)
            elif frame.kind == Kind.ASK:
                self._put_into_phonemes(frame)

    def _speak(self, frame: Frame) -> None:
        cancelled = False

        def on_audio(samples: bytes, marks: list[Mark]) -> bool:
            nonlocal cancelled
            cancelled = self._cancelled(frame.job)
            if not cancelled:
                self._send(Kind.AUDIO, frame.job, protocol.pack_audio(samples, marks))
            return cancelled

        try:
            text, voice, words_per_minute = protocol.unpack_speak(frame.body)
            self._library.speak(text, voice, words_per_minute, on_audio)
        except LibraryError as error:
            self._send(Kind.FAILED, frame.job, str(error).encode())
        else:
            self._send(Kind.DONE, frame.job, bytes([cancelled]))
        # after the answer, so that nobody waits for it
        self._library.renew()

    def _put_into_phonemes(self, frame: Frame) -> None:
        text, voice = protocol.unpack_ask(frame.body)
        try:
            self._library.set_voice(voice)
            said = put_into_phonemes(self._library, text)
        except LibraryError as error:
            self._send(Kind.FAILED, frame.job, str(error).encode())
        else:
            self._send(Kind.SAID, frame.job, json.dumps(said).encode())
        self._library.renew()

    def _cancelled(self, job: int) -> bool:
        while select.select([self._read_fd], [], [], 0)[0] and not self._ended:
            self._read()
        return self._ended or any(
            frame.kind == Kind.CANCEL and frame.job == job for frame in self._frames
        )

    def _read(self) -> None:
        data = os.read(self._read_fd, _READ_BYTES)
        self._ended = not data
        self._frames.extend(self._buffer.feed(data))

    def _send(self, kind: Kind, job: int, body: bytes) -> None:
        data = memoryview(protocol.pack(kind, job, body))
        while data:
            data = data[os.write(self._write_fd, data) :]


def main() -> int:
    """Serves stdin and stdout; the exit code is 1 if espeak-ng cannot be loaded."""
    # whatever the library prints must not get between frames
    write_fd = os.dup(_STDOUT)
    os.dup2(_STDERR, _STDOUT)
    try:
        library = Library(espeakng_loader.get_library_path(), espeakng_loader.get_data_path())
    except (LibraryError, RuntimeError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    try:
        Worker(library, _STDIN, write_fd).run()
    except BrokenPipeError:  # the engine is gone
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
