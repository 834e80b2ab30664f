"""A loaded Whisper model: batches of audio in, hypotheses out. Synchronous; one thread uses it.

`WhisperModel.transcribe` is not used: it pads everything to 30 s, knows no batches across
callers, and changes the shared model for good when it is given a window length. What stands
under it is used directly: the CTranslate2 model and faster-whisper's features, tokens and
alignment.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, Samples
from voice_agent.engines.whisper.families import Family, family_of
from voice_agent.engines.whisper.folder import check_files, check_tokenizer
from voice_agent.engines.whisper.hypothesis import Hypothesis
from voice_agent.engines.whisper.tokens import most_tokens
from voice_agent.engines.whisper.window import FRAME_SAMPLES, FULL_FRAMES
from voice_agent.engines.whisper.words import SPACELESS, sound_in, timed_words
from voice_agent.errors import EngineUnavailable

AUTO = "auto"
"""The language is what the model hears."""

# Whisper's text has up to 448 tokens in all; a prompt may have half
_MAX_PROMPT_TOKENS = 223
_ENCODED_TOGETHER_FRAMES = 800
_FIRST_TIMESTAMPS = 50  # the first time a model may say, in steps of 20 ms; as in Whisper
_PROBED_FRAMES = 100
_MIN_SAMPLES = FRAME_SAMPLES * 4  # less cannot be framed


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Window:
    """One row of a batch; equal to itself only, because it holds an array.

    Attributes:
        samples: float32 mono at 16 kHz, at most 29 s.
        frames: Length of the window it is shown in, `FULL_FRAMES` or less.
        language: Code or `AUTO`.
        prompt: Tokens before the text; see `LoadedModel.prompt`.
        roomy: Whether it may have all the tokens there are: it needed more than was thought.
    """

    samples: Samples
    frames: int
    language: str = "en"
    prompt: tuple[int, ...] = ()
    roomy: bool = False


class LoadedModel:
    """A model in memory.

    Args:
        name: How sessions ask for it.
        folder: With `model.bin`, `config.json`, `vocabulary.json` and `tokenizer.json`.
        device: `cpu` or `cuda`.
        compute_type: As CTranslate2 names them; `default` keeps that of the file.
        threads: CPU threads; 0 leaves the choice to CTranslate2.

    Raises:
        EngineUnavailable: The folder does not hold a model that can be loaded here.
    """

    def __init__(
        self, name: str, folder: Path, *, device: str, compute_type: str, threads: int
    ) -> None:
        self.name = name
        self.folder = folder
        faster_whisper: Any = import_module("faster_whisper")  # 0.5 s that others do not pay
        check_files(folder)
        try:
            self._model: Any = faster_whisper.WhisperModel(
                str(folder), device=device, compute_type=compute_type, cpu_threads=threads
            )
        except Exception as error:  # tokenizers raises plain Exceptions
            raise EngineUnavailable(f"the model in {folder} cannot be loaded: {error}") from error
        check_tokenizer(folder, self._model.hf_tokenizer)
        self._core: Any = self._model.model
        transcribe: Any = import_module("faster_whisper.transcribe")
        self._suppressed = list(transcribe.get_suppressed_tokens(self._tokenizer("en"), (-1,)))
        self._storage: Any = transcribe.get_ctranslate2_storage
        self.family = self._family()

    @property
    def size_bytes(self) -> int:
        """Size of the weights on disk; orders models."""
        return (self.folder / "model.bin").stat().st_size

    @property
    def device(self) -> str:
        """`cpu` or `cuda`."""
        return self._core.device

    @property
    def compute_type(self) -> str:
        """What it computes in."""
        return self._core.compute_type

    @property
    def languages(self) -> tuple[str, ...]:
        """Codes of what it understands, English first."""
        codes: list[str] = self._model.supported_languages
        return ("en", *(code for code in codes if code != "en"))

    @property
    def multilingual(self) -> bool:
        """Whether it can tell languages apart."""
        return self._core.is_multilingual

    def _family(self) -> Family:
        silence = Window(samples=np.zeros(_MIN_SAMPLES, np.float32), frames=_PROBED_FRAMES)
        try:
            states = np.asarray(self._encode([self._mel(silence)]))
        except (RuntimeError, ValueError) as error:
            raise EngineUnavailable(f"the model in {self.folder} does not run: {error}") from error
        return family_of(states.shape[-1], multilingual=self.multilingual)

    def prompt(self, text: str, hotwords: Sequence[str]) -> tuple[int, ...]:
        """Tokens that make the model expect certain words; the end of a long text counts.

        Rows with prompts of different lengths cannot share a batch.
        """
        expected = [" " + ", ".join(hotwords)] if hotwords else []
        expected += [" " + text.strip()] if text.strip() else []
        if not expected:
            return ()
        tokenizer = self._tokenizer("en")
        tokens: list[int] = [token for part in expected for token in tokenizer.encode(part)]
        return (tokenizer.sot_prev, *tokens[-_MAX_PROMPT_TOKENS:])

    def decode(
        self, windows: Sequence[Window], *, beam_size: int = 1, temperature: float = 0.0
    ) -> list[Hypothesis]:
        """Decodes a batch.

        Args:
            windows: Equally long in `frames` and in `prompt`.
            beam_size: 1 is greedy; not used above temperature 0.
            temperature: Above 0, tokens are drawn.

        Raises:
            RuntimeError: From CTranslate2.
            MemoryError: From CTranslate2.
        """
        encoded = self._encode([self._mel(window) for window in windows])
        spoken = self._languages(encoded, windows)
        first = () if self.family.timestamps else (self._tokenizer("en").no_timestamps,)
        prompts = [
            [*window.prompt, *self._tokenizer(language).sot_sequence, *first]
            for window, (language, _) in zip(windows, spoken, strict=True)
        ]
        n_tokens = max(
            most_tokens(len(window.samples), language, window.prompt, roomy=window.roomy)
            for window, (language, _) in zip(windows, spoken, strict=True)
        )
        sampling: dict[str, Any] = {"beam_size": beam_size}
        if temperature > 0:
            sampling = {"beam_size": 1, "sampling_topk": 0, "sampling_temperature": temperature}
        results = self._core.generate(
            encoded,
            prompts,
            max_length=2 * n_tokens,  # it stops at half of what it is told
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=self._suppressed,
            max_initial_timestamp_index=_FIRST_TIMESTAMPS,
            **sampling,
        )
        texts = [self._text_tokens(result) for result in results]
        # words of languages with spaces are put together again, the others need their own
        spaceless = (language for language, _ in spoken if language in SPACELESS)
        alignments = self._align(encoded, windows, next(spaceless, spoken[0][0]), texts)
        return [
            self._hypothesis(window, result, tokens, alignment, language, n_tokens)
            for window, result, tokens, alignment, language in zip(
                windows, results, texts, alignments, spoken, strict=True
            )
        ]

    def _encode(self, mels: Sequence[NDArray[np.float32]]) -> Any:
        """The encoder's states of the batch.

        A CPU gains nothing from encoding together, and with long windows loses: eight of 30 s
        took 4.3 s of a core in one call and 3.3 s in eight (the scores leave its cache).
        """
        if self.device != "cpu" or mels[0].shape[1] <= _ENCODED_TOGETHER_FRAMES:
            return self._core.encode(self._storage(np.stack(mels)))
        states = [np.asarray(self._core.encode(self._storage(mel[None]))) for mel in mels]
        return self._storage(np.concatenate(states))

    def _mel(self, window: Window) -> NDArray[np.float32]:
        extractor = self._model.feature_extractor
        samples = window.samples
        if len(samples) < _MIN_SAMPLES:
            samples = np.pad(samples, (0, _MIN_SAMPLES - len(samples)))
        if window.frames < FULL_FRAMES:
            # as Whisper was trained: silence follows
            missing = window.frames * FRAME_SAMPLES - len(samples)
            return extractor(np.pad(samples, (0, missing)), padding=0)[:, : window.frames]
        # as faster-whisper does it, so that a full window hears what its users know
        mel = extractor(samples)[:, :FULL_FRAMES]
        return np.pad(mel[:, :-1], ((0, 0), (0, FULL_FRAMES - mel.shape[1] + 1)))

    def _languages(self, encoded: Any, windows: Sequence[Window]) -> list[tuple[str, float | None]]:
        """Of each window, and how sure it is where it was detected."""
        if not any(window.language == AUTO for window in windows):
            return [(window.language, None) for window in windows]
        if not self.multilingual:
            return [("en", None)] * len(windows)
        detected = self._core.detect_language(encoded)
        return [
            (ranked[0][0].strip("<|>"), float(ranked[0][1]))
            if window.language == AUTO
            else (window.language, None)
            for window, ranked in zip(windows, detected, strict=True)
        ]

    def _text_tokens(self, result: Any) -> list[int]:
        end = self._tokenizer("en").eot
        return [token for token in result.sequences_ids[0] if token < end]

    def _align(
        self,
        encoded: Any,
        windows: Sequence[Window],
        language: str,
        texts: Sequence[list[int]],
    ) -> list[list[dict[str, Any]]]:
        # One start sequence for the batch: one row's language stands for all, which moves no
        # word noticeably.
        n_frames = [max(len(window.samples), _MIN_SAMPLES) // FRAME_SAMPLES for window in windows]
        if not any(texts):
            return [[] for _ in texts]
        return self._model.find_alignment(self._tokenizer(language), texts, encoded, n_frames)

    def _hypothesis(
        self,
        window: Window,
        result: Any,
        tokens: list[int],
        alignment: list[dict[str, Any]],
        language: tuple[str, float | None],
        n_tokens: int,
    ) -> Hypothesis:
        generated = len(result.sequences_ids[0])
        audio_s = len(window.samples) / ASR_SAMPLE_RATE_HZ
        return Hypothesis(
            text=self._tokenizer("en").decode(tokens).strip(),
            words=timed_words(
                alignment,
                audio_s,
                sound=sound_in(window.samples),
                spaced=language[0] not in SPACELESS,
            ),
            audio_s=audio_s,
            # the score is the mean without the end token, and of no tokens is no number
            mean_log_probability=(
                float(result.scores[0]) * generated / (generated + 1) if generated else 0.0
            ),
            no_speech_probability=float(result.no_speech_prob),
            ended=generated < n_tokens,
            language=language[0],
            language_probability=language[1],
            in_full=window.frames >= FULL_FRAMES,
        )

    @lru_cache(maxsize=128)  # noqa: B019  models live as long as the process
    def _tokenizer(self, language: str) -> Any:
        tokenizer: Any = import_module("faster_whisper.tokenizer").Tokenizer
        return tokenizer(
            self._model.hf_tokenizer, self.multilingual, task="transcribe", language=language
        )


def confidence(hypothesis: Hypothesis) -> float:
    """Mean probability of the tokens, 0–1; 0 if nothing was said."""
    if not hypothesis.words:
        return 0.0
    return round(math.exp(min(0.0, hypothesis.mean_log_probability)), 3)
