"""Draws the next speech token of every slot, without the host looking at anything."""

from dataclasses import dataclass

from voice_agent.engines.chatterbox import counter_rng
from voice_agent.engines.chatterbox.spec import EngineSpec, Sampling
from voice_agent.engines.chatterbox.tensors import Tensor, torch

_NEVER = float("-inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutting:
    """What a model cuts off, the same for all slots: so a step is the same for all.

    Attributes:
        nucleus: Slots may have a `top_p` below 1; only then all must be sorted, which is a
            quarter of a small model's step.
        top_k: See `Sampling`.
        penalty_last: See `EngineSpec`.
    """

    nucleus: bool = False
    top_k: int = 0
    penalty_last: bool = False

    @classmethod
    def of(cls, spec: EngineSpec) -> "Cutting":
        """A model's."""
        how = spec.sampling
        return cls(nucleus=how.top_p < 1, top_k=how.top_k, penalty_last=spec.penalty_last)


@dataclass(slots=True, kw_only=True)
class SamplingState:
    """What every slot draws by; S slots, V ids. Written in place, for CUDA graphs.

    Attributes:
        cfg_weight: float32 [S].
        temperature: float32 [S].
        top_p: float32 [S].
        min_p: float32 [S].
        penalty: float32 [S].
        seed: int64 [S].
        seen: bool [S, V], what was drawn already.
        forbidden: bool [V], what must never be drawn.
        ids: int64 [V], 0 to V - 1.
    """

    cfg_weight: Tensor
    temperature: Tensor
    top_p: Tensor
    min_p: Tensor
    penalty: Tensor
    seed: Tensor
    seen: Tensor
    forbidden: Tensor
    ids: Tensor

    def set(self, slot: int, sampling: Sampling, seed: int, start_speech: int) -> None:
        """Prepares a slot for a new utterance."""
        self.cfg_weight[slot] = sampling.cfg_weight
        self.temperature[slot] = sampling.temperature
        self.top_p[slot] = sampling.top_p
        self.min_p[slot] = sampling.min_p
        self.penalty[slot] = sampling.repetition_penalty
        self.seed[slot] = seed
        self.seen[slot] = False
        self.seen[slot, start_speech] = True  # the stock code counts it as said


def new_state(slots: int, n_ids: int, start_speech: int, device: str) -> SamplingState:
    """Room for `slots`; ids from `start_speech` on, but the last, are never drawn."""

    def row() -> Tensor:
        return torch.ones(slots, device=device)

    ids = torch.arange(n_ids, device=device)
    return SamplingState(
        cfg_weight=row(),
        temperature=row(),
        top_p=row(),
        min_p=torch.zeros(slots, device=device),
        penalty=row(),
        seed=torch.zeros(slots, dtype=torch.int64, device=device),
        seen=torch.zeros(slots, n_ids, dtype=torch.bool, device=device),
        forbidden=(ids >= start_speech) & (ids < n_ids - 1),
        ids=ids,
    )


def probabilities(logits: Tensor, state: SamplingState, n_slots: int, cutting: Cutting) -> Tensor:
    """What may come next.

    Args:
        logits: float32 [S, V], guided.
        state: Of at least `n_slots` slots.
        n_slots: S.
        cutting: Of the model.

    Returns:
        Probabilities, float32 [S, V], not normalised, 0 for what is cut off.
    """
    scaled = logits.masked_fill(state.forbidden, _NEVER) / state.temperature[:n_slots, None]
    penalty = state.penalty[:n_slots, None]
    punished = torch.where(scaled < 0, scaled * penalty, scaled / penalty)
    punished = torch.where(state.seen[:n_slots], punished, scaled)
    judged = scaled if cutting.penalty_last else punished
    if cutting.top_k:
        least = judged.topk(min(cutting.top_k, judged.shape[-1]), -1).values[:, -1:]
        judged = judged.masked_fill(judged < least, _NEVER)
    shares = judged.softmax(-1)
    # the likeliest one always stays: nothing is before it, and it is no less than itself
    kept = shares >= state.min_p[:n_slots, None] * shares.amax(-1, keepdim=True)
    if cutting.nucleus:
        ordered, ids = shares.sort(-1, descending=True)
        before = ordered.cumsum(-1) - ordered
        kept &= torch.zeros_like(kept).scatter(1, ids, before < state.top_p[:n_slots, None])
    if cutting.penalty_last:
        return punished.masked_fill(~kept | (shares == 0), _NEVER).softmax(-1)
    return shares * kept


def draw(
    logits: Tensor, state: SamplingState, position: Tensor, n_slots: int, cutting: Cutting
) -> Tensor:
    """Draws an id for each slot.

    Args:
        logits: float32 [S, V], guided.
        state: Of at least `n_slots` slots.
        position: int64 [S], how many each slot has drawn; with the seed it makes the number.
        n_slots: S.
        cutting: Of the model.

    Returns:
        int64 [S].
    """
    shares = probabilities(logits, state, n_slots, cutting)
    # the first of waits with these rates is a draw with these probabilities: no host involved
    at = position[:, None] * state.ids.shape[0] + state.ids
    waits = counter_rng.exponential(state.seed[:n_slots, None], at)
    return (shares / waits).argmax(-1)
