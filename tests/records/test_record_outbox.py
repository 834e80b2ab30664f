import asyncio
import base64
import hmac
import json
import stat
import time
from collections.abc import Generator
from datetime import UTC, datetime
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.scripted_webhook import Posted, ScriptedWebhook, serving
from voice_agent.cli.http_probe import free_port
from voice_agent.errors import SettingsError
from voice_agent.records.check import check
from voice_agent.records.folder import write
from voice_agent.records.outbox import Outbox
from voice_agent.records.record import CallerTurn, Record
from voice_agent.settings import RecordsSettings

SECRET = "whsec_" + base64.b64encode(b"a secret of the receiver").decode()


@pytest.fixture
def hook() -> Generator[ScriptedWebhook]:
    with serving(ScriptedWebhook()) as hook:
        yield hook


def settings(**values: Any) -> RecordsSettings:
    return RecordsSettings.model_validate({"drain_timeout_s": 20} | values)


def record(name: str = "a1") -> Record:
    turn = CallerTurn(text="hello", start_s=0.5, end_s=1.0)
    began = datetime(2026, 11, 22, 19, 5, 7, tzinfo=UTC)
    return Record(id=name, service="agent", kind="wire", began=began, turns=[turn])


def signature(posted: Posted) -> str:
    """As standardwebhooks.com describes it; written here anew, so that no mistake is shared."""
    head = f"{posted.headers['webhook-id']}.{posted.headers['webhook-timestamp']}."
    digest = hmac.digest(b"a secret of the receiver", head.encode() + posted.body, sha256)
    return "v1," + base64.b64encode(digest).decode()


async def test_a_record_is_a_file_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "records"
    values = settings(dir=folder)
    check(values)
    async with Outbox(values) as outbox:
        outbox.put(record("a1"))
        outbox.put(record("a2"))
    assert sorted(path.name for path in folder.iterdir()) == [
        "20261122T190507Z-a1.json",
        "20261122T190507Z-a2.json",
    ]
    path = folder / "20261122T190507Z-a1.json"
    assert json.loads(path.read_bytes())["turns"][0]["text"] == "hello"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


async def test_a_record_is_posted_and_signed(hook: ScriptedWebhook) -> None:
    async with Outbox(settings(webhook_url=hook.url, webhook_secret=SECRET)) as outbox:
        outbox.put(record())
    [posted] = hook.posted
    assert json.loads(posted.body) == json.loads(record().to_json())
    assert posted.headers["content-type"] == "application/json"
    assert posted.headers["webhook-id"] == "record_a1"
    assert abs(int(posted.headers["webhook-timestamp"]) - time.time()) < 10
    assert posted.headers["webhook-signature"] == signature(posted)


async def test_without_a_secret_nothing_is_signed(hook: ScriptedWebhook) -> None:
    async with Outbox(settings(webhook_url=hook.url)) as outbox:
        outbox.put(record())
    assert "webhook-signature" not in hook.posted[0].headers


async def test_what_is_not_taken_is_posted_again_with_longer_pauses(hook: ScriptedWebhook) -> None:
    hook.statuses = [500, 429, 503, 200]
    async with Outbox(settings(webhook_url=hook.url, webhook_secret=SECRET)) as outbox:
        outbox.put(record())
        await asyncio.to_thread(hook.until, 4)
    assert len({posted.headers["webhook-id"] for posted in hook.posted}) == 1
    assert all(posted.headers["webhook-signature"] == signature(posted) for posted in hook.posted)
    pauses_s = [later.at_s - sooner.at_s for sooner, later in pairwise(hook.posted)]
    assert pauses_s[0] > 0.7
    assert pauses_s[1] > 1.4
    assert pauses_s[2] > 2.9


async def test_what_is_refused_is_not_posted_again(hook: ScriptedWebhook) -> None:
    hook.statuses = [400]
    async with Outbox(settings(webhook_url=hook.url)) as outbox:
        outbox.put(record())
        await asyncio.to_thread(hook.until, 1)
    assert len(hook.posted) == 1


async def test_tries_have_an_end(hook: ScriptedWebhook) -> None:
    hook.statuses = [500]
    async with Outbox(settings(webhook_url=hook.url, webhook_tries=2)) as outbox:
        outbox.put(record())
    assert len(hook.posted) == 2


async def test_one_that_never_answers_is_given_up_in_time(hook: ScriptedWebhook) -> None:
    hook.statuses = [0, 204]
    async with Outbox(settings(webhook_url=hook.url, webhook_timeout_s=0.5)) as outbox:
        outbox.put(record())
        first, second = await asyncio.to_thread(hook.until, 2)
    assert 0.5 < second.at_s - first.at_s < 5


async def test_one_that_is_not_there_yet_gets_it_later() -> None:
    port = free_port()
    hook = ScriptedWebhook()
    async with Outbox(settings(webhook_url=f"http://127.0.0.1:{port}/")) as outbox:
        outbox.put(record())
        await asyncio.sleep(0.2)
        with serving(hook, port):
            await asyncio.to_thread(hook.until, 1)


async def test_the_end_of_the_service_waits_for_it_but_not_for_ever(hook: ScriptedWebhook) -> None:
    hook.statuses = [500, 500, 204]
    async with Outbox(settings(webhook_url=hook.url)) as outbox:
        outbox.put(record())
    assert len(hook.posted) == 3
    hook.statuses = [0]
    async with asyncio.timeout(20):
        async with Outbox(settings(webhook_url=hook.url, drain_timeout_s=0.5)) as outbox:
            outbox.put(record())


async def test_a_slow_receiver_holds_nobody_up(hook: ScriptedWebhook) -> None:
    hook.statuses = [0]
    async with Outbox(settings(webhook_url=hook.url, drain_timeout_s=0.1)) as outbox:
        for number in range(2_000):
            outbox.put(record(f"a{number}"))  # waits for nothing: it is no coroutine
        # and one that does not keep up loses some: memory has bounds
        assert len(outbox._delivering) == 1_000  # pyright: ignore[reportPrivateUsage]


def test_a_folder_that_cannot_be_written_to_is_known_before(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"records\.dir .*/file/records cannot be written to"):
        check(settings(dir=tmp_path / "file" / "records"))


def test_a_secret_that_is_none_is_known_before() -> None:
    with pytest.raises(SettingsError, match="base64"):
        check(settings(webhook_url="http://localhost/", webhook_secret="whsec_%%"))


def test_a_file_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "there.json"
    target.mkdir()
    with pytest.raises(OSError, match="there"):
        write(target, b"{}")
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    "values",
    [{"audio": True}, {"webhook_url": "ftp://x/"}, {"webhook_url": "nonsense"}],
    ids=str,
)
def test_settings_that_cannot_work_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"records|address"):
        RecordsSettings.model_validate(values)
