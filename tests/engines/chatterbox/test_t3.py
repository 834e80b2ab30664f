"""The token model in slots draws what the stock code would draw."""

from pathlib import Path
from typing import Any

import pytest
import torch  # pyright: ignore[reportMissingImports]
from torch.nn import functional  # pyright: ignore[reportMissingImports]

from tools.make_test_chatterbox import random_voice, stock_voice
from voice_agent.engines.chatterbox import sampling
from voice_agent.engines.chatterbox.spec import ENGLISH, Sampling
from voice_agent.engines.chatterbox.t3 import T3
from voice_agent.engines.chatterbox.t3_weights import read_t3
from voice_agent.engines.chatterbox.weights import read_state

TEXTS = [[5, 9, 30, 31, 7], list(range(3, 26)), [40, 41, 42, 3, 4, 5, 6, 7, 8, 9, 10]]


@pytest.fixture(scope="module")
def weights(folder: Path) -> Any:
    state = read_state(folder / "t3_cfg.pt")
    return read_t3(state, ENGLISH, device="cpu", dtype=torch.float32, positions=256)


@pytest.fixture
def t3(weights: Any) -> T3:
    return T3(weights, ENGLISH, slots=4, positions=256)


@pytest.fixture(autouse=True)
def inference() -> Any:
    with torch.inference_mode():
        yield


class StockRequest:
    """One request to the stock token model, driven token by token."""

    def __init__(self, t3: Any, voice: Any, text: list[int]) -> None:
        from chatterbox.models.t3.inference.t3_hf_backend import (  # pyright: ignore
            T3HuggingfaceBackend,
        )

        self._t3 = t3
        self._backend = T3HuggingfaceBackend(
            config=t3.cfg, llama=t3.tfmr, speech_enc=t3.speech_emb, speech_head=t3.speech_head
        )
        ids = functional.pad(torch.tensor([text] * 2), (1, 0), value=255)
        ids = functional.pad(ids, (0, 1), value=0)
        embeds, _ = t3.prepare_input_embeds(
            t3_cond=voice.t3, text_tokens=ids, speech_tokens=torch.full((2, 1), 6561)
        )
        self._drawn = 0
        start = self._embedded(6561)
        self.logits = self._run(torch.cat([embeds, start], 1), None)

    def feed(self, token: int) -> None:
        self._drawn += 1
        self.logits = self._run(self._embedded(token), self._past)

    def _embedded(self, token: int) -> Any:
        where = self._t3.speech_pos_emb.get_fixed_embedding(self._drawn)
        return (self._t3.speech_emb(torch.tensor([[token]])) + where).repeat(2, 1, 1)

    def _run(self, embeds: Any, past: Any) -> Any:
        output = self._backend(inputs_embeds=embeds, past_key_values=past, use_cache=True)
        self._past = output.past_key_values
        both = output.logits[:, -1]
        return (both[0] + 0.5 * (both[0] - both[1]))[:6563]


def test_logits_are_those_of_the_stock_code_while_requests_join_and_leave(
    t3: T3, stock: Any
) -> None:
    voices = [stock_voice(random_voice(seed, 1.0)) for seed in range(3)]
    joins_at = {0: 0, 4: 1, 9: 2}
    slots, alive, worst, compared = [0, 1, 3], {}, 0.0, 0
    for step in range(60):
        if (i := joins_at.get(step)) is not None:
            prefix = t3.prefix((str(i), 0.5), voices[i].t3)
            t3.join(slots[i], prefix, TEXTS[i], Sampling(), seed=i)
            alive[i] = StockRequest(stock.t3, voices[i], TEXTS[i])
            worst = max(worst, float((alive[i].logits - t3.logits[slots[i]]).abs().max()))
        if not alive:
            break
        tokens = t3.step([slots[i] for i in alive]).tolist()
        for i in list(alive):
            alive[i].feed(tokens[slots[i]])
            worst = max(worst, float((alive[i].logits - t3.logits[slots[i]]).abs().max()))
            compared += 1
            if tokens[slots[i]] == 6562 or (i == 0 and step == 30):
                del alive[i]
    assert compared >= 120
    assert worst <= 1e-4


def test_an_utterance_has_the_tokens_the_checkpoint_was_made_for(t3: T3) -> None:
    t3.join(0, t3.prefix(("a", 0.5), stock_voice(random_voice(1)).t3), TEXTS[0], Sampling(), 1)
    tokens = [int(t3.step([0])[0]) for _ in range(61)]
    assert all(token < 6561 for token in tokens[:60])
    assert tokens[60] == 6562


