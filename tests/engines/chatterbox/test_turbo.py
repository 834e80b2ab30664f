"""Turbo: GPT-2 in slots without guidance, a decoder of two steps, and sounds in the text.

The stock package has no class for it; what it is made of is compared with its parts: GPT-2 of
`transformers`, its logits processors, and the stock decoder with the time that Turbo's has.
"""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch  # pyright: ignore[reportMissingImports]
from torch.nn import functional  # pyright: ignore[reportMissingImports]

from tools.make_test_chatterbox import random_voice
from tools.make_test_variants import TurboT3, turbo
from voice_agent.engines.base import ClonedVoice, SpeakJob, SpokenChunk
from voice_agent.engines.chatterbox import sampling
from voice_agent.engines.chatterbox.checkpoint import find_checkpoint
from voice_agent.engines.chatterbox.flow import Flow, Window
from voice_agent.engines.chatterbox.s3gen_modules import build_s3gen
from voice_agent.engines.chatterbox.speaker import ChatterboxSpeaker
from voice_agent.engines.chatterbox.spec import TURBO, Sampling
from voice_agent.engines.chatterbox.t3 import T3
from voice_agent.engines.chatterbox.t3_weights import read_t3
from voice_agent.engines.chatterbox.voices import Voice, make_voice
from voice_agent.engines.chatterbox.weights import read_state
from voice_agent.errors import BadAudio, Unsupported
from voice_agent.settings import ChatterboxSettings

TEXTS = [[5, 9, 30, 31, 7], list(range(3, 26)), [40, 41, 42, 3, 4, 5, 6, 7, 8, 9, 10]]


@pytest.fixture(scope="module")
def folder() -> Path:
    return turbo()


@pytest.fixture(autouse=True)
def inference() -> Any:
    with torch.inference_mode():
        yield


def voice(seed: int, clip_s: float = 2.0) -> Voice:
    arrays = random_voice(seed, clip_s, shown_tokens=375)
    return make_voice(str(seed), arrays, device="cpu", prompt_s=clip_s)


@pytest.fixture(scope="module")
def t3(folder: Path) -> T3:
    state = read_state(folder / "t3_turbo_v1.safetensors")
    weights = read_t3(state, TURBO, device="cpu", dtype=torch.float32, positions=512)
    return T3(weights, TURBO, slots=3, positions=512)


class PlainRequest:
    """One request to the model as it is built, driven token by token."""

    def __init__(self, model: TurboT3, spoken: Voice, text: list[int]) -> None:
        self._model = model
        conditions = spoken.conditions(0.0)
        conditions.cond_prompt_speech_emb = model.speech_emb(spoken.tokens)
        whole = [model.cond_enc(conditions), model.text_emb(torch.tensor([text]))]
        self._past = None
        self.logits = self._run(torch.cat([*whole, model.speech_emb(torch.tensor([[6561]]))], 1))

    def feed(self, token: int) -> None:
        self.logits = self._run(self._model.speech_emb(torch.tensor([[token]])))

    def _run(self, embedded: Any) -> Any:
        output = self._model.tfmr(
            inputs_embeds=embedded, past_key_values=self._past, use_cache=True
        )
        self._past = output.past_key_values
        return self._model.speech_head(output.last_hidden_state[:, -1])[0]


def test_logits_are_those_of_gpt2_while_requests_join_and_leave(folder: Path, t3: T3) -> None:
    model = TurboT3().eval()
    model.load_state_dict(read_state(folder / "t3_turbo_v1.safetensors"))
    joins_at, alive, worst, compared = {0: 0, 4: 1, 9: 2}, {}, 0.0, 0
    for step in range(60):
        if (i := joins_at.get(step)) is not None:
            spoken = voice(i)
            prefix = t3.prefix((str(i), 0.0), spoken.conditions(0.0))
            t3.join(i, prefix, TEXTS[i], TURBO.sampling, seed=i)
            alive[i] = PlainRequest(model, spoken, TEXTS[i])
            worst = max(worst, float((alive[i].logits - t3.logits[i]).abs().max()))
        tokens = t3.step(list(alive)).tolist()
        for i in list(alive):
            alive[i].feed(tokens[i])
            worst = max(worst, float((alive[i].logits - t3.logits[i]).abs().max()))
            compared += 1
            if tokens[i] == 6562:
                del alive[i]
        if not alive:
            break
    assert compared >= 120
    assert worst <= 1e-4


def test_what_may_be_drawn_is_as_in_the_stock_processors() -> None:
    from transformers.generation.logits_process import (  # pyright: ignore[reportMissingImports]
        LogitsProcessorList,
        RepetitionPenaltyLogitsProcessor,
        TemperatureLogitsWarper,
        TopKLogitsWarper,
        TopPLogitsWarper,
    )

    how = Sampling(temperature=0.8, top_p=0.95, min_p=0.0, top_k=40, repetition_penalty=1.2)
    cutting = sampling.Cutting(nucleus=True, top_k=40, penalty_last=True)
    state = sampling.new_state(1, 6563, 6561, "cpu")
    state.set(0, how, 0, 6561)
    logits = 3 * torch.randn(1, 6563, generator=torch.Generator().manual_seed(0))
    said = torch.cat([torch.tensor([6561]), logits[0].topk(20).indices[::2]])[None]
    state.seen[0, said[0]] = True
    shares = sampling.probabilities(logits, state, 1, cutting)[0]
    logits[0, 6561] = float("-inf")
    stock = LogitsProcessorList(
        [
            TemperatureLogitsWarper(0.8),
            TopKLogitsWarper(40),
            TopPLogitsWarper(0.95),
            RepetitionPenaltyLogitsProcessor(1.2),
        ]
    )
    expected = stock(said, logits).softmax(-1)[0]
    assert int((expected > 0).sum()) < 40
    assert float((shares / shares.sum() - expected).abs().max()) < 1e-6


