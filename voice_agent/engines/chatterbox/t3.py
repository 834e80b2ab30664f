"""The token model in slots: requests join and leave between steps, all advance in one step.

Each slot has two rows, with the text and without, where a model is guided by the difference;
else one. Keys and values lie in one block made at start; what a step reads and writes lies in
fixed places, and nothing in it waits for the host: with CUDA a step is one graph launch.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from voice_agent.engines.chatterbox import backbone, sampling
from voice_agent.engines.chatterbox.spec import POSITIONS_STEP, EngineSpec, Sampling
from voice_agent.engines.chatterbox.t3_weights import HEAD_SIZE, T3Weights
from voice_agent.engines.chatterbox.tensors import Tensor, functional, torch

_PREFIX_BYTES = 2 << 30  # of voices kept; at full size an English one has 8 MB, Turbo's 37
_SLOT_BUCKETS = (1, 2, 4, 8, 16, 32, 48, 64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix:
    """Keys and values of a voice's prefix, [layers, 2, heads, positions, 64].

    The same in both rows: guidance leaves the voice alone.
    """

    keys_values: Tensor

    @property
    def n_bytes(self) -> int:
        """Of memory."""
        return self.keys_values.numel() * self.keys_values.element_size()


class T3:
    """The token model.

    Every method but the constructor has to be called in inference mode by one thread.

    Args:
        weights: Of the model.
        spec: Ids of the model.
        slots: Utterances that can be drawn at once.
        positions: Longest sequence of a slot: voice, text and speech.

    Attributes:
        logits: float32 [slots, V], guided; what the next draw is made from.
    """

    def __init__(
        self,
        weights: T3Weights,
        spec: EngineSpec,
        *,
        slots: int,
        positions: int,
    ) -> None:
        self._weights = weights
        self._spec = spec
        self.slots = slots
        self.positions = positions
        head = weights.head[0]
        n_ids, device, dtype = head.shape[0], head.device, head.dtype
        self._device, self._dtype = device, dtype
        self._rows = 2 if spec.guided else 1
        n_rows = self._rows * slots
        shape = (len(weights.layers), 2, n_rows, weights.n_heads, positions, HEAD_SIZE)
        self._cache = torch.zeros(shape, dtype=dtype, device=device)
        self.logits = torch.zeros(slots, n_ids, device=device)
        self._drawn = torch.zeros(slots, dtype=torch.int64, device=device)
        self._length = torch.zeros(slots, dtype=torch.int64, device=device)
        self._going = torch.zeros(slots, dtype=torch.bool, device=device)
        self._token = torch.zeros(slots, dtype=torch.int64, device=device)
        self._sampling = sampling.new_state(slots, n_ids, spec.start_speech, device)
        self._cutting = sampling.Cutting.of(spec)
        self._prefixes: OrderedDict[tuple[str, float], Prefix] = OrderedDict()
        self._host_length = [0] * slots  # never less than `_length`; read without waiting
        self._host_going: tuple[int, ...] = ()
        self._graphs: dict[tuple[int, int], Any] = {}

    # -- joining

    def prefix(self, key: tuple[str, float], voice: Any) -> Prefix:
        """The prefix of a voice at an emotion, computed once while it is remembered.

        Args:
            key: The voice's id and version, and the emotion.
            voice: Its `T3Cond`, not changed by others.
        """
        found = self._prefixes.get(key)
        if found is None:
            embedded = self.embed_voice(voice)
            keys_values = self._new_cache(embedded.shape[1])
            cache = keys_values[:, :, None]
            backbone.run(self._weights, embedded.to(self._dtype), cache, past=0)
            found = self._prefixes[key] = Prefix(keys_values=keys_values)
            self._make_room(found)
        self._prefixes.move_to_end(key)
        return found

    def _make_room(self, newest: Prefix) -> None:
        # all of a model are about as large; a step in progress keeps what it reads
        while len(self._prefixes) * newest.n_bytes > _PREFIX_BYTES and len(self._prefixes) > 1:
            self._prefixes.popitem(last=False)

    def join(
        self, slot: int, prefix: Prefix, text: Sequence[int], how: Sampling, seed: int
    ) -> None:
        """Starts an utterance in a slot; the next step draws its first token.

        Args:
            slot: A free one.
            prefix: Of the voice.
            text: Ids of the text, without start and stop.
            how: To draw. Its `top_p` counts only if the spec's is below 1.
            seed: Equal seeds draw equal tokens, whatever else is drawn.

        Raises:
            ValueError: It is longer than a slot.
        """
        embedded = self.embed_text(text).to(self._dtype)
        past, n_new = prefix.keys_values.shape[3], embedded.shape[1]
        if past + n_new >= self.positions:
            raise ValueError(f"{past + n_new} positions do not fit into {self.positions}")
        rows = slice(self._rows * slot, self._rows * (slot + 1))
        self._cache[:, :, rows, :, :past] = prefix.keys_values[:, :, None]
        hidden = backbone.run(self._weights, embedded, self._cache[:, :, rows], past=past)
        self._sampling.set(slot, how, seed, self._spec.start_speech)
        logits = self._head(hidden[:, -1])
        weight = self._sampling.cfg_weight[slot : slot + 1]
        self.logits[slot] = self._guided(logits, weight)[0]
        self._drawn[slot] = 0
        self._length[slot] = self._host_length[slot] = past + n_new

    def room(self, slot: int) -> int:
        """Tokens that the slot has positions for, at least."""
        return self.positions - self._host_length[slot]

    def embed_voice(self, voice: Any) -> Tensor:
        """The prefix as the stock code makes it, float32 [1, positions, C]."""
        weights = self._weights
        tokens = voice.cond_prompt_speech_tokens
        embedded = weights.speech[tokens]
        if weights.speech_position is not None:
            embedded = embedded + weights.speech_position[: tokens.shape[1]]
        # into a new object: the stock code writes the embeddings into the voice
        shown = type(voice)(
            speaker_emb=voice.speaker_emb,
            cond_prompt_speech_tokens=tokens,
            cond_prompt_speech_emb=embedded.float(),
            emotion_adv=voice.emotion_adv,
        )
        return weights.conditioner(shown)

    def embed_text(self, text: Sequence[int]) -> Tensor:
        """What follows the prefix, [rows, positions, C]: the row with text, the row without.

        The row without keeps the text's positions, and the start of speech comes twice: so
        the Llama models were trained. Turbo has one row and one start.
        """
        weights, spec = self._weights, self._spec
        if weights.text_position is None or weights.speech_position is None:
            ids = torch.tensor(text, device=self._device)
            return torch.cat([weights.text[ids], weights.speech[spec.start_speech][None]])[None]
        ids = torch.tensor([spec.start_text, *text, spec.stop_text], device=self._device)
        where = weights.text_position[: len(ids)]
        start = weights.speech[spec.start_speech] + weights.speech_position[0]
        starts = start.expand(2, -1)
        return torch.stack(
            [torch.cat([weights.text[ids] + where, starts]), torch.cat([where, starts])]
        )

    # -- stepping

    def step(self, going: Sequence[int]) -> Tensor:
        """Draws a token in each of these slots.

        Args:
            going: Slots that advance; the others stay as they are.

        Returns:
            int64 [slots], on the device and written over by the next step: the token of
            each slot that advanced. It may be `stop_speech`.
        """
        self._tell(going)
        n_slots = self._slots_to_run(max(going) + 1)
        length = self._length_to_run(max(self._host_length[slot] for slot in going) + 1)
        graph = self._graphs.get((n_slots, length))
        if graph is None:
            self._advance(n_slots, length)
        else:
            graph.replay()
        for slot in going:
            self._host_length[slot] += 1
        return self._token

    def capture(self) -> None:
        """Makes the CUDA graphs; only with CUDA, and before the first utterance."""
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        sizes = [size for size in _SLOT_BUCKETS if size <= self.slots]
        lengths = range(POSITIONS_STEP, self.positions + 1, POSITIONS_STEP)
        for key in ((n_slots, length) for n_slots in sizes for length in lengths):
            with torch.cuda.stream(side):
                self._advance(*key)  # libraries choose and allocate outside of the graph
            torch.cuda.current_stream().wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                self._advance(*key)
            self._graphs[key] = graph

    def _tell(self, going: Sequence[int]) -> None:
        """Writes to the device who advances, if that changed."""
        if tuple(going) != self._host_going:
            self._host_going = tuple(going)
            mask = torch.zeros(self.slots, dtype=torch.bool)
            mask[list(going)] = True
            self._going.copy_(mask, non_blocking=True)

    def _slots_to_run(self, used: int) -> int:
        if not self._graphs:
            return used
        return next((size for size in _SLOT_BUCKETS if used <= size <= self.slots), self.slots)

    def _length_to_run(self, used: int) -> int:
        return min(-(-used // POSITIONS_STEP) * POSITIONS_STEP, self.positions)

    def _advance(self, n_slots: int, length: int) -> None:
        """One step of the first `n_slots`, in place: draw, embed, transform."""
        state, weights = self._sampling, self._weights
        going, drawn = self._going[:n_slots], self._drawn[:n_slots]
        token = sampling.draw(self.logits[:n_slots], state, drawn, n_slots, self._cutting)
        self._token[:n_slots] = token
        seen = state.seen[:n_slots]
        seen.scatter_(1, token[:, None], seen.gather(1, token[:, None]) | going[:, None])
        drawn += going
        hidden = weights.speech[token]
        if weights.speech_position is not None:
            hidden = hidden + weights.speech_position[drawn]
        rows = self._length[:n_slots].repeat_interleave(self._rows)
        hidden = hidden.repeat_interleave(self._rows, 0)
        hidden = backbone.step(weights, hidden, self._cache, rows, length)
        guided = self._guided(self._head(hidden), state.cfg_weight[:n_slots])
        self.logits[:n_slots] = torch.where(going[:, None], guided, self.logits[:n_slots])
        self._length[:n_slots] += going

    def _head(self, hidden: Tensor) -> Tensor:
        weights = self._weights
        return functional.linear(backbone.normalised(hidden, weights.norm), *weights.head).float()

    def _guided(self, logits: Tensor, cfg_weight: Tensor) -> Tensor:
        """[slots · rows, V] → [slots, V]."""
        if self._rows == 1:
            return logits
        with_text, without = logits.view(-1, 2, logits.shape[-1]).unbind(1)
        return with_text + cfg_weight[:, None] * (with_text - without)

    def _new_cache(self, positions: int) -> Tensor:
        n_layers, _, _, n_heads, _, size = self._cache.shape
        shape = (n_layers, 2, n_heads, positions, size)
        return torch.empty(shape, dtype=self._dtype, device=self._device)
