"""The calls that a final needs and nothing around them, one after another."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.audio import pad_or_trim
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_ctranslate2_storage, get_suppressed_tokens

from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, Samples

_FRAME_SAMPLES = 160
_MAX_LENGTH = 2 * 64  # CTranslate2 stops at half of it


class Direct:
    """Features, encode, generate, align; the window is the full one.

    Args:
        model: Folder.
    """

    def __init__(self, model: Path) -> None:
        self._model = WhisperModel(str(model), device="cpu", compute_type="default")
        self._tokenizer = Tokenizer(
            self._model.hf_tokenizer, multilingual=True, task="transcribe", language="en"
        )
        self._suppressed = list(get_suppressed_tokens(self._tokenizer, (-1,)) or ())
        self._thread = ThreadPoolExecutor(1)

    async def open(self, n_sessions: int) -> None:
        """Runs it once."""
        await self.final(0, np.zeros(ASR_SAMPLE_RATE_HZ, np.float32))

    async def final(self, session: int, samples: Samples) -> str:
        """Queues one utterance."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._transcribe, samples)

    def _transcribe(self, samples: Samples) -> str:
        core: Any = self._model.model
        features = pad_or_trim(self._model.feature_extractor(samples)[:, :-1])
        encoded = core.encode(get_ctranslate2_storage(features[None]))
        result = core.generate(
            encoded,
            [[*self._tokenizer.sot_sequence, self._tokenizer.no_timestamps]],
            beam_size=1,
            max_length=_MAX_LENGTH,
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=self._suppressed,
        )[0]
        tokens = [t for t in result.sequences_ids[0] if t < self._tokenizer.eot]
        n_frames = len(samples) // _FRAME_SAMPLES
        texts: Any = [tokens]  # its annotation is wrong
        self._model.find_alignment(self._tokenizer, texts, encoded, n_frames)
        return self._tokenizer.decode(tokens).strip()

    async def close(self) -> None:
        """Ends the thread."""
        self._thread.shutdown()
