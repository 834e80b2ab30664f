"""The models of the voices that were asked for: loaded once, checked, and equally loud."""

import asyncio
from dataclasses import dataclass

import numpy as np
from loguru import logger

from voice_agent.engines.base import Samples
from voice_agent.engines.espeak.questions import Phonemes
from voice_agent.engines.espeak.speaker import EspeakSpeaker
from voice_agent.engines.piper.coding import coded
from voice_agent.engines.piper.config import VoiceConfig
from voice_agent.engines.piper.model import Manner, VitsModel, load_model
from voice_agent.engines.piper.rendering import Rendering, Work
from voice_agent.errors import EngineUnavailable, VoiceAgentError
from voice_agent.weights.manifest import read_manifest
from voice_agent.weights.pins import PINS

_SAMPLE = "1, 2, 3, 4, 5."  # every language of espeak-ng has words for it
_LEVEL_DBFS = -17.6
"""How loud the sample is while there is speech: 2.6 dB more than en_US-joe-medium says it by
itself, so that the loudest of sixty sentences just reach full scale. The gain is a constant of
a voice, so that no chunk is louder than another."""
_MOST_GAIN = 4.0  # a voice that is fainter than that is noise
_BLOCK_S = 0.01
_SPEECH_ABOVE = 0.1  # blocks under this part of the loudest are no speech
_SAME = 1e-3  # windows and the whole differ by 1e-6; a context that is too short by 1e-2
_ASKED_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoadedVoice:
    """A voice that can speak."""

    config: VoiceConfig
    model: VitsModel
    gain: float


class VoiceStore:
    """Loads voices when they are first needed.

    Args:
        espeak: Puts texts into phonemes.
    """

    def __init__(self, espeak: EspeakSpeaker) -> None:
        self._espeak = espeak
        # one entry for each installed voice at most
        self._loaded: dict[str, LoadedVoice] = {}
        self._broken: dict[str, EngineUnavailable] = {}
        self._loading = asyncio.Lock()

    async def get(self, config: VoiceConfig) -> LoadedVoice:
        """A voice; loads it if need be, 1 s during which others go on.

        Raises:
            EngineUnavailable: It cannot be used; said once in the log, and not tried again.
        """
        async with self._loading:
            if broken := self._broken.get(config.voice_id):
                raise broken
            if config.voice_id not in self._loaded:
                try:
                    self._loaded[config.voice_id] = await self._load(config)
                except EngineUnavailable as error:
                    self._broken[config.voice_id] = error
                    logger.error("The voice {} cannot be used: {}", config.voice_id, error)
                    raise
            return self._loaded[config.voice_id]

    async def _load(self, config: VoiceConfig) -> LoadedVoice:
        said = await self._phonemes(config)
        return await asyncio.to_thread(_loaded, config, said)

    async def _phonemes(self, config: VoiceConfig) -> Phonemes:
        try:
            return await self._espeak.phonemes(_SAMPLE, config.espeak_voice, _ASKED_WITHIN_S)
        except VoiceAgentError as error:
            raise EngineUnavailable(f"{config.voice_id} cannot be used: {error}") from error


def official_sha256(config: VoiceConfig) -> str:
    """What a voice's file has to be: pinned, or noted when it was pulled; empty if unknown."""
    name, known = config.path.name, PINS.get(config.path.stem)
    try:
        noted = read_manifest(config.path.parent)
    except ValueError:
        noted = None
    for files in (known.files if known else (), noted.files if noted else ()):
        for file in files:
            kind, _, digest = file.digest.partition(":")
            if file.path == name and kind == "sha256":
                return digest
    return ""


def _loaded(config: VoiceConfig, said: Phonemes) -> LoadedVoice:
    model = load_model(config.path, official_sha256(config))
    code = coded(said, config.phonemes)
    if not code.sayable:
        raise EngineUnavailable(f"{config.voice_id} cannot be used: its phonemes are others")
    manner = Manner(length_scale=config.length_scale, noise_scale=0, noise_w=0)
    work = Work(
        text=_SAMPLE, words=said.words, ids=code.ids, owners=code.owners, manner=manner, seed=0
    )
    try:
        audio = _checked(model, work, config.sample_rate_hz)
    except EngineUnavailable:
        raise
    except Exception as error:  # onnxruntime's own; the graph is not what it seemed
        raise EngineUnavailable(f"{config.path} does not run: {error}") from error
    return LoadedVoice(config=config, model=model, gain=_gain(audio, config.sample_rate_hz))


def _checked(model: VitsModel, work: Work, rate_hz: int) -> Samples:
    """The sample in one piece, if it is the same in windows."""
    plan = model.plan(work.ids, work.manner, work.seed)
    whole = model.audio(plan, model.latent(plan, 0, plan.n_frames), 0, plan.n_frames)
    rendering, at, same = Rendering(model, work, rate_hz), 0, True
    while not rendering.over:
        for piece in rendering.step():
            expected = whole[at : at + len(piece.samples)]
            at += len(piece.samples)
            same = same and np.allclose(piece.samples, expected, rtol=0, atol=_SAME)
    if at != len(whole) or not same:
        raise EngineUnavailable("the voice's model cannot be run in windows")
    return whole


def _gain(audio: Samples, rate_hz: int) -> float:
    n_samples = int(_BLOCK_S * rate_hz)
    blocks: Samples = audio[: len(audio) // n_samples * n_samples].reshape(-1, n_samples)
    level: Samples = np.sqrt(np.mean(np.square(blocks), axis=1))
    spoken: Samples = level[level > _SPEECH_ABOVE * level.max()]
    if not len(spoken):
        raise EngineUnavailable("the voice's model says nothing")
    loudness = float(np.sqrt(np.mean(np.square(spoken))))
    return min(10 ** (_LEVEL_DBFS / 20) / loudness, _MOST_GAIN)
