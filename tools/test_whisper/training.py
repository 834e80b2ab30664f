"""The training loop: so many minutes, with checkpoints to go on from."""

import random
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch  # pyright: ignore[reportMissingImports]
from torch.nn import functional  # pyright: ignore[reportMissingImports]

from tests.phone_talk import words
from tools.test_whisper.batches import Batch, Source, phone_names
from tools.test_whisper.model import Size, Whisper
from tools.test_whisper.optimizer import Muon
from tools.test_whisper.speech import Utterance
from tools.test_whisper.targets import IGNORED
from tools.test_whisper.vocabulary import Vocabulary

_WARM_UP_STEPS = 200
_DECAY_FROM = 0.55
"""Share of the time after which the steps get smaller, down to nothing."""
_COURSE = ((0.7, 0.16), (1.0, 0.5))
"""Until which share of the time how many windows have several sentences: first short ones, in
which words are found soonest, then long ones, in which their order is."""
_AVERAGE = 0.995
_WEIGHT_DECAY = 0.05
_LABEL_SMOOTHING = 0.02
_SAVE_EVERY_S = 120.0
_REPORT_EVERY = 50
_PHONE_WEIGHT, _WORD_WEIGHT, _ATTENTION_WEIGHT = 0.5, 0.7, 0.5
_LONGEST_STEP_S = 30.0
"""Time that a machine was asleep does not count."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How to train."""

    minutes: float
    size: Size
    budget_s: float = 64.0
    learning_rate: float = 2e-3
    threads: int = 2