def test_a_window_is_rendered_in_two_steps_by_the_stock_decoder_with_mixed_times(
    folder: Path,
) -> None:
    state = read_state(folder / "s3gen_meanflow.safetensors")
    modules = build_s3gen(state, "cpu")
    flow = Flow(modules.flow, TURBO, device="cpu", dtype=torch.float32)
    window = Window(tokens=list(range(100, 125)), first=0, last=True, voice=voice(1).flow)
    batch = flow.begin([window], 2)
    x = batch.state.clone()
    estimator = modules.flow.decoder.estimator
    time_mlp, mix = estimator.time_mlp, estimator.time_embed_mixer
    for now, then in ((0.0, 0.5), (0.5, 1.0)):
        at = [estimator.time_embeddings(torch.tensor([t])) for t in (now, then)]
        mixed = mix(torch.cat([time_mlp(at[0]), time_mlp(at[1])], 1))
        estimator.time_mlp = _Given(mixed)
        slope = estimator(
            x, torch.ones(1, 1, x.shape[2]), batch.encoded, torch.tensor([now]), batch.speaker,
            batch.prompt,
        )  # fmt: skip
        estimator.time_mlp = time_mlp
        x = x + (then - now) * slope
        flow.advance(batch)
    assert batch.done
    assert float((batch.state - x).norm() / x.norm()) <= 1e-5
    # where the step goes does make a difference
    assert float(functional.linear(torch.ones(1, 256), mix.weight[:, 256:]).norm()) > 0.1


class _Given(torch.nn.Module):
    def __init__(self, value: Any) -> None:
        super().__init__()
        self._value = value

    def forward(self, _: Any) -> Any:
        return self._value


@pytest.fixture
async def speaker(folder: Path) -> AsyncGenerator[ChatterboxSpeaker]:
    settings = ChatterboxSettings(slots=4, threads=1, prompt_s=2.0, watermark=False)
    speaker = ChatterboxSpeaker(find_checkpoint(folder), settings, lambda: ("cpu", "float32"))
    await speaker.load()
    yield speaker
    await speaker.close()


async def said(speaker: ChatterboxSpeaker, text: str, **given: Any) -> list[SpokenChunk]:
    job = SpeakJob(session_id="s", text=text, timeout_s=60.0, **{"seed": 7, **given})
    return [chunk async for chunk in speaker.speak(job)]


def audio(chunks: list[SpokenChunk]) -> Any:
    return np.concatenate([chunk.samples for chunk in chunks])


async def test_it_speaks_with_a_pause_of_120_ms_at_the_end(speaker: ChatterboxSpeaker) -> None:
    text = "Hello there, how are you"
    chunks = await said(speaker, text)
    n_tokens = 400 + 60 - (376 + len(text) + 1)  # a full stop is put behind it
    assert len(audio(chunks)) == (n_tokens + len(TURBO.tail)) * 960
    assert chunks[-1].text_end == len(text)
    again = await said(speaker, text, emotion=1.0)  # it knows no emotion
    assert np.array_equal(audio(chunks), audio(again))


async def test_voices_sound_different_and_neighbours_change_nothing(
    speaker: ChatterboxSpeaker,
) -> None:
    def cloned(seed: int) -> ClonedVoice:
        arrays = random_voice(seed, 2.0, shown_tokens=375)
        return ClonedVoice(voice_id=f"v{seed}", version="1", conditioning=arrays)

    together = await asyncio.gather(
        *(said(speaker, "This is a sentence.", voice=cloned(seed)) for seed in range(4))
    )
    alone = [await said(speaker, "This is a sentence.", voice=cloned(seed)) for seed in range(4)]
    for i, chunks in enumerate(together):
        mine = audio(chunks)
        assert np.linalg.norm(mine - audio(alone[i])) < 5e-3 * np.linalg.norm(mine)
        for other in alone[i + 1 :]:
            shared = min(len(mine), len(audio(other)))
            apart = np.linalg.norm(mine[:shared] - audio(other)[:shared])
            assert apart > 0.05 * np.linalg.norm(mine)


async def test_its_tags_are_tokens_and_others_are_left_out(speaker: ChatterboxSpeaker) -> None:
    ids: Any = speaker._model.text.ids  # pyright: ignore[reportOptionalMemberAccess]
    assert len(ids("Oh [laugh]!", "en")) == len("Oh !") + 1
    plain, laughing, odd = [
        audio(await said(speaker, text))
        for text in ("Oh that is good.", "Oh [laugh] that is good.", "Oh [dances] that is good.")
    ]
    assert np.array_equal(plain, odd)
    assert len(laughing) != len(plain)
    with pytest.raises(Unsupported):
        await said(speaker, "[laugh] [sigh]")


async def test_its_voices_need_five_seconds(speaker: ChatterboxSpeaker) -> None:
    clip = 0.1 * np.random.default_rng(0).standard_normal(6 * 24_000).astype(np.float32)
    with pytest.raises(BadAudio, match="5 s"):
        await speaker.condition(clip[: 4 * 24_000], 24_000)
    arrays = await speaker.condition(clip, 24_000)
    assert arrays["t3.cond_prompt_speech_tokens"].shape == (1, 6 * 25)
    made = ClonedVoice(voice_id="n", version="1", conditioning=arrays)
    assert len(audio(await said(speaker, "This is a sentence.", voice=made)))
