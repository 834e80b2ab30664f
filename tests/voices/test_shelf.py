"""Voices in a folder: put, found, replaced, removed, and whatever else lies there."""

import os
import stat
import threading
from pathlib import Path

import numpy as np
import pytest

from tests.voices.shelves import (
    CHECKPOINT,
    FAMILY,
    assert_whole,
    clip,
    conditioning,
    found,
    left_over,
    put,
    record,
)
from voice_agent.errors import BadAudio, TooLarge, VoiceExists, VoiceNotFound
from voice_agent.voices.index import VoiceIndex
from voice_agent.voices.record import VoiceRecord, next_version
from voice_agent.voices.voice_store import VoiceStore


@pytest.fixture
def shelf(tmp_path: Path) -> VoiceStore:
    return VoiceStore(tmp_path / "voices", max_voices=5)


def test_a_shelf_that_is_not_there_is_empty(shelf: VoiceStore) -> None:
    assert shelf.scan({}) == {}
    assert shelf.changed_ns() is None
    with pytest.raises(VoiceNotFound):
        shelf.remove("anna")
    assert not shelf.root.exists()


def test_a_voice_is_found_by_everyone_who_looks(shelf: VoiceStore) -> None:
    kept = put(shelf, "anna", "Anna")
    again = found(VoiceStore(shelf.root, 5))
    assert again == {"anna": kept}
    assert_whole(shelf, kept)
    assert kept.consent == {"speaker": "Anna"}
    assert left_over(shelf.root) == []


def test_no_name_of_a_file_comes_from_a_client(shelf: VoiceStore) -> None:
    put(shelf, "anna", "../../etc/passwd")
    names = [path.name for path in shelf.root.rglob("*")]
    assert not [name for name in names if "anna" in name or "passwd" in name]


def test_nobody_else_on_the_machine_can_read_it(shelf: VoiceStore) -> None:
    put(shelf, "anna", "Anna")
    for folder in (shelf.root, *(p for p in shelf.root.iterdir() if p.is_dir())):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_an_id_is_taken_until_replace_is_said(shelf: VoiceStore) -> None:
    first = put(shelf, "anna", "Anna")
    with pytest.raises(VoiceExists, match="replace"):
        put(shelf, "anna", "Another")
    assert_whole(shelf, first)
    second = put(shelf, "anna", "Another", replace=True)
    assert second.version > first.version
    assert found(shelf) == {"anna": second}
    assert_whole(shelf, second)
    with pytest.raises(FileNotFoundError):
        shelf.clip(first)


def test_ids_that_differ_in_case_are_different(shelf: VoiceStore) -> None:
    put(shelf, "anna", "one")
    put(shelf, "Anna", "two")
    assert {name: r.name for name, r in found(shelf).items() if r} == {"anna": "one", "Anna": "two"}


def test_a_removed_voice_leaves_nothing(shelf: VoiceStore) -> None:
    gone = put(shelf, "anna", "Anna")
    shelf.remove("anna")
    assert found(shelf) == {}
    assert {path.name for path in shelf.root.rglob("*")} == {".lock", ".work"}
    with pytest.raises(VoiceNotFound):
        shelf.remove("anna")
    with pytest.raises(FileNotFoundError):
        shelf.clip(gone)
    assert shelf.conditioning(gone, FAMILY, CHECKPOINT) is None


def test_the_limit_counts_voices_and_not_versions(shelf: VoiceStore) -> None:
    for n in range(5):
        put(shelf, f"v{n}", "x")
    with pytest.raises(TooLarge, match="5 voices"):
        put(shelf, "v5", "x")
    put(shelf, "v4", "y", replace=True)
    shelf.remove("v0")
    put(shelf, "v5", "x")
    assert sorted(found(shelf)) == ["v1", "v2", "v3", "v4", "v5"]


def test_a_version_grows_whatever_the_clock_does_and_never_comes_again() -> None:
    first = next_version(None, lambda: 1000)
    assert next_version(first, lambda: 5) > first
    assert next_version(None, lambda: 1000) != first


def test_another_model_has_its_own_file_and_the_oldest_goes(shelf: VoiceStore) -> None:
    kept = put(shelf, "anna", "Anna")
    for n in range(6):
        assert shelf.conditioning(kept, FAMILY, f"c{n}") is None
        shelf.add_conditioning(kept, conditioning(f"{n}"), family=FAMILY, checkpoint=f"c{n}")
    there = [n for n in range(6) if shelf.conditioning(kept, FAMILY, f"c{n}") is not None]
    assert there == [2, 3, 4, 5]
    shelf.remove("anna")
    with pytest.raises(FileNotFoundError):
        shelf.add_conditioning(kept, conditioning("x"), family=FAMILY, checkpoint="c")
    assert found(shelf) == {}


