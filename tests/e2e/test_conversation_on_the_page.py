"""A conversation on the page: a real browser, a WAV as its microphone, the real agent."""

import asyncio
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from tests.services.conftest import RunningService
from tests.speech import error_rate, pause, speech
from voice_agent.audio.pcm import float_to_int16
from voice_agent.engines.base import ASR_SAMPLE_RATE_HZ, Samples

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
]
ANSWER_RATE_HZ = 24_000
QUESTION = "i would like to have some water please"
# the answer has begun by then, and goes on for longer
INTERRUPTS_AFTER_S = 4.5
INTERRUPTION = "she went to the market with her brother"
WATCH_PARTIALS = """() => {
    window.partials = new Set();
    new MutationObserver(() => {
        for (const words of document.querySelectorAll('#turns .caller .words:has(.tentative)'))
            if (words.querySelector('.tentative').textContent) partials.add(words.textContent);
    }).observe(document.getElementById('turns'),
        {subtree: true, childList: true, characterData: true});
}"""
# in the page: carrying the samples over would take longer than speaking them
LOUDNESS = """((samples) => Math.sqrt(
    samples.reduce((sum, x) => sum + x * x, 0) / samples.length))(voiceAgent.recorded)"""
CALLER_TURNS = "[...document.querySelectorAll('.caller .words')].map((words) => words.textContent)"


def write_microphone(path: Path, *parts: Samples) -> None:
    """The browser plays the file in a loop: it ends with silence, longer than the test."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(ASR_SAMPLE_RATE_HZ)
        file.writeframes(float_to_int16(np.concatenate([*parts, pause(60)])).tobytes())


@dataclass
class Stage:
    browser: Browser
    url: str

    async def page(self, width: int, height: int) -> Page:
        """The page, freshly opened, and watched for partial text."""
        context = await self.browser.new_context(viewport={"width": width, "height": height})
        page = await context.new_page()
        await page.goto(self.url)
        await page.evaluate(WATCH_PARTIALS)
        return page


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(
    agent: RunningService, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    microphone = tmp_path_factory.mktemp("e2e") / "microphone.wav"
    write_microphone(
        microphone,
        pause(1.0),
        speech(QUESTION),
        pause(INTERRUPTS_AFTER_S),
        speech(INTERRUPTION),
    )
    flags = [*FLAGS, f"--use-file-for-fake-audio-capture={microphone}"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield Stage(browser, f"http://localhost:{agent.port}")
        await browser.close()


async def until(page: Page, condition: str, within_s: float = 30.0) -> None:
    # Playwright's own wait evaluates a string inside the page, which its security policy forbids.
    async with asyncio.timeout(within_s):
        while not await page.evaluate(condition):  # noqa: ASYNC110  (it happens in the browser)
            await asyncio.sleep(0.05)


async def test_a_conversation_with_an_interruption(stage: Stage) -> None:
    page = await stage.page(1280, 800)
    await page.click("#start")
    await until(page, "voiceAgent.stats.samplesPlayed > 24000")
    await until(page, "document.querySelector('.agent.interrupted') !== null")
    stats = await page.evaluate("voiceAgent.stats")
    assert stats["clears"] >= 1
    assert stats["clearMs"] < 200
    assert 1.0 < stats["samplesPlayed"] / ANSWER_RATE_HZ < INTERRUPTS_AFTER_S + 2
    assert stats["bytesSent"] > 2 * ASR_SAMPLE_RATE_HZ * INTERRUPTS_AFTER_S
    assert await page.evaluate(LOUDNESS) > 0.01
    assert stats["peakPlayed"] > 0.1
    # the interrupted answer shows what was heard of it, and strikes the rest
    assert await page.inner_text(".agent .words s")
    await until(page, "document.querySelectorAll('#turns .agent').length === 2")
    assert await page.evaluate("[...partials]"), "no partial text was shown"
    turns = await page.evaluate(CALLER_TURNS)
    assert len(turns) == 2
    assert error_rate(QUESTION, turns[0]) <= 0.25
    # not what was recognised: the browser's echo cancellation eats words spoken over the answer
    assert turns[1].strip()
    played = stats["samplesPlayed"]
    await until(page, f"voiceAgent.stats.samplesPlayed > {played} + 24000")
    await page.context.close()


async def test_a_typed_question_on_a_phone(stage: Stage) -> None:
    page = await stage.page(390, 844)
    await page.fill("#say", "What is twenty-one plus twenty-one?")
    await page.press("#say", "Enter")
    await until(page, "voiceAgent.stats.samplesPlayed > 24000")
    await until(page, "voiceAgent.state === 'typing'")
    answer = "Twenty-one plus twenty-one is forty-two."
    assert await page.inner_text(".agent .words") == answer
    assert await page.evaluate("document.querySelectorAll('.caller').length") == 1
    played_s = await page.evaluate("voiceAgent.stats.samplesPlayed") / ANSWER_RATE_HZ
    assert 1.5 < played_s < 6
    assert not await page.evaluate("document.querySelectorAll('#notices li').length")
    await page.context.close()
