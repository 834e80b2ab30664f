"""Voices in a folder: one folder each, named by a hash of the id and the version.

A folder appears and goes in one step, so what has the name of a voice is whole. A voice is
replaced by its next version: the newest counts, and older ones are cleared away by whoever
writes next if their writer was killed in between. All writing is done under one lock, of
which the system takes care; reading needs none.

    .lock                                   held while something is written
    .work/                                  what is being written or deleted
    <hash of the id>.<version>/
        voice.json                          `VoiceRecord`
        reference.wav                       the clip, as it was prepared
        conditioning-<model>.safetensors    for each model that has spoken in it

Nothing here is kept in memory and every method may be called from any thread; all of them
do disk work. ``OSError`` means that the folder cannot be used.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import ValidationError

from voice_agent.engines.base import Conditioning, Samples
from voice_agent.errors import BadAudio, TooLarge, VoiceExists, VoiceNotFound
from voice_agent.voices.clip import from_wav, to_wav
from voice_agent.voices.conditioning_file import from_bytes, to_bytes
from voice_agent.voices.files import locked, publish_file, publish_folder, retire
from voice_agent.voices.prepare import Clip
from voice_agent.voices.record import (
    VoiceRecord,
    conditioning_file,
    folder_prefix,
    is_voice_folder,
    next_version,
    prefix_of,
)

_RECORD = "voice.json"
_REFERENCE = "reference.wav"
_MAX_CONDITIONINGS = 4  # models that take turns on one folder; the oldest file goes

Found = Mapping[str, VoiceRecord | None]
"""Folder names and their records; None for a folder that cannot be read."""


class VoiceStore:
    """The voices of one folder, which may not be there yet.

    Args:
        root: Where they lie.
        max_voices: More are refused.
    """

    def __init__(self, root: Path, max_voices: int) -> None:
        self.root = root
        self._max_voices = max_voices

    def clean(self) -> None:
        """Clears away what writers have left that were killed."""
        with locked(self.root) as work:
            self._retire_old(work)

    def changed_ns(self) -> int | None:
        """When a voice came or went last; None if there is no folder."""
        try:
            return self.root.stat().st_mtime_ns
        except FileNotFoundError:
            return None

    def scan(self, known: Found) -> dict[str, VoiceRecord | None]:
        """The newest version of every voice.

        Args:
            known: The last result: a record that is in it is not read again.
        """
        return {name: known.get(name) or self._record(name) for name in self._newest()}

    def put(
        self, record: VoiceRecord, clip: Clip, data: Conditioning, *, replace: bool
    ) -> VoiceRecord:
        """Keeps a voice; once this returns, it survives a loss of power.

        Args:
            record: All about it; its version is set here.
            clip: What it was made from.
            data: Its conditioning for the record's model.
            replace: It may take the place of a voice of the same id.

        Returns:
            The record as it was kept.

        Raises:
            VoiceExists: The id is taken.
            TooLarge: There are too many voices.
        """
        prefix = folder_prefix(record.voice_id)
        with locked(self.root) as work:
            self._retire_old(work)
            here = self._folders()
            before = next((name for name in here if prefix_of(name) == prefix), None)
            if before is not None and not replace:
                raise VoiceExists(f"the voice {record.voice_id} exists; say replace to change it")
            if before is None and len(here) >= self._max_voices:
                raise TooLarge(f"{self._max_voices} voices are registered already; delete one")
            version = next_version(before and before[len(prefix) + 1 :])
            record = record.model_copy(update={"version": version})
            files = {
                _RECORD: record.model_dump_json(indent=1).encode(),
                _REFERENCE: to_wav(clip.samples, clip.sample_rate_hz),
                conditioning_file(record.family, record.checkpoint): to_bytes(
                    data, family=record.family, checkpoint=record.checkpoint
                ),
            }
            publish_folder(work, files, self.root / record.folder)
            self._retire_old(work)
        return record

    def remove(self, voice_id: str) -> None:
        """Forgets a voice and deletes its files.

        Raises:
            VoiceNotFound: No such voice.
        """
        prefix = folder_prefix(voice_id)
        if not self.root.is_dir():
            raise VoiceNotFound(f"there is no voice {voice_id}")
        with locked(self.root) as work:
            # an older version that a killed writer left must not come back
            self._retire_old(work)
            mine = [name for name in self._folders() if prefix_of(name) == prefix]
            if not mine:
                raise VoiceNotFound(f"there is no voice {voice_id}")
            for name in mine:
                retire(work, self.root / name)

    def clip(self, record: VoiceRecord) -> tuple[Samples, int]:
        """The reference clip and its rate.

        Raises:
            BadAudio: It is damaged.
            FileNotFoundError: The voice is gone.
        """
        return from_wav((self.root / record.folder / _REFERENCE).read_bytes())

    def conditioning(
        self, record: VoiceRecord, family: str, checkpoint: str
    ) -> Conditioning | None:
        """What a model needs of a voice; None if it has to be made (anew) from the clip."""
        path = self.root / record.folder / conditioning_file(family, checkpoint)
        try:
            return from_bytes(path.read_bytes(), family=family, checkpoint=checkpoint)
        except (FileNotFoundError, BadAudio):
            return None

    def add_conditioning(
        self, record: VoiceRecord, data: Conditioning, *, family: str, checkpoint: str
    ) -> None:
        """Keeps what another model needs of a voice.

        Raises:
            FileNotFoundError: The voice is gone.
        """
        folder = self.root / record.folder
        encoded = to_bytes(data, family=family, checkpoint=checkpoint)
        with locked(self.root) as work:
            publish_file(work, encoded, folder / conditioning_file(family, checkpoint))
            files = sorted(folder.glob("conditioning-*"), key=lambda path: path.stat().st_mtime_ns)
            for oldest in files[:-_MAX_CONDITIONINGS]:
                oldest.unlink()

    def _folders(self) -> list[str]:
        try:
            return sorted(name for name in os.listdir(self.root) if is_voice_folder(name))
        except FileNotFoundError:
            return []

    def _newest(self) -> Iterable[str]:
        # sorted, so the last of each prefix is the newest version
        return {prefix_of(name): name for name in self._folders()}.values()

    def _retire_old(self, work: Path) -> None:
        newest = set(self._newest())
        for name in self._folders():
            if name not in newest:
                retire(work, self.root / name)

    def _record(self, name: str) -> VoiceRecord | None:
        try:
            record = VoiceRecord.model_validate_json((self.root / name / _RECORD).read_bytes())
        except (OSError, ValidationError):
            return None
        return record if record.folder == name else None
