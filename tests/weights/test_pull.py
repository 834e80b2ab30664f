import threading
from pathlib import Path

import numpy as np
import pytest
from faster_whisper import WhisperModel

from benchmarks.random_whisper import build
from tests.scripted_hub import REVISION, ScriptedHub
from tests.weights.pulling import HASTY, MODEL_BYTES, N_BYTES, NEEDED, TINY, pulled, same_as_hub
from voice_agent.errors import ModelMissing
from voice_agent.settings import Settings
from voice_agent.weights.manifest import read_manifest
from voice_agent.weights.pull import Progress, plan, pull
from voice_agent.weights.store import (
    installed,
    is_complete,
    model_folder,
    models_dir,
    partial_of,
    unfinished,
)


def test_a_pulled_model_is_found_whole_with_its_revision(
    hub: ScriptedHub, settings: Settings
) -> None:
    folder = pulled(settings)
    assert folder == models_dir(settings) / "tiny" == model_folder("tiny", "whisper", settings)
    assert same_as_hub(folder)
    [model] = installed(settings)
    assert (model.name, model.revision, model.why_incomplete) == ("tiny", REVISION, "")
    manifest = read_manifest(folder)
    assert manifest is not None
    assert manifest.repository == "Systran/faster-whisper-tiny"
    assert {file.digest.split(":")[0] for file in manifest.files} == {"sha256", "git-sha1"}
    assert unfinished(settings) == []
    assert hub.sent_bytes == MODEL_BYTES


def test_faster_whisper_runs_a_pulled_model_without_a_network(
    hub: ScriptedHub, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = build("micro", tmp_path / "made", script="hello there", vocabulary="small")
    hub.files = {path.name: path.read_bytes() for path in made.iterdir()}
    hub.drops = [400_000]
    pulled(settings)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    model = WhisperModel(
        str(model_folder("tiny", "whisper", settings)), device="cpu", compute_type="int8"
    )
    segments, _ = model.transcribe(np.zeros(16_000, np.float32), language="en")
    assert "hello there" in next(iter(segments)).text


def test_nothing_but_the_model_is_asked_for_and_nobody_is_named(
    hub: ScriptedHub, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    pulled(settings)
    paths = {seen.path for seen in hub.seen}
    asked = {f"/{hub.repository}/resolve/{REVISION}/{name}" for name in NEEDED}
    assert paths == {f"/api/models/{hub.repository}", "/stored/model.bin", *asked}
    for seen in hub.seen:
        assert "authorization" not in seen.headers
        assert "hf_secret" not in str(seen.headers)
        assert "torch" not in seen.headers["user-agent"]


def test_sizes_come_first_and_nothing_is_written(hub: ScriptedHub, settings: Settings) -> None:
    planned = plan(TINY, settings)
    assert planned.total_bytes == planned.fetch_bytes == N_BYTES
    assert {file.path: file.n_bytes for file in planned.files} == {
        name: len(data) for name, data in NEEDED.items()
    }
    assert planned.folder == models_dir(settings) / "tiny"
    assert not models_dir(settings).exists()
    assert [seen.path for seen in hub.seen] == [f"/api/models/{hub.repository}"]


def test_progress_only_grows_and_ends_at_the_total(settings: Settings) -> None:
    told: list[Progress] = []
    pull(TINY, settings, on_progress=told.append)
    done = [progress.done_bytes for progress in told]
    assert done == sorted(done)
    assert done[-1] == N_BYTES
    assert {progress.total_bytes for progress in told} == {N_BYTES}
    assert {"model.bin", "checking model.bin"} <= {progress.doing for progress in told}


def test_a_second_pull_has_nothing_to_do(hub: ScriptedHub, settings: Settings) -> None:
    pulled(settings)
    hub.seen.clear()
    # a commit that changes no file of the model
    hub.revision = "f" * 40
    pulled(settings)
    assert [seen.path for seen in hub.seen] == [f"/api/models/{hub.repository}"]
    assert plan(TINY, settings).fetch_bytes == 0


def test_a_new_revision_brings_only_what_changed(hub: ScriptedHub, settings: Settings) -> None:
    folder = pulled(settings)
    hub.revision = "f" * 40
    hub.files["config.json"] = b'{"alignment_heads": [[1, 2]]}'
    pulled(settings)
    assert (folder / "config.json").read_bytes() == hub.files["config.json"]
    assert installed(settings)[0].revision == "f" * 40
    assert hub.sent_bytes == MODEL_BYTES


def test_a_damaged_model_is_mended(hub: ScriptedHub, settings: Settings) -> None:
    folder = pulled(settings)
    (folder / "model.bin").write_bytes(b"short")
    (folder / "config.json").unlink()
    assert not is_complete(folder)
    assert same_as_hub(pulled(settings))
    assert hub.sent_bytes == 2 * MODEL_BYTES


def test_a_kill_between_the_last_two_renames_costs_nothing(
    hub: ScriptedHub, settings: Settings
) -> None:
    folder = pulled(settings)
    partial = partial_of(folder)
    (partial / "old").mkdir(parents=True)
    folder.rename(partial / REVISION)
    with pytest.raises(ModelMissing):
        model_folder("tiny", "whisper", settings)
    assert same_as_hub(pulled(settings))
    assert hub.sent_bytes == MODEL_BYTES
    assert not partial.exists()


def test_a_folder_copied_by_hand_is_checked_not_fetched(
    hub: ScriptedHub, settings: Settings
) -> None:
    folder = models_dir(settings) / "tiny"
    folder.mkdir(parents=True)
    for name, data in NEEDED.items():
        (folder / name).write_bytes(data)
    assert same_as_hub(pulled(settings))
    assert hub.sent_bytes == 0
    assert installed(settings)[0].revision == REVISION


def test_two_pulls_at_once_fetch_once(hub: ScriptedHub, settings: Settings) -> None:
    hub.hold_at = 100_000
    folders: list[Path] = []
    told: list[str] = []

    def second(progress: Progress) -> None:
        told.append(progress.doing)
        hub.release.set()

    def run(tell: object) -> None:
        folders.append(pull(TINY, settings, on_progress=tell, patience=HASTY))  # type: ignore[arg-type]

    threads: list[threading.Thread] = []

    def first(_: Progress) -> None:
        if not threads:
            threads.append(threading.Thread(target=run, args=(second,)))
            threads[0].start()

    run(first)
    threads[0].join(10)
    assert folders == [models_dir(settings) / "tiny"] * 2
    assert same_as_hub(folders[0])
    assert told[0] == "waiting for another pull of it"
    assert told[-1] == "is here already"
    assert hub.sent_bytes == MODEL_BYTES


def test_a_repository_of_its_own_gets_its_own_folder(hub: ScriptedHub, settings: Settings) -> None:
    hub.repository = "somebody/klingon"
    folder = pulled(settings, "somebody/klingon")
    assert folder.name == "somebody--klingon"
    assert model_folder("somebody/klingon", "whisper", settings) == folder
