"""All voices of a service: the engine's own, and those that were registered from a clip."""

import asyncio
from asyncio import to_thread
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from loguru import logger

from voice_agent.engines.base import ClonedVoice, Speaker, VoiceInfo
from voice_agent.errors import (
    BadMessage,
    RateLimited,
    TooLarge,
    Unsupported,
    VoiceAgentError,
    VoiceExists,
    VoiceNotFound,
)
from voice_agent.settings import Settings
from voice_agent.voices.clip import read_clip
from voice_agent.voices.conditioner import Conditioner
from voice_agent.voices.index import VoiceIndex
from voice_agent.voices.prepare import prepare
from voice_agent.voices.record import VoiceRecord, is_voice_id
from voice_agent.voices.voice_store import VoiceStore

# Clips that registrations under way may hold: 12 of the largest, hundreds of usual ones.
_MAX_CLIPS_BYTES = 128 << 20
_RETRY_AFTER_MS = 2000
_NO_VERSION = "0" * 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A voice to be made.

    Attributes:
        voice_id: Letters, digits, `-` and `_`, at most 64.
        clip: A whole audio file.
        name: What people call it; empty takes the id.
        consent: Who allowed it, when, and anything else worth keeping.
        replace: It may take the place of a registered voice.
    """

    voice_id: str
    clip: bytes
    name: str = ""
    consent: Mapping[str, Any] | None = None
    replace: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A voice that was made: it can be used now.

    Attributes:
        voice_id: What requests call it.
        duration_s: Of what was kept of its clip.
        notes: What its owner should know (`prepare.CLIPPED`).
    """

    voice_id: str
    duration_s: float
    notes: tuple[str, ...]


