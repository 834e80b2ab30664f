"""The page in a real browser and a real agent, with a network between them that fails."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx2
import pytest
from playwright.async_api import Page, async_playwright

from tests.services.conftest import RunningService, running
from tests.tcp_proxy import proxying

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

_CHROMIUM = "/usr/bin/chromium"
_FLAGS = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]


async def eventually(holds: Callable[[], Awaitable[bool]], within_s: float = 30) -> None:
    async with asyncio.timeout(within_s):
        while not await holds():  # noqa: ASYNC110  what is awaited happens in the browser
            await asyncio.sleep(0.05)


def metrics(service: RunningService) -> dict[str, float]:
    lines = httpx2.get(f"{service.http}/metrics").text.splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if line.startswith("voice_agent_sessions"))
    return {name.removeprefix("voice_agent_"): float(value) for name, value in pairs}


async def ask(page: Page, text: str) -> None:
    await page.fill("#say", text)
    await page.press("#say", "Enter")


@pytest.mark.skipif(not Path(_CHROMIUM).exists(), reason="needs Chromium")
async def test_the_page_goes_on_where_the_network_broke() -> None:
    with running("agent") as agent:
        async with proxying(agent.port) as network, async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=_CHROMIUM, args=_FLAGS)
            page = await browser.new_page()
            await page.goto(f"http://localhost:{network.port}")
            await ask(page, "hello")
            await eventually(lambda: page.evaluate("voiceAgent.stats.chunksReceived > 2"))
            await network.refuse()
            network.drop()
            await page.locator("#notices li", has_text="trying again").wait_for()
            assert await page.evaluate("voiceAgent.state") == "reconnecting"
            await network.accept()
            await eventually(lambda: page.evaluate("voiceAgent.state !== 'reconnecting'"))
            answer = page.locator("#turns li.agent")
            await eventually(lambda: page.evaluate("voiceAgent.state === 'typing'"))
            assert await answer.count() == 1
            assert "interrupted" not in (await answer.first.get_attribute("class") or "")
            await ask(page, "hello again")
            await eventually(lambda: page.evaluate("voiceAgent.stats.chunksReceived > 6"))
            assert await page.evaluate("document.querySelectorAll('#notices li').length") == 0
            seen = metrics(agent)
            assert seen['sessions_total{outcome="accepted",service="agent"}'] == 1
            assert seen['sessions_resumed_total{outcome="resumed",service="agent"}'] == 1
            await browser.close()
