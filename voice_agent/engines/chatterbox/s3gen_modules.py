"""Builds the stock modules behind the token model, in the sizes of the weights."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from voice_agent.engines.chatterbox.spec import SAMPLE_RATE_HZ
from voice_agent.engines.chatterbox.weights import State, build, count_of, part_of

_HEAD_SIZE = 64  # of the decoder's attention, in all sizes
_STATE_PER_HEAD = 64  # of the speech tokenizer
_BLOCKS = "flow.decoder.estimator.mid_blocks"


@dataclass(frozen=True, slots=True, kw_only=True)
class S3GenModules:
    """Stock modules on their device, in evaluation mode, float32.

    Attributes:
        flow: Embedding, conformer encoder and decoder, from tokens to spectrograms.
        vocoder: From spectrograms to audio, its weight normalisation folded.
        tokenizer: From audio at 16 kHz to tokens; for clips.
        speaker: From audio at 16 kHz to a vector; for clips.
    """

    flow: Any
    vocoder: Any
    tokenizer: Any
    speaker: Any


def build_s3gen(state: State, device: str) -> S3GenModules:
    """Builds them from a checkpoint of the stock class.

    Raises:
        EngineUnavailable: The weights do not fit.
    """
    return S3GenModules(
        flow=_flow(state, device),
        vocoder=_vocoder(part_of(state, "mel2wav"), device),
        tokenizer=_tokenizer(part_of(state, "tokenizer"), device),
        speaker=_speaker(part_of(state, "speaker_encoder"), device),
    )


def _flow(state: State, device: str) -> Any:
    stock: Any = import_module("chatterbox.models.s3gen.s3gen")

    def make() -> Any:
        encoder = stock.UpsampleConformerEncoder(
            output_size=512,
            attention_heads=8,
            linear_units=int(state["flow.encoder.encoders.0.feed_forward.w_1.weight"].shape[0]),
            num_blocks=count_of(state, "flow.encoder.encoders"),
            normalize_before=True,
            input_layer="linear",
            pos_enc_layer_type="rel_pos_espnet",
            selfattention_layer_type="rel_selfattn",
            input_size=512,
            use_cnn_module=False,
            macaron_style=False,
        )
        n_up = count_of(state, "flow.encoder.up_encoders")
        encoder.up_encoders = encoder.up_encoders[:n_up]  # always makes four
        width = int(state[f"{_BLOCKS}.0.0.block1.block.0.weight"].shape[0])
        queries = state[f"{_BLOCKS}.0.1.0.attn1.to_q.weight"]
        estimator = stock.ConditionalDecoder(
            in_channels=320,
            out_channels=80,
            causal=True,
            channels=[width],
            dropout=0.0,
            attention_head_dim=_HEAD_SIZE,
            n_blocks=count_of(state, f"{_BLOCKS}.0.1"),
            num_mid_blocks=count_of(state, _BLOCKS),
            num_heads=int(queries.shape[0]) // _HEAD_SIZE,
            act_fn="gelu",
        )
        mixer = state.get("flow.decoder.estimator.time_embed_mixer.weight")
        if mixer is not None:  # of the distilled network; the stock class does not have it yet
            torch: Any = import_module("torch")
            estimator.time_embed_mixer = torch.nn.Linear(*mixer.T.shape, bias=False)
        decoder = stock.CausalConditionalCFM(
            spk_emb_dim=80, cfm_params=_FlowParameters(), estimator=estimator
        )
        return stock.CausalMaskedDiffWithXvec(encoder=encoder, decoder=decoder)

    flow = build(make, part_of(state, "flow"), device=device)
    for embed in (flow.encoder.embed, flow.encoder.up_embed):
        embed.pos_enc.pe = None  # made on the meta device; made anew when it is needed
    return flow


class _FlowParameters:
    """What the decoder's constructor reads; the engine solves with numbers of its own."""

    sigma_min = 1e-06
    solver = "euler"
    t_scheduler = "cosine"
    training_cfg_rate = 0.2
    inference_cfg_rate = 0.7
    reg_loss_type = "l1"


def _vocoder(state: State, device: str) -> Any:
    stock: Any = import_module("chatterbox.models.s3gen.s3gen")
    before = "f0_predictor.condnet.0.parametrizations.weight.original1"

    def make() -> Any:
        return stock.HiFTGenerator(
            base_channels=int(state["conv_pre.parametrizations.weight.original1"].shape[0]),
            sampling_rate=SAMPLE_RATE_HZ,
            upsample_rates=[8, 5, 3],
            upsample_kernel_sizes=[16, 11, 7],
            source_resblock_kernel_sizes=[7, 7, 11],
            source_resblock_dilation_sizes=[[1, 3, 5], [1, 3, 5], [1, 3, 5]],
            f0_predictor=stock.ConvRNNF0Predictor(cond_channels=int(state[before].shape[0])),
        )

    vocoder = build(make, state, device=device)
    parametrize: Any = import_module("torch.nn.utils.parametrize")
    for module in list(vocoder.modules()):
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight")
    vocoder.stft_window = vocoder.stft_window.to(device)
    return vocoder.requires_grad_(False)


def _tokenizer(state: State, device: str) -> Any:
    stock: Any = import_module("chatterbox.models.s3tokenizer.s3tokenizer")
    model: Any = import_module("s3tokenizer.model_v2")
    width = int(state["encoder.conv1.weight"].shape[0])
    config = model.ModelConfig(
        n_audio_state=width,
        n_audio_head=width // _STATE_PER_HEAD,
        n_audio_layer=count_of(state, "encoder.blocks"),
    )

    class Sized(stock.S3Tokenizer):
        def __init__(self) -> None:
            # its own constructor knows one size only; what it adds is set below
            model.S3TokenizerV2.__init__(self, "speech_tokenizer_v2_25hz", config)
            self.n_fft = 400

    tokenizer = build(
        Sized, {n: t for n, t in state.items() if n[0] != "_"}, device=device, strict=False
    )
    torch: Any = import_module("torch")
    librosa: Any = import_module("librosa")
    filters = librosa.filters.mel(sr=stock.S3_SR, n_fft=400, n_mels=config.n_mels)
    tokenizer.register_buffer("_mel_filters", torch.from_numpy(filters).float().to(device))
    tokenizer.register_buffer("window", torch.hann_window(400, device=device))
    tokenizer.encoder.freqs_cis = model.precompute_freqs_cis(64, 1024 * 2)  # no buffer
    return tokenizer


def _speaker(state: State, device: str) -> Any:
    stock: Any = import_module("chatterbox.models.s3gen.xvector")
    first = state["xvector.block1.tdnnd1.cam_layer.linear_local.weight"]

    def make() -> Any:
        return stock.CAMPPlus(
            growth_rate=int(first.shape[0]),
            init_channels=int(state["xvector.tdnn.linear.weight"].shape[0]),
        )

    return build(make, state, device=device)
