"""The caller of a pretend telephone call: a file, keys, or a person."""

import asyncio
import wave
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np

from voice_agent.audio.g711 import mulaw_decode, mulaw_encode
from voice_agent.audio.pcm import float_to_int16, int16_to_float
from voice_agent.audio.resample import Resampler
from voice_agent.audio.stream_decoder import decode_file
from voice_agent.cli.player import Player
from voice_agent.cli.sound import open_stream
from voice_agent.client.twilio_call import FRAME_BYTES, RATE_HZ, SILENCE, TwilioCall

_FILE_RATE_HZ = 16_000
# a caller who has heard nothing for this long hangs up
_PATIENCE_S = 20.0
# an answer is over when nothing has followed for this long
_QUIET_S = 2.0
_BETWEEN_KEYS_S = 0.2
# blocks of the microphone that may wait for the connection; the oldest go first
_MICROPHONE_BLOCKS = 50


async def from_file(call: TwilioCall, path: Path, press: str) -> None:
    """Says a file, presses keys, hears the answer to its end.

    Raises:
        BadAudio: The file cannot be read as audio.
    """
    async with aclosing(_frames(path)) as frames:
        async for frame in frames:
            await call.beat(frame)
    await from_keys(call, press)


async def from_keys(call: TwilioCall, press: str) -> None:
    """Presses keys, hears the answer to its end."""
    for key in press:
        await call.press(key)
        await call.wait(lambda: False, _BETWEEN_KEYS_S)
    n_before = len(call.of("media"))
    if await call.wait(lambda: call.busy or len(call.of("media")) > n_before, _PATIENCE_S):
        while not call.over and await _goes_on(call):
            pass


async def _goes_on(call: TwilioCall) -> bool:
    """Hears what there is; returns whether something follows."""
    await call.wait(lambda: not call.busy, _PATIENCE_S)
    return await call.wait(lambda: call.busy, _QUIET_S)


async def live(call: TwilioCall) -> None:
    """Microphone and loudspeaker, until the agent hangs up or this is cancelled.

    Raises:
        Unsupported: There is no sound card.
    """
    blocks: asyncio.Queue[bytes] = asyncio.Queue(_MICROPHONE_BLOCKS)
    player = Player(RATE_HZ)
    loop = asyncio.get_running_loop()

    def hear(data: Any, *_: object) -> None:
        loop.call_soon_threadsafe(_put, blocks, bytes(data))

    def speak(out: Any, n_samples: int, *_: object) -> None:
        out[:] = player.take(n_samples).reshape(-1, 1)

    options = {"callback": speak, "samplerate": RATE_HZ, "dtype": "float32"}
    loudspeaker = open_stream("OutputStream", **options)
    try:
        options = {"callback": hear, "samplerate": RATE_HZ, "dtype": "int16"}
        microphone = open_stream("InputStream", blocksize=FRAME_BYTES, **options)
        try:
            while not call.over:
                samples = np.frombuffer(await blocks.get(), np.int16)
                heard = await call.beat(mulaw_encode(samples))
                player.add(int16_to_float(mulaw_decode(heard)))
        finally:
            microphone.close()
    finally:
        loudspeaker.close()


def save(path: Path, call: TwilioCall) -> None:
    """Writes both sides as they were heard on the line: 16 bit, 8 kHz, stereo."""
    sides = [mulaw_decode(bytes(side)) for side in (call.sent, call.heard)]
    n_samples = min(len(side) for side in sides)
    stereo = np.stack([side[:n_samples] for side in sides], axis=1)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(stereo.astype("<i2").tobytes())


def _put(blocks: "asyncio.Queue[bytes]", block: bytes) -> None:
    if blocks.full():
        blocks.get_nowait()
    blocks.put_nowait(block)


async def _frames(path: Path) -> AsyncGenerator[bytes]:
    """The file in frames of 20 ms, the last one filled up with silence."""
    resampler = Resampler(_FILE_RATE_HZ, RATE_HZ)
    pending = bytearray()
    async with aclosing(decode_file(path)) as pieces:
        async for samples in pieces:
            narrow = resampler.push(int16_to_float(samples))
            pending += mulaw_encode(float_to_int16(narrow))
            while len(pending) >= FRAME_BYTES:
                yield bytes(pending[:FRAME_BYTES])
                del pending[:FRAME_BYTES]
    pending += mulaw_encode(float_to_int16(resampler.drain()))
    for at in range(0, len(pending), FRAME_BYTES):
        yield bytes(pending[at : at + FRAME_BYTES]).ljust(FRAME_BYTES, SILENCE[:1])
