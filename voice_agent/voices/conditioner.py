"""What the running model needs of each voice: from memory, from disk, or made anew."""

import asyncio
from asyncio import to_thread

import numpy as np
from loguru import logger

from voice_agent.audio.resample import Resampler
from voice_agent.engines.base import Conditioning, Samples, Speaker
from voice_agent.errors import BadAudio, EngineTimeout, VoiceNotFound
from voice_agent.voices.conditioning_cache import ConditioningCache
from voice_agent.voices.conditioning_file import frozen
from voice_agent.voices.record import VoiceRecord
from voice_agent.voices.voice_store import VoiceStore

_TIMEOUT_S = 60.0  # a full-size Chatterbox needs 4 s on two cores, on a GPU 0.3 s
_WAIT_S = 180.0  # thirty sessions may come with thirty voices


class Conditioner:
    """Gets the conditioning of a voice once, however many sessions ask for it together.

    Args:
        shelf: Where it is kept.
        speaker: What needs it and makes it.
        max_bytes: Of memory, for voices that were used.
        writing: Held while something is written to the shelf.
    """

    def __init__(
        self, shelf: VoiceStore, speaker: Speaker, max_bytes: int, writing: asyncio.Semaphore
    ) -> None:
        self._shelf = shelf
        self._speaker = speaker
        self._memory = ConditioningCache(max_bytes)
        self._writing = writing
        # One at a time: the engine has to speak beside it. Who waits is bounded by the
        # library (registrations) and by the number of voices (`_getting`).
        self._one = asyncio.Semaphore(1)
        self._getting: dict[str, asyncio.Task[Conditioning]] = {}

    async def of(self, record: VoiceRecord) -> Conditioning:
        """The conditioning of a registered voice.

        Raises:
            VoiceNotFound: The voice is gone, or its clip is damaged.
            EngineTimeout: It had to be made and that took too long.
            EngineUnavailable: It had to be made and the engine cannot.
        """
        kept = self._memory.get(record.folder)
        if kept is not None:
            return kept
        task = self._getting.get(record.folder)
        if task is None:
            task = asyncio.create_task(self._get(record))
            self._getting[record.folder] = task
            task.add_done_callback(lambda done: self._forget(record.folder, done))
        # one that leaves does not take it from the others
        return await asyncio.shield(task)

    async def make(self, samples: Samples, sample_rate_hz: int) -> Conditioning:
        """Has the engine compute conditioning; the event loop goes on.

        Raises:
            BadAudio: The engine cannot use the clip.
            EngineTimeout: It took too long.
            EngineUnavailable: The engine cannot do it now.
        """
        try:
            async with asyncio.timeout(_WAIT_S), self._one, asyncio.timeout(_TIMEOUT_S):
                return frozen(await self._speaker.condition(samples, sample_rate_hz))
        except TimeoutError:
            raise EngineTimeout("making the voice took too long, try again") from None

    def keep(self, folder: str, conditioning: Conditioning) -> None:
        """Remembers what was just made for the voice of that folder."""
        self._memory.put(folder, conditioning)

    def drop(self, folder: str) -> None:
        """Forgets a voice that is gone."""
        self._memory.drop(folder)

    async def close(self) -> None:
        """Ends what is under way."""
        tasks = list(self._getting.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget(self, folder: str, done: asyncio.Task[Conditioning]) -> None:
        self._getting.pop(folder, None)
        if not done.cancelled():
            done.exception()  # those who waited have it; perhaps nobody did

    async def _get(self, record: VoiceRecord) -> Conditioning:
        family, checkpoint = self._speaker.family, self._speaker.checkpoint
        stored = await to_thread(self._shelf.conditioning, record, family, checkpoint)
        conditioning = stored or await self._make_again(record, family, checkpoint)
        self._memory.put(record.folder, conditioning)
        return conditioning

    async def _make_again(self, record: VoiceRecord, family: str, checkpoint: str) -> Conditioning:
        try:
            samples, rate_hz = await to_thread(self._shelf.clip, record)
        except FileNotFoundError:
            raise VoiceNotFound(f"there is no voice {record.voice_id} any more") from None
        except BadAudio:
            raise VoiceNotFound(
                f"the voice {record.voice_id} is damaged on disk, register it again"
            ) from None
        wanted_hz = self._speaker.info.sample_rate_hz
        if rate_hz != wanted_hz:
            samples = await to_thread(_resampled, samples, rate_hz, wanted_hz)
        logger.info("a voice is made anew for {} {}", family, checkpoint)
        conditioning = await self.make(samples, wanted_hz)
        try:
            async with self._writing:
                await to_thread(
                    self._shelf.add_conditioning,
                    record,
                    conditioning,
                    family=family,
                    checkpoint=checkpoint,
                )
        except OSError as error:
            # it can be spoken in all the same; the next process makes it again
            logger.warning("the conditioning of a voice cannot be kept: {}", error.strerror)
        return conditioning


def _resampled(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    resampler = Resampler(from_hz, to_hz)
    return np.concatenate((resampler.push(samples), resampler.drain()))
