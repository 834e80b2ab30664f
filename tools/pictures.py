"""Takes the pictures of README and docs anew: ``make pictures``.

A headless Chromium talks to all that `make run` starts, with the engines that it chooses here:
a question, an answer that is interrupted, and a last one. The caller is spoken by the TTS
service. Needs Debian's chromium (`tools/needs.sh test`).
"""

import asyncio
import tempfile
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from playwright.async_api import Page, async_playwright

from benchmarks.everything import everything
from voice_agent.client.tts import TtsClient
from voice_agent.wire.tts import SynthesisOptions

_IMAGES = Path(__file__).parent.parent / "docs" / "images"
_RATE_HZ = 16_000
# each with the silence after it; the second answer is long enough to be interrupted
_SAYS = (
    ("What is twenty-three plus nineteen?", 6.0),
    ("Please count to twenty.", 4.5),
    ("How do you spell the word Wednesday?", 90.0),  # the browser plays the file in a loop
)
_BEFORE_S = 1.5
_WITHIN_S = 60.0
_SPEAKS = "voiceAgent.stats.samplesPlayed"
_ANSWERS = "document.querySelectorAll('#turns .agent').length"
_FLAGS = (
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
)
_SIZES = {"conversation-desktop": (1280, 800), "conversation-phone": (390, 844)}


async def _speak(url: str) -> NDArray[np.int16]:
    """What the caller says, with the pauses."""
    options = SynthesisOptions(encoding="pcm_s16le", sample_rate=_RATE_HZ, seed=1)
    parts = [np.zeros(int(_BEFORE_S * _RATE_HZ), np.int16)]
    async with TtsClient.connect(url) as client:
        for text, pause_s in _SAYS:
            data = b"".join([chunk async for _, chunk in client.speak(text, options)])
            parts += [np.frombuffer(data, np.int16), np.zeros(int(pause_s * _RATE_HZ), np.int16)]
    sound = np.concatenate(parts)
    noise = np.random.default_rng(0).integers(-8, 8, len(sound), np.int16)
    return np.clip(sound.astype(np.int32) + noise, -32768, 32767).astype(np.int16)


def _write(path: Path, samples: NDArray[np.int16]) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(_RATE_HZ)
        file.writeframes(samples.tobytes())


async def _until(page: Page, condition: str) -> None:
    # Playwright's own wait evaluates a string in the page, which its security policy forbids
    async with asyncio.timeout(_WITHIN_S):
        while not await page.evaluate(condition):  # noqa: ASYNC110  (it happens in the browser)
            await asyncio.sleep(0.05)


async def _take(url: str, microphone: Path, name: str) -> None:
    width, height = _SIZES[name]
    flags = [*_FLAGS, f"--use-file-for-fake-audio-capture={microphone}"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        context = await browser.new_context(viewport={"width": width, "height": height})
        page = await context.new_page()
        await page.goto(url)
        await page.click("#start")
        await _until(page, f"{_ANSWERS} >= {len(_SAYS)}")
        played = await page.evaluate(_SPEAKS)
        await _until(page, f"{_SPEAKS} > {played} + 14000")  # the last answer is being heard
        if name.endswith("phone"):
            await page.evaluate("document.querySelector('#turns .agent details').open = true")
            await page.evaluate("document.querySelector('#turns').scrollIntoView()")
        await page.screenshot(path=_IMAGES / f"{name}.png")
        print(f"{name}.png:", *await page.evaluate(
            "[...document.querySelectorAll('#turns .words')].map((words) => words.textContent)"
        ), sep="\n  ")  # fmt: skip
        await browser.close()


async def main() -> None:
    """Takes all pictures."""
    with tempfile.TemporaryDirectory() as folder, everything() as services:
        microphone = Path(folder) / "microphone.wav"
        _write(microphone, await _speak(services.url(offset=2)))
        for name in _SIZES:
            await _take(f"http://localhost:{services.port}", microphone, name)


if __name__ == "__main__":
    asyncio.run(main())
