"""WhisperLive 0.10.0: its batch worker, in an environment of its own.

To have it (2 minutes, 5 GB), where `portaudio19-dev` is installed::

    python3.11 -m venv FOLDER
    FOLDER/bin/pip install torch==2.13.0 whisper-live==0.10.0

and then ``--whisper-live FOLDER/bin/python``. Its server transcribes the whole turn again and
again as fast as it can; here the worker below it is given one request for each utterance, as
it makes them (batches of 16, 50 ms to gather, greedy, no word times, no voice activity
detection, features made by the caller's thread), which leaves out that work and its sockets.
"""

import asyncio
import itertools
import json
import os
from pathlib import Path

import numpy as np

from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, Samples

PYTHON_VARIABLE = "WHISPER_LIVE_PYTHON"
"""Environment variable of the worker process that names the Python of that environment."""
_CHILD = Path(__file__).with_name("whisper_live_child.py")
_START_TIMEOUT_S = 120


class WhisperLive:
    """Sends utterances to the child and gives its answers to those who wait.

    Args:
        model: Folder.
    """

    def __init__(self, model: Path) -> None:
        self._model = model
        self._ids = itertools.count()
        self._waiting: dict[int, asyncio.Future[str]] = {}

    async def open(self, n_sessions: int) -> None:
        """Starts the child and runs it once."""
        self._child = await asyncio.create_subprocess_exec(
            os.environ[PYTHON_VARIABLE],
            "-P",  # this module has the name of the package
            _CHILD,
            self._model,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self._reader = asyncio.create_task(self._read())
        async with asyncio.timeout(_START_TIMEOUT_S):
            await self.final(0, np.zeros(ASR_SAMPLE_RATE_HZ, np.float32))

    async def final(self, session: int, samples: Samples) -> str:
        """Queues one request."""
        assert self._child.stdin is not None
        request = next(self._ids)
        self._waiting[request] = asyncio.get_running_loop().create_future()
        header = np.array([request, len(samples)], "<i4")
        self._child.stdin.write(header.tobytes() + samples.astype("<f4").tobytes())
        await self._child.stdin.drain()
        return await self._waiting[request]

    async def _read(self) -> None:
        assert self._child.stdout is not None
        async for line in self._child.stdout:
            answer = json.loads(line)
            self._waiting.pop(answer["id"]).set_result(answer["text"])
        for future in self._waiting.values():
            future.set_exception(RuntimeError("WhisperLive ended"))

    async def close(self) -> None:
        """Ends the child."""
        assert self._child.stdin is not None
        self._child.stdin.close()
        await self._child.wait()
        await self._reader