class Trainer:
    """A model in training, its average and its clock; all of it is in the checkpoint."""

    def __init__(
        self, plan: Plan, pool: list[Utterance], vocabulary: Vocabulary, directory: Path
    ) -> None:
        self._plan, self._checkpoint = plan, directory / "checkpoint.pt"
        torch.manual_seed(0)
        self.model = new_model(plan.size, pool, vocabulary)
        self._average = {name: value.clone() for name, value in self.model.state_dict().items()}
        self._optimizers = _optimizers(self.model, plan.learning_rate)
        self._step, self._elapsed_s = 0, 0.0
        self._source = Source(
            pool=pool, vocabulary=vocabulary, budget_s=plan.budget_s, several_share=0.0
        )
        if self._checkpoint.exists():
            self._resume()

    def run(self) -> None:
        """Trains until the time is over."""
        torch.set_num_threads(self._plan.threads)
        self.model.train()
        for until, several_share in _COURSE:
            source = replace(self._source, several_share=several_share)
            seed = random.Random(self._step).getrandbits(32)
            with closing(source.batches_made_aside(seed)) as batches:
                self._run_until(until * self._plan.minutes * 60, batches)
        self._save()

    def _run_until(self, limit_s: float, batches: Iterator[Batch]) -> None:
        saved_s, sums = self._elapsed_s, dict[str, float]()
        while self._elapsed_s < limit_s:
            began_s = time.monotonic()
            for name, value in self._train(next(batches)).items():
                sums[name] = sums.get(name, 0.0) + value / _REPORT_EVERY
            self._elapsed_s += min(_LONGEST_STEP_S, time.monotonic() - began_s)
            if self._step % _REPORT_EVERY == 0:
                figures = " ".join(f"{name} {value:.3f}" for name, value in sums.items())
                print(f"{self._elapsed_s:6.0f} s step {self._step} {figures}", flush=True)
                sums = {}
            if self._elapsed_s - saved_s > _SAVE_EVERY_S:
                self._save()
                saved_s = self._elapsed_s

    def _train(self, batch: Batch) -> dict[str, float]:
        rate = self._plan.learning_rate * self._schedule()
        for optimizer in self._optimizers:
            optimizer.param_groups[0]["lr"] = rate
        losses = _losses(self.model, batch)
        total = (
            losses["text"]
            + _PHONE_WEIGHT * losses["phones"]
            + _WORD_WEIGHT * losses["words"]
            + _ATTENTION_WEIGHT * (losses["before"] + losses["attention"])
        )
        self.model.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self._optimizers:
            optimizer.step()
        self._step += 1
        self._follow()
        return {name: value.item() for name, value in losses.items()} | {"rate": 1000 * rate}

    def _schedule(self) -> float:
        done = self._elapsed_s / (self._plan.minutes * 60)
        decay = min(1.0, max(0.01, (1 - done) / (1 - _DECAY_FROM)))
        return min(1.0, (self._step + 1) / _WARM_UP_STEPS) * decay

    def _follow(self) -> None:
        weight = 1 - min(_AVERAGE, (1 + self._step) / (10 + self._step))
        with torch.no_grad():
            torch._foreach_lerp_(
                list(self._average.values()), list(self.model.state_dict().values()), weight
            )

    def _save(self) -> None:
        state = {
            "model": self.model.state_dict(),
            "average": self._average,
            "optimizers": [optimizer.state_dict() for optimizer in self._optimizers],
            "step": self._step,
            "elapsed_s": self._elapsed_s,
        }
        new = self._checkpoint.with_suffix(".new")
        torch.save(state, new)
        new.replace(self._checkpoint)

    def _resume(self) -> None:
        state = torch.load(self._checkpoint)
        self.model.load_state_dict(state["model"])
        self._average = state["average"]
        for optimizer, saved in zip(self._optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self._step, self._elapsed_s = state["step"], state["elapsed_s"]


def _optimizers(model: Whisper, learning_rate: float) -> tuple[Any, Any]:
    inner, outer = [], []
    for name, parameter in model.named_parameters():
        inside = ".layers." in name and parameter.ndim == 2
        (inner if inside else outer).append(parameter)
    return (
        Muon(inner, lr=learning_rate, weight_decay=_WEIGHT_DECAY),
        torch.optim.AdamW(
            outer, lr=learning_rate, betas=(0.9, 0.98), weight_decay=_WEIGHT_DECAY, fused=True
        ),
    )


def new_model(size: Size, pool: list[Utterance], vocabulary: Vocabulary) -> Whisper:
    """An untrained model."""
    return Whisper(size, len(phone_names(pool)), len(words()) + 1, vocabulary.special("0.00"))


def trained_model(
    size: Size, pool: list[Utterance], vocabulary: Vocabulary, directory: Path
) -> Whisper:
    """The average of the weights in the last checkpoint."""
    model = new_model(size, pool, vocabulary)
    model.load_state_dict(torch.load(directory / "checkpoint.pt")["average"])
    return model.eval()


def _losses(model: Whisper, batch: Batch) -> dict[str, Any]:
    tensors = Batch(*map(torch.from_numpy, batch))
    states, halfway = model.encoder(tensors.mels)
    scores, log_attentions = model.decoder(tensors.tokens, states)
    return {
        "text": functional.cross_entropy(
            scores.flatten(0, 1),
            tensors.labels.flatten(),
            ignore_index=IGNORED,
            label_smoothing=_LABEL_SMOOTHING,
        ),
        "phones": _frame_loss(model.phone_head(halfway), tensors.phones),
        "words": _frame_loss(model.word_head(states), tensors.words),
        # the first layer looks for the token that it is given, the last for the next one
        "before": _attention_loss(log_attentions[0][:, 1:], tensors.spans[:, :-1]),
        "attention": _attention_loss(log_attentions[-1], tensors.spans),
    }


def _frame_loss(scores: Any, targets: Any) -> Any:
    """Cross entropy; the silence that batches are padded with counts little."""
    losses = functional.cross_entropy(scores.flatten(0, 1), targets.flatten(), reduction="none")
    weights = torch.where(targets.flatten() > 0, 1.0, 0.2)
    return (losses * weights).sum() / weights.sum()


def _attention_loss(log_attention: Any, spans: Any) -> Any:
    """Cross entropy of attention to an even spread over the span, beyond what it must be."""
    frames = torch.arange(log_attention.size(-1))
    inside = (frames >= spans[..., :1]) & (frames < spans[..., 1:])
    counts = inside.sum(-1)
    known = counts > 0
    if not known.any():
        return log_attention.sum() * 0
    inside, counts = inside[known].float(), counts[known].float()
    cross = -(inside * log_attention[known]).sum(-1) / counts
    return (cross - counts.log()).mean()
