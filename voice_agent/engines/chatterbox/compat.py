"""The stock class, one request at a time: the oracle of the tests, the baseline of benchmarks.

Its streaming code keeps the voice in the instance, holds inference mode across its yields
and knows no cancelling; so one thread owns it and speaks one request after the other.
"""

import asyncio
import warnings
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

from voice_agent.engines.base import Samples


def load_stock(folder: Path, device: str) -> Any:
    """The stock class with its attention spy switched off.

    The spy is never asked, leaks a hook for each request, waits for the device at each
    token, and cannot run with transformers newer than 4.47.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stock: Any = import_module("chatterbox.tts")
        _spy_off()
        return stock.ChatterboxTTS.from_local(folder, device)


def _spy_off() -> None:
    name = "chatterbox.models.t3.inference.alignment_stream_analyzer"
    analyzer: Any = import_module(name).AlignmentStreamAnalyzer

    def nothing(*_: Any, **__: Any) -> None:
        pass

    analyzer._add_attention_spy = nothing


class StockSpeaker:
    """Serves the stock class to asyncio.

    Args:
        load: Makes it; runs in the thread.
    """

    def __init__(self, load: Callable[[], Any]) -> None:
        self._load = load
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="chatterbox-stock")
        self._alone = asyncio.Lock()
        self._stock: Any = None

    async def load(self) -> None:
        """Loads the model."""
        self._stock = await self._run(self._load)

    async def speak(self, text: str, voice: Any, *, chunk_tokens: int) -> AsyncGenerator[Samples]:
        """Speaks once the requests before are through.

        Args:
            text: What to say.
            voice: The stock class's `Conditionals`.
            chunk_tokens: Speech tokens a chunk.

        Yields:
            float32 mono at 24 kHz.
        """
        async with self._alone:
            chunks = self._chunks(text, voice, chunk_tokens)
            try:
                while (chunk := await self._run(lambda: next(chunks, None))) is not None:
                    yield chunk
            finally:
                await self._run(chunks.close)

    async def close(self) -> None:
        """Ends the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _chunks(self, text: str, voice: Any, chunk_tokens: int) -> Generator[Samples]:
        self._stock.conds = voice
        stream = self._stock.generate_stream(text, chunk_size=chunk_tokens, print_metrics=False)
        for samples, _ in stream:
            yield samples[0].numpy()

    async def _run(self, work: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