class VoiceRegistry:
    """The voices that sessions can speak in; one object a process, used on its event loop.

    Registered voices lie in `voices.dir`. Processes that use the same folder on one machine
    see each other's voices at their next request. On a network file system that may take as
    long as it keeps attributes (NFS: up to a minute), and its locks have to work.

    With an engine that cannot clone, nothing of that is touched.

    Args:
        speaker: The process's engine.
        settings: `voices`, and the data folder.
    """

    def __init__(self, speaker: Speaker, settings: Settings) -> None:
        values = settings.voices
        self._speaker = speaker
        self._max_voices = values.max_voices
        self._shelf = VoiceStore(values.dir or settings.data_dir / "voices", values.max_voices)
        self._index = VoiceIndex(self._shelf)
        # one thread at a time waits for the shelf's lock: others need threads too
        self._writing = asyncio.Semaphore(1)
        memory_bytes = values.memory_mb << 20
        self._conditioner = Conditioner(self._shelf, speaker, memory_bytes, self._writing)
        self._clips_bytes = 0
        self._preparing = asyncio.Semaphore(1)  # decoding takes the event loop's time

    @property
    def own(self) -> Sequence[VoiceInfo]:
        """The engine's own voices, the default first."""
        return self._speaker.voices

    @property
    def language(self) -> str:
        """What registered voices speak: a code, or `mul` for several."""
        languages = self._speaker.info.languages
        return languages[0] if len(languages) == 1 else "mul"

    def registered(self) -> list[VoiceRecord]:
        """The registered voices by id; an id that the engine has itself is hidden.

        Raises:
            VoiceAgentError: The folder cannot be read.
        """
        if not self._speaker.clones:
            return []
        own = {voice.voice_id for voice in self.own}
        return [record for name, record in sorted(self._records().items()) if name not in own]

    async def open(self) -> None:
        """Clears away what killed writers have left, and reads what there is.

        Raises:
            VoiceAgentError: The folder cannot be used; the message says why.
        """
        if self._speaker.clones:
            with _told():
                await to_thread(self._shelf.clean)
                await to_thread(self._index.records)

    async def close(self) -> None:
        """Ends what is under way; may be called twice."""
        await self._conditioner.close()

    def check(self, voice_id: str, language: str | None) -> None:
        """Says at once whether a voice can be spoken in.

        Raises:
            VoiceNotFound: No such voice.
            Unsupported: The voice cannot speak the language.
            EngineUnavailable: The engine is not loaded, closed or broken.
        """
        known = self._find(voice_id) is not None
        self._speaker.check_voice("default" if known else voice_id, language)

    async def resolve(self, voice_id: str) -> ClonedVoice | None:
        """A voice for a job; None if it is one of the engine's own, or unknown.

        What is returned stays good when the voice is deleted or replaced.

        Raises:
            VoiceNotFound: It was deleted just now, or is damaged.
            EngineTimeout: Its conditioning had to be made and that took too long.
            EngineUnavailable: The same, and the engine cannot.
        """
        record = self._find(voice_id)
        if record is None:
            return None
        conditioning = await self._conditioner.of(record)
        return ClonedVoice(voice_id=voice_id, version=record.version, conditioning=conditioning)

    async def register(self, wanted: Registration) -> Registered:
        """Makes a voice; once this returns it can be used everywhere, and is kept.

        A task that is cancelled leaves the whole voice or nothing.

        Raises:
            Unsupported: The engine cannot clone; nothing was looked at.
            BadMessage: The id is none.
            VoiceExists: The id is taken: by the engine itself, or without `replace`.
            TooLarge: Too many voices, or the clip is too large or too long.
            BadAudio: The clip cannot be used; the message says why.
            RateLimited: Too many registrations are under way.
            EngineTimeout: The engine took too long.
            EngineUnavailable: The engine cannot do it now.
        """
        self.check_registration(wanted.voice_id, replace=wanted.replace)
        with self._place(len(wanted.clip)):
            async with self._preparing:
                samples = await read_clip(wanted.clip, self._speaker.info.sample_rate_hz)
                clip = await to_thread(prepare, samples, self._speaker.info.sample_rate_hz)
            conditioning = await self._conditioner.make(clip.samples, clip.sample_rate_hz)
            record = VoiceRecord(
                voice_id=wanted.voice_id,
                name=wanted.name or wanted.voice_id,
                consent=None if wanted.consent is None else dict(wanted.consent),
                family=self._speaker.family,
                checkpoint=self._speaker.checkpoint,
                created=datetime.now(UTC).isoformat(timespec="seconds"),
                version=_NO_VERSION,
                duration_s=round(clip.duration_s, 3),
            )
            with _told():
                async with self._writing:
                    kept = await to_thread(
                        self._shelf.put, record, clip, conditioning, replace=wanted.replace
                    )
            self._conditioner.keep(kept.folder, conditioning)
        logger.info("a voice is registered: {:.1f} s", clip.duration_s)
        return Registered(voice_id=kept.voice_id, duration_s=kept.duration_s, notes=clip.notes)

    async def remove(self, voice_id: str) -> None:
        """Forgets a registered voice; jobs that speak in it finish.

        Raises:
            VoiceNotFound: No such voice.
            Unsupported: It is one of the engine's own.
        """
        record = self._find(voice_id)
        if record is None:
            self._speaker.check_voice(voice_id, None)
            raise Unsupported(f"the voice {voice_id} is built into the engine and stays")
        with _told():
            async with self._writing:
                await to_thread(self._shelf.remove, voice_id)
        self._conditioner.drop(record.folder)
        logger.info("a voice is deleted")

    def check_registration(self, voice_id: str, *, replace: bool) -> None:
        """Says at once what `register` would refuse, whatever the clip is.

        Raises:
            Unsupported: The engine cannot clone.
            BadMessage: The id is none.
            VoiceExists: The id is taken: by the engine itself, or without `replace`.
            TooLarge: Too many voices.
        """
        if not self._speaker.clones:
            raise Unsupported(
                f"the {self._speaker.info.name} engine cannot clone a voice; it speaks with its "
                "own, see list_voices"
            )
        if not is_voice_id(voice_id):
            raise BadMessage("voice_id: 1 to 64 letters, digits, - and _ are an id")
        if self._is_own(voice_id):
            raise VoiceExists(f"the voice {voice_id} is built into the engine; take another id")
        records = self._records()
        if voice_id in records and not replace:
            raise VoiceExists(f"the voice {voice_id} exists; say replace to change it")
        if voice_id not in records and len(records) >= self._max_voices:
            raise TooLarge(f"{self._max_voices} voices are registered already; delete one")

    def _records(self) -> Mapping[str, VoiceRecord]:
        with _told():
            return self._index.records()

    def _find(self, voice_id: str) -> VoiceRecord | None:
        if not self._speaker.clones or self._is_own(voice_id):
            return None
        return self._records().get(voice_id)

    def _is_own(self, voice_id: str) -> bool:
        try:
            self._speaker.check_voice(voice_id, None)
        except VoiceNotFound:
            return False
        return True

    @contextmanager
    def _place(self, n_bytes: int) -> Generator[None]:
        """A place among the registrations under way."""
        if self._clips_bytes + n_bytes > _MAX_CLIPS_BYTES:
            raise RateLimited(
                "too many voices are being registered, try again", retry_after_ms=_RETRY_AFTER_MS
            )
        self._clips_bytes += n_bytes
        try:
            yield
        finally:
            self._clips_bytes -= n_bytes


@contextmanager
def _told() -> Generator[None]:
    """Says what is wrong with the disk, and no path."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        logger.error("voices.dir cannot be used: {}", error)
        raise VoiceAgentError(f"the service cannot keep voices just now: {reason}") from error