def test_damaged_files_are_noticed(shelf: VoiceStore) -> None:
    kept = put(shelf, "anna", "Anna")
    folder = shelf.root / kept.folder
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[:-10])
    assert shelf.conditioning(kept, FAMILY, CHECKPOINT) is None
    with pytest.raises(BadAudio, match="damaged"):
        shelf.clip(kept)
    assert found(shelf) == {kept.folder: None}
    put(shelf, "anna", "Anna again", replace=True)
    assert list(found(shelf)) == ["anna"]


def test_a_record_in_a_folder_of_another_voice_is_no_voice(shelf: VoiceStore) -> None:
    anna = put(shelf, "anna", "Anna")
    ben = put(shelf, "ben", "Ben")
    record_file = shelf.root / ben.folder / "voice.json"
    record_file.write_bytes((shelf.root / anna.folder / "voice.json").read_bytes())
    assert found(shelf) == {"anna": anna, ben.folder: None}


def test_what_others_put_there_is_left_alone(shelf: VoiceStore) -> None:
    shelf.root.mkdir()
    (shelf.root / "notes").mkdir()
    (shelf.root / "README").write_text("mine")
    put(shelf, "anna", "Anna")
    shelf.clean()
    assert list(found(shelf)) == ["anna"]
    assert (shelf.root / "README").read_text() == "mine"
    assert (shelf.root / "notes").is_dir()


def test_a_record_of_a_newer_program_is_read_if_its_format_is_known(shelf: VoiceStore) -> None:
    kept = put(shelf, "anna", "Anna")
    path = shelf.root / kept.folder / "voice.json"
    path.write_text(path.read_text().replace('"format": 1', '"more": [], "format": 1'))
    assert found(shelf) == {"anna": kept}
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    assert found(shelf) == {kept.folder: None}


def test_a_full_disk_leaves_nothing_behind(
    shelf: VoiceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(shelf, "anna", "Anna")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            put(shelf, "ben", "Ben")
    assert list(found(shelf)) == ["anna"]
    shelf.clean()
    assert left_over(shelf.root) == []
    put(shelf, "ben", "Ben")


def test_many_threads_that_want_the_same_id_make_one_voice(shelf: VoiceStore) -> None:
    outcomes: list[str] = []

    def register(n: int) -> None:
        try:
            put(VoiceStore(shelf.root, 5), "anna", f"{n}")
            outcomes.append("kept")
        except VoiceExists:
            outcomes.append("exists")

    threads = [threading.Thread(target=register, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["exists"] * 7 + ["kept"]
    (kept,) = found(shelf).values()
    assert kept is not None
    assert_whole(shelf, kept)


def test_an_index_sees_what_another_process_does(shelf: VoiceStore) -> None:
    index = VoiceIndex(shelf)
    other = VoiceStore(shelf.root, 5)
    assert index.find("anna") is None
    first = put(other, "anna", "Anna")
    assert index.find("anna") == first
    second = put(other, "anna", "Anna", replace=True)
    assert index.find("anna") == second
    other.remove("anna")
    assert index.records() == {}


def test_an_index_misses_no_change_within_a_tick_of_the_clock(shelf: VoiceStore) -> None:
    anna = put(shelf, "anna", "Anna")
    index = VoiceIndex(shelf)
    changed = shelf.root.stat().st_mtime_ns
    assert index.find("anna") == anna
    put(shelf, "ben", "Ben")
    os.utime(shelf.root, ns=(changed, changed))  # as a coarse clock would have it
    assert index.find("ben") is not None


def test_an_index_that_is_sure_does_not_read_again(
    shelf: VoiceStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(shelf, "anna", "Anna")
    long_ago = shelf.root.stat().st_mtime_ns - 10**9
    os.utime(shelf.root, ns=(long_ago, long_ago))
    index = VoiceIndex(shelf)
    assert index.find("anna") is not None
    monkeypatch.setattr(shelf, "scan", None)
    assert index.find("anna") is not None
    assert index.find("ben") is None


def test_a_record_that_was_read_is_not_read_again(shelf: VoiceStore) -> None:
    kept = put(shelf, "anna", "Anna")
    known: dict[str, VoiceRecord | None] = {kept.folder: record("anna", "from memory")}
    assert shelf.scan(known) == known
    assert np.array_equal(shelf.clip(kept)[0], clip("Anna").samples)
