"""What sets the Chatterbox models apart, as data.

Sizes are not here: they are read from the weights, so a checkpoint of another size loads as
it is. Numbers are those of the models' published code.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

SAMPLE_RATE_HZ = 24_000
TOKENS_PER_S = 25
FRAMES_PER_TOKEN = 2
SAMPLES_PER_FRAME = 480
SAMPLES_PER_TOKEN = FRAMES_PER_TOKEN * SAMPLES_PER_FRAME
LOOK_AHEAD_TOKENS = 3
"""The encoder looks this far ahead: what is rendered without it, changes when it comes."""
N_SPEECH_IDS = 6561
"""Ids of speech tokens are below; those above steer, or mean nothing and must not be drawn."""


LONGEST_TOKENS = 1000
"""40 s of speech: what the models were made for at most."""
POSITIONS_STEP = 128
"""A step reads whole buckets of positions, and with CUDA each needs a graph of its own."""
MAX_TEXT_TOKENS = 240
"""Of one utterance: 15 s of speech in any of the tokenizers. With a voice before it and 40 s of
speech behind it, it fits into a slot."""
KEPT_LUFS = -23.0
"""How loud the clips of registered voices come."""
LEAST_CHARS = 12
"""A text that is shorter is spoken together with its neighbour: alone, the models may go on
with words of their own."""


class Backbone(StrEnum):
    """The transformer that draws speech tokens."""

    LLAMA = "llama"
    GPT2 = "gpt2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How the next speech token is drawn.

    Attributes:
        cfg_weight: How much the text counts against no text; 0 ignores the difference.
        temperature: Divides the logits.
        top_p: Only the likeliest tokens that together have this probability.
        min_p: Only tokens with at least this share of the likeliest one's probability.
        top_k: Only so many of the likeliest tokens; 0 for all.
        repetition_penalty: Divides positive logits of what was said already.
    """

    cfg_weight: float = 0.5
    temperature: float = 0.8
    top_p: float = 1.0
    min_p: float = 0.05
    top_k: int = 0
    repetition_penalty: float = 1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSpec:
    """One family of checkpoints.

    Attributes:
        name: As settings call it.
        family: Conditioning made for one family fits no other.
        backbone: Which transformer draws tokens.
        languages: Codes it speaks; see `readers` for those that need help to read.
        tags_language: Texts begin with their language's tag.
        files: For each part, names of its file, the first that is there is taken.
        framed: Texts have a start and a stop, and places of their own.
        start_text: Id before the text.
        stop_text: Id after it.
        start_speech: Id before the speech; fed twice if texts are framed.
        stop_speech: Id that ends it.
        guided: Each slot has a row without the text.
        emotional: It can speak with more or less emotion.
        prefix_positions: Of a voice, at most.
        prompt_tokens: Speech tokens of the clip that the transformer is shown.
        prompt_s: Seconds of the clip that are looked at for them.
        least_clip_s: A shorter clip makes no voice.
        clip_lufs: How loud a clip is made; None leaves it as voices are kept.
        sampling: The defaults.
        penalty_last: What was said already counts less among what was left over by the
            cuts, not before them.
        flow_steps: Euler steps from noise to spectrogram.
        flow_cfg: Weight of the guided row; 0 means that there is none.
        mean_flow: The decoder was distilled to few steps of equal length.
        tail: Tokens that are put after the last one.
        tags: Sounds that it makes when they stand in a text; others are left out.
    """

    name: str
    family: str
    backbone: Backbone
    languages: tuple[str, ...]
    tags_language: bool = False
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    framed: bool = True
    start_text: int = 255
    stop_text: int = 0
    start_speech: int = 6561
    stop_speech: int = 6562
    guided: bool = True
    emotional: bool = True
    prefix_positions: int = 34
    prompt_tokens: int = 150
    prompt_s: float = 6.0
    least_clip_s: float = 0.5
    clip_lufs: float | None = None
    sampling: Sampling = field(default_factory=Sampling)
    penalty_last: bool = False
    flow_steps: int = 10
    flow_cfg: float = 0.7
    mean_flow: bool = False
    tail: tuple[int, ...] = ()
    tags: tuple[str, ...] = ()

    @property
    def positions(self) -> int:
        """Of a slot: a voice, the longest text, the longest speech; whole buckets."""
        longest = self.prefix_positions + MAX_TEXT_TOKENS + 4 + LONGEST_TOKENS
        return -(-longest // POSITIONS_STEP) * POSITIONS_STEP


_SHARED = {
    "ve": ("ve.safetensors", "ve.pt"),
    "s3gen": ("s3gen.safetensors", "s3gen.pt"),
    "voice": ("conds.pt",),
}

ENGLISH = EngineSpec(
    name="english",
    family="chatterbox-english",
    backbone=Backbone.LLAMA,
    languages=("en",),
    files={**_SHARED, "t3": ("t3_cfg.safetensors", "t3_cfg.pt"), "text": ("tokenizer.json",)},
)

MULTILINGUAL = EngineSpec(
    name="multilingual",
    family="chatterbox-multilingual",
    backbone=Backbone.LLAMA,
    languages=(
        *("en", "ar", "da", "de", "el", "es", "fi", "fr", "he", "hi", "it", "ja"),
        *("ko", "ms", "nl", "no", "pl", "pt", "ru", "sv", "sw", "tr", "zh"),
    ),
    tags_language=True,
    files={
        **_SHARED,
        "t3": ("t3_mtl23ls_v2.safetensors", "t3_23lang.safetensors"),
        "text": ("grapheme_mtl_merged_expanded_v1.json", "mtl_tokenizer.json"),
        "cangjie": ("Cangjie5_TC.json",),
    },
    sampling=Sampling(repetition_penalty=2.0),
)

TURBO = EngineSpec(
    name="turbo",
    family="chatterbox-turbo",
    backbone=Backbone.GPT2,
    languages=("en",),
    files={
        "ve": ("ve.safetensors",),
        "s3gen": ("s3gen_meanflow.safetensors",),
        "voice": ("conds.pt",),
        "t3": ("t3_turbo_v1.safetensors",),
        "text": ("vocab.json",),
    },
    framed=False,
    guided=False,
    emotional=False,
    prefix_positions=376,
    prompt_tokens=375,
    prompt_s=15.0,
    least_clip_s=5.0,
    clip_lufs=-27.0,
    sampling=Sampling(cfg_weight=0.0, top_p=0.95, min_p=0.0, top_k=1000),
    penalty_last=True,
    flow_steps=2,
    flow_cfg=0.0,
    mean_flow=True,
    tail=(4299, 4299, 4299),
    tags=(
        *("[clear throat]", "[sigh]", "[shush]", "[cough]", "[groan]", "[sniff]", "[gasp]"),
        *("[chuckle]", "[laugh]"),
    ),
)

SPECS: Mapping[str, EngineSpec] = {spec.name: spec for spec in (ENGLISH, MULTILINGUAL, TURBO)}
