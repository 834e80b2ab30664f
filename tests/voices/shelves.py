"""Voices for tests of the store: small, and telling whether they are whole."""

import hashlib
from pathlib import Path

import numpy as np

from voice_agent.audio.pcm import int16_to_float
from voice_agent.engines.base import Conditioning
from voice_agent.voices.prepare import Clip
from voice_agent.voices.record import VoiceRecord
from voice_agent.voices.voice_store import VoiceStore

FAMILY, CHECKPOINT = "humming", "0" * 16


def record(voice_id: str, name: str = "Somebody") -> VoiceRecord:
    """A voice that has no version yet."""
    return VoiceRecord(
        voice_id=voice_id,
        name=name,
        consent={"speaker": name},
        family=FAMILY,
        checkpoint=CHECKPOINT,
        created="2026-11-22T12:00:00+00:00",
        version="0" * 24,
        duration_s=1.0,
    )


def clip(seed: str, n_samples: int = 2400) -> Clip:
    """Noise that only this seed makes."""
    rng = np.random.default_rng(int(hashlib.sha256(seed.encode()).hexdigest()[:8], 16))
    samples = int16_to_float(rng.integers(-20_000, 20_000, n_samples, np.int16))
    return Clip(samples=samples, sample_rate_hz=24_000)


def conditioning(seed: str) -> Conditioning:
    """Arrays that only this seed makes."""
    return {"all": clip(seed, 5000).samples, "first": clip(seed, 1).samples}


def put(shelf: VoiceStore, voice_id: str, seed: str, *, replace: bool = False) -> VoiceRecord:
    """Keeps the voice of a seed, which is also its name."""
    return shelf.put(record(voice_id, seed), clip(seed), conditioning(seed), replace=replace)


def found(shelf: VoiceStore) -> dict[str, VoiceRecord | None]:
    """All voices by id; the names of unreadable folders in their place."""
    return {
        record.voice_id if record else folder: record for folder, record in shelf.scan({}).items()
    }


def assert_whole(shelf: VoiceStore, record: VoiceRecord) -> None:
    """All of a voice is of the seed that it is named after."""
    samples, _ = shelf.clip(record)
    np.testing.assert_array_equal(samples, clip(record.name).samples)
    data = shelf.conditioning(record, FAMILY, CHECKPOINT)
    assert data is not None
    for name, array in conditioning(record.name).items():
        np.testing.assert_array_equal(data[name], array)


def left_over(root: Path) -> list[str]:
    """What lies there and is no voice."""
    return sorted(str(p.relative_to(root)) for p in (root / ".work").rglob("*"))
