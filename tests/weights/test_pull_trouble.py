import errno
from pathlib import Path

import pytest

from tests.scripted_hub import ScriptedHub
from tests.weights.pulling import MODEL_BYTES, N_BYTES, TINY, failed, pulled, same_as_hub
from voice_agent.cli.http_probe import free_port
from voice_agent.errors import PullFailed
from voice_agent.settings import ModelsSettings, Settings
from voice_agent.weights import pull as pulling
from voice_agent.weights.pull import Progress, plan, pull
from voice_agent.weights.store import (
    models_dir,
    partial_of,
    unfinished,
)
from voice_agent.weights.transfer import Patience


@pytest.mark.parametrize("abrupt", [False, True], ids=["ended", "reset"])
def test_a_broken_connection_is_taken_up_where_it_broke(
    hub: ScriptedHub, settings: Settings, abrupt: bool
) -> None:
    hub.drops, hub.abrupt = [100_000], abrupt
    assert same_as_hub(pulled(settings))
    first, second = hub.transfers()
    assert first == ""
    if abrupt:
        # a reset discards what was on its way
        assert 0 <= int((second or "bytes=0-")[6:-1]) <= 100_000
    else:
        assert second == "bytes=100000-"
        assert hub.sent_bytes == MODEL_BYTES


def test_a_connection_that_breaks_again_and_again_still_brings_the_model(
    hub: ScriptedHub, settings: Settings
) -> None:
    hub.drops, hub.drop_always = [30_000], True
    assert same_as_hub(pulled(settings))
    assert hub.transfers()[1:] == [f"bytes={n}-" for n in range(30_000, MODEL_BYTES, 30_000)]
    assert hub.sent_bytes == MODEL_BYTES


def test_servers_that_fail_for_a_while_are_asked_again(
    hub: ScriptedHub, settings: Settings
) -> None:
    hub.file_status = [503, 429, 500]
    assert same_as_hub(pulled(settings))


def test_a_server_without_ranges_begins_again(hub: ScriptedHub, settings: Settings) -> None:
    hub.drops, hub.ignores_ranges = [100_000], True
    assert same_as_hub(pulled(settings))
    assert hub.transfers() == ["", "bytes=100000-"]


def test_a_silent_connection_is_given_up_and_taken_up(hub: ScriptedHub, settings: Settings) -> None:
    hub.hold_at = 50_000
    told: list[str] = []

    def tell(progress: Progress) -> None:
        told.append(progress.doing)
        if progress.doing.startswith("connection lost"):
            hub.hold_at = None

    patience = Patience(silence_s=0.3, waits_s=(0, 0))
    assert same_as_hub(pull(TINY, settings, on_progress=tell, patience=patience))
    assert "connection lost, trying again in 0 s" in told
    assert hub.transfers() == ["", "bytes=50000-"]


def test_a_connection_that_stays_away_keeps_what_came(hub: ScriptedHub, settings: Settings) -> None:
    hub.drops = [100_000, 0, 0, 0, 0]
    said = failed(settings)
    assert "broke off and did not come back" in said
    assert "run the command again later" in said
    [left] = unfinished(settings)
    assert left.name == "tiny"
    assert left.n_bytes >= 100_000
    assert plan(TINY, settings).fetch_bytes < N_BYTES - 100_000 + 1

    hub.drops, sent_before = [], hub.sent_bytes
    assert same_as_hub(pulled(settings))
    assert hub.transfers()[-1] == "bytes=100000-"
    assert hub.sent_bytes - sent_before == MODEL_BYTES - 100_000
    assert unfinished(settings) == []


@pytest.mark.parametrize("name", ["model.bin", "tokenizer.json"])
def test_a_wrong_checksum_is_named_and_the_file_removed(
    hub: ScriptedHub, settings: Settings, name: str
) -> None:
    hub.lies = {name}
    assert f"{name} of tiny has another checksum" in failed(settings)
    assert not list(partial_of(models_dir(settings) / "tiny").rglob(f"{name}*"))
    hub.lies = set()
    assert same_as_hub(pulled(settings))


@pytest.mark.parametrize(("stated", "why"), [(400_000, "broke off"), (200_000, "another checksum")])
def test_a_wrong_size_is_no_model(
    hub: ScriptedHub, settings: Settings, stated: int, why: str
) -> None:
    hub.sizes["model.bin"] = stated
    if stated > MODEL_BYTES:
        # the server answers the rest with nothing
        hub.ignores_ranges = True
    assert why in failed(settings)


def test_offline_nothing_is_asked(hub: ScriptedHub, settings: Settings) -> None:
    settings.models.offline = True
    for call in (lambda: pulled(settings), lambda: plan(TINY, settings)):
        with pytest.raises(PullFailed, match=r"models\.offline is set"):
            call()
    assert hub.seen == []


def test_the_library_s_offline_switch_is_kept_and_named(
    hub: ScriptedHub, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE is set" in failed(settings)
    assert hub.seen == []


def test_without_a_server_the_address_is_named(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    settings = Settings(data_dir=tmp_path, models=ModelsSettings(hub_url=url))
    said = failed(settings)
    assert f"cannot reach the model hub at {url}" in said
    assert "models.hub_url" in said
    assert not models_dir(settings).exists()


@pytest.mark.parametrize("url", ["nonsense", "ftp://localhost", "http://[", "http://localhost:x"])
def test_an_address_that_is_none_is_one_sentence(tmp_path: Path, url: str) -> None:
    settings = Settings(data_dir=tmp_path, models=ModelsSettings(hub_url=url))
    assert f"cannot reach the model hub at {url}" in failed(settings)


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (401, "does not give Systran/faster-whisper-tiny to everybody (401)"),
        (403, "to everybody (403)"),
        (404, "the hub has no Systran/faster-whisper-tiny"),
        (429, "answers 429"),
        (500, "answers 500"),
    ],
)
def test_what_the_hub_refuses_is_one_sentence(
    hub: ScriptedHub, settings: Settings, status: int, why: str
) -> None:
    hub.status = status
    assert why in failed(settings)


def test_a_repository_that_is_no_whisper_model_is_refused_before_anything_comes(
    hub: ScriptedHub, settings: Settings
) -> None:
    del hub.files["tokenizer.json"]
    assert "has no tokenizer.json: it is not a Whisper model" in failed(settings)
    assert "/stored/model.bin" not in {seen.path for seen in hub.seen}


def test_a_page_that_is_no_hub_is_recognised(hub: ScriptedHub, settings: Settings) -> None:
    hub.revision = "../../etc"
    assert "is not a model hub" in failed(settings)
    hub.status = 200
    settings.models.hub_url = f"{hub.url}/stored/model.bin?"
    assert "is not a model hub" in failed(settings)


def test_a_disk_that_is_too_small_is_seen_before(hub: ScriptedHub, settings: Settings) -> None:
    hub.sizes["model.bin"] = 10**15
    said = failed(settings)
    assert "tiny needs 1000000000 MB more, but only" in said
    assert hub.sent_bytes == 0


def test_a_folder_that_cannot_be_written_is_named(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file is in the way")
    with pytest.raises(PullFailed, match=rf"cannot write models to {tmp_path}/models"):
        pulled(settings)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_is_one_sentence(settings: Settings, number: int) -> None:
    with (
        pytest.raises(PullFailed, match="is full; make room and run the command again"),
        pulling._writable(models_dir(settings) / "tiny"),
    ):
        raise OSError(number, "no space left")