def test_a_prefix_taken_from_memory_changes_nothing(t3: T3) -> None:
    voice = stock_voice(random_voice(1)).t3
    t3.join(0, t3.prefix(("a", 0.5), voice), TEXTS[1], Sampling(), 1)
    t3.join(1, t3.prefix(("a", 0.5), voice), TEXTS[1], Sampling(), 1)
    assert torch.equal(t3.logits[0], t3.logits[1])


def test_emotion_changes_the_logits_and_has_a_prefix_of_its_own(t3: T3) -> None:
    for slot, emotion in enumerate((0.1, 1.0)):
        prefix = t3.prefix(("a", emotion), stock_voice(random_voice(1), emotion).t3)
        t3.join(slot, prefix, TEXTS[1], Sampling(), 1)
    assert float((t3.logits[0] - t3.logits[1]).abs().max()) > 1e-4


def test_neighbours_change_no_token(t3: T3) -> None:
    voices = [stock_voice(random_voice(seed)).t3 for seed in range(3)]

    def speak(slot: int, i: int) -> None:
        t3.join(slot, t3.prefix((str(i), 0.5), voices[i]), TEXTS[i], Sampling(), seed=i)

    speak(2, 0)
    alone = [int(t3.step([2])[2]) for _ in range(30)]
    speak(0, 0)
    together: list[int] = []
    for step in range(30):
        if step == 3:
            speak(1, 1)
        if step == 7:
            speak(3, 2)
        going = [0] + [1] * (step >= 3) + [3] * (7 <= step < 20)
        together.append(int(t3.step(going)[0]))
    assert together == alone


def test_a_slot_that_pauses_goes_on_as_if_nothing_had_been(t3: T3) -> None:
    voice = stock_voice(random_voice(1)).t3
    prefix = t3.prefix(("a", 0.5), voice)
    t3.join(0, prefix, TEXTS[0], Sampling(), 7)
    expected = [int(t3.step([0])[0]) for _ in range(20)]
    t3.join(0, prefix, TEXTS[0], Sampling(), 7)
    t3.join(1, prefix, TEXTS[1], Sampling(), 8)
    heard = [int(t3.step([0, 1])[0]) for _ in range(10)]
    for _ in range(5):
        t3.step([1])
    assert heard + [int(t3.step([0, 1])[0]) for _ in range(10)] == expected


def test_what_may_be_drawn_and_how_likely_is_as_in_the_stock_processors() -> None:
    from transformers.generation.logits_process import (  # pyright: ignore[reportMissingImports]
        RepetitionPenaltyLogitsProcessor,
        TopPLogitsWarper,
    )

    how = Sampling(temperature=0.8, top_p=0.8, min_p=0.0, repetition_penalty=2.0)
    state = sampling.new_state(1, 6563, 6561, "cpu")
    state.set(0, how, 0, 6561)
    logits = 3 * torch.randn(1, 6563, generator=torch.Generator().manual_seed(0))
    said = torch.randint(0, 6561, (1, 30), generator=torch.Generator().manual_seed(1))
    state.seen[0, said[0]] = True
    shares = sampling.probabilities(logits, state, 1, sampling.Cutting(nucleus=True))[0]
    ours = shares / shares.sum()
    scaled = logits / 0.8
    scaled[:, 6561] = float("-inf")
    stock = TopPLogitsWarper(0.8)(None, RepetitionPenaltyLogitsProcessor(2.0)(said, scaled))
    assert float((ours - stock.softmax(-1)[0]).abs().max()) < 1e-6


def test_a_step_never_waits_for_the_host(t3: T3, monkeypatch: pytest.MonkeyPatch) -> None:
    t3.join(0, t3.prefix(("a", 0.5), stock_voice(random_voice(1)).t3), TEXTS[0], Sampling(), 1)
    t3.step([0])

    def refused(*_: Any) -> Any:
        raise AssertionError("the host looked at a tensor")

    for name in ("item", "tolist", "cpu", "__bool__", "__int__", "numpy", "nonzero"):
        monkeypatch.setattr(torch.Tensor, name, refused)
    t3.step([0])


def test_draws_follow_the_probabilities() -> None:
    state = sampling.new_state(4000, 12, 10, "cpu")
    state.seed.copy_(torch.arange(4000))
    logits = torch.linspace(0, 2, 12).expand(4000, -1)
    none = torch.zeros(4000, dtype=torch.int64)
    drawn = sampling.draw(logits, state, none, 4000, sampling.Cutting(nucleus=True))
    expected = logits[0].masked_fill(state.forbidden, float("-inf")).softmax(0)
    share = torch.bincount(drawn, minlength=12) / 4000
    assert float((share - expected).abs().max()) < 0.03
    assert not drawn.eq(10).any()
