"""Where a VITS graph can be cut, found by how it is built; the names differ between exports.

::

    text     phoneme ids, noise for durations -> frames per phoneme, mean, log deviation
    flow     latent with its noise, mask      -> latent that the decoder understands
    head     that latent                      -> the decoder's first stage
    tail     the first stage                  -> audio
    speaker  number of a speaker              -> what conditions the others, in voices of several

What lies between text and flow (each phoneme's mean as often as it has frames, plus noise) is
three lines of numpy, so that the noise has a seed of its own for each job, and durations are
known, and can be changed, before there is any audio.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

from voice_agent.engines.piper.graph import INT64, BadGraph, Graph, Node, Port

_RANDOM = ("RandomNormalLike", "RandomNormal")
_HEIGHT = 1  # of the pictures that convolutions over time are turned into


@dataclass(frozen=True, slots=True, kw_only=True)
class Cuts:
    """What the tensors at the cuts are called.

    `condition` is empty for a voice of one speaker.
    """

    duration_noise: str
    duration: str
    mean: str
    deviation: str
    prior: str
    mask: str
    latent: str
    stage: str
    audio: str
    condition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What whoever runs the parts has to know.

    Attributes:
        names: Of the tensors at the cuts.
        hop_samples: A frame's.
        stage_samples: Of an element of the first stage.
        flow_context: Frames on each side that reach a frame of the flow.
        head_context: Frames on each side that reach what `tail` needs of a window.
        tail_context: Elements on each side that reach a sample of the tail.
    """

    names: Cuts
    hop_samples: int
    stage_samples: int
    flow_context: int
    head_context: int
    tail_context: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The graphs, each as the bytes of a model; `speaker` is empty for a voice of one."""

    text: bytes
    flow: bytes
    head: bytes
    tail: bytes
    speaker: bytes
    layout: Layout


def cut(data: bytes) -> Parts:
    """Cuts a voice's file.

    Raises:
        BadGraph: It is no ONNX file, or none of a VITS as Piper exports it.
    """
    graph = Graph.read(data)
    names = _find(graph)
    ups = _ups(graph, names)
    n_channels = graph.dims(_pre(graph, names.latent).inputs[1])[1]
    n_stage_channels = graph.dims(ups[1].inputs[1])[0]
    column = Port(names.condition, dims=("batch", "condition", "one"))
    tall_column = Port(names.condition, dims=("batch", "condition", _HEIGHT, "one"))
    latent = Port(names.latent, dims=("batch", n_channels, _HEIGHT, "frames"))
    stage = Port(names.stage, dims=("batch", n_stage_channels, _HEIGHT, "elements"))
    mask = Port(names.mask, dims=("batch", 1, _HEIGHT, "frames"))
    prior = Port(names.prior, dims=("batch", n_channels, _HEIGHT, "frames"))
    return Parts(
        text=graph.part(
            (
                Port("input", INT64, ("batch", "phonemes")),
                Port("input_lengths", INT64, ("batch",)),
                Port("scales", dims=(3,)),
                Port(names.duration_noise, dims=("batch", 2, "phonemes")),
                column,
            ),
            (Port(names.duration), Port(names.mean), Port(names.deviation)),
        ),
        flow=graph.part((prior, mask, tall_column), (Port(names.latent),), flat=True),
        head=graph.part((latent, tall_column), (Port(names.stage),), flat=True),
        tail=graph.part((stage, tall_column), (Port(names.audio),), flat=True),
        speaker=_speaker(graph, names),
        layout=_layout(graph, names, [node.numbers["strides"][0] for node in ups]),
    )


def _layout(graph: Graph, names: Cuts, strides: Sequence[int]) -> Layout:
    tail_context = _context(graph, names.audio, names.stage, 0)
    return Layout(
        names=names,
        hop_samples=prod(strides),
        stage_samples=prod(strides[1:]),
        flow_context=_context(graph, names.latent, names.prior, 0),
        head_context=_context(graph, names.stage, names.latent, tail_context),
        tail_context=tail_context,
    )


def _speaker(graph: Graph, names: Cuts) -> bytes:
    if not names.condition:
        return b""
    return graph.part((Port("sid", INT64, ("batch",)),), (Port(names.condition),))


def _find(graph: Graph) -> Cuts:
    duration = _one(graph, "Ceil", lambda _: True, "the length of phonemes").inputs[0]
    for_duration = graph.behind([duration])
    duration_noise = _noise(graph, lambda name: name in for_duration)
    prior = _noise(graph, lambda name: name not in for_duration)
    while graph.makers[prior].op != "Add":
        prior = _user(graph, prior).outputs[0]
    for_prior = graph.behind([prior]) - for_duration
    split = _one(
        graph,
        "Split",
        lambda node: node.outputs[0] in for_prior and len(node.outputs) == 2,
        "mean and deviation",
    )
    audio = _back(graph, graph.outputs[0], "Tanh")
    latent, mask = _latent(graph, audio, prior)
    stage = next(
        (n for n in graph.nodes if n.op == "Div" and latent in graph.behind(n.outputs)), None
    )
    if stage is None:
        raise BadGraph(_why("the first stage of the decoder"))
    return Cuts(
        duration_noise=duration_noise,
        duration=duration,
        mean=split.outputs[0],
        deviation=split.outputs[1],
        prior=prior,
        mask=mask,
        latent=latent,
        stage=stage.outputs[0],
        audio=audio,
        condition=_condition(graph),
    )


def _latent(graph: Graph, audio: str, prior: str) -> tuple[str, str]:
    """What the decoder begins with, and the mask that the flow ends with."""
    in_decoder = graph.behind([audio], [prior])
    ups = [n for n in graph.nodes if n.op == "ConvTranspose" and n.outputs[0] in in_decoder]
    if len(ups) < 2:
        raise BadGraph(_why("a decoder that upsamples"))
    name = ups[0].inputs[0]
    # back to the first convolution of the decoder; it may be conditioned on the way
    while graph.makers[name].op != "Conv":
        name = next(i for i in graph.makers[name].inputs if prior in graph.behind([i]))
    latent = graph.makers[name].inputs[0]
    maker = graph.makers[latent]
    masks = [i for i in maker.inputs if prior not in graph.behind([i])]
    if maker.op != "Mul" or len(masks) != 1:
        raise BadGraph(_why("the end of the flow"))
    return latent, masks[0]


def _condition(graph: Graph) -> str:
    """The speaker's embedding as a column; empty if there is one speaker only."""
    if "sid" not in graph.inputs or "sid" in graph.weights or "sid" not in graph.users:
        return ""
    name = "sid"
    while graph.makers.get(name) is None or graph.makers[name].op != "Unsqueeze":
        name = _user(graph, name).outputs[0]
    return name


def _ups(graph: Graph, names: Cuts) -> list[Node]:
    inside = graph.behind([names.audio], [names.latent])
    return [n for n in graph.nodes if n.op == "ConvTranspose" and n.outputs[0] in inside]


def _pre(graph: Graph, latent: str) -> Node:
    return next(node for node in graph.users[latent] if node.op == "Conv")


def _context(graph: Graph, output: str, source: str, wanted: int) -> int:
    """Elements of `source` on each side of a window that reach it and `wanted` more of `output`."""
    inside = graph.behind([output], [source])
    needed = {output: wanted}
    for node in reversed(graph.nodes):
        if node.outputs[0] not in inside or not any(name in needed for name in node.outputs):
            continue
        reach = max(needed.get(name, 0) for name in node.outputs)
        for name in node.inputs[:1] if node.op in ("Conv", "ConvTranspose") else node.inputs:
            needed[name] = max(needed.get(name, 0), _reach(node, reach))
    if source not in needed:
        raise BadGraph(_why("a way through the model"))
    return needed[source]


def _reach(node: Node, reach: int) -> int:
    match node.op:
        case "Conv":
            (kernel,), (dilation,) = node.numbers["kernel_shape"], node.numbers["dilations"]
            return reach + (kernel - 1) * dilation // 2
        case "ConvTranspose":
            (kernel,), (stride,) = node.numbers["kernel_shape"], node.numbers["strides"]
            padding = node.numbers["pads"][0]
            before = (reach - padding + kernel - 1) // stride
            return max(before, (reach + padding - 1) // stride + 1)
        case _:
            return reach


def _noise(graph: Graph, wanted: Callable[[str], bool]) -> str:
    found = [n.outputs[0] for n in graph.nodes if n.op in _RANDOM and wanted(n.outputs[0])]
    if len(found) != 1:
        raise BadGraph(_why("the noise that it draws"))
    return found[0]


def _one(graph: Graph, op: str, wanted: Callable[[Node], bool], what: str) -> Node:
    found = [node for node in graph.nodes if node.op == op and wanted(node)]
    if len(found) != 1:
        raise BadGraph(_why(what))
    return found[0]


def _user(graph: Graph, name: str) -> Node:
    users = graph.users.get(name, [])
    if not users:
        raise BadGraph(_why(f"what uses {name}"))
    return users[0]


def _back(graph: Graph, name: str, op: str) -> str:
    while graph.makers[name].op != op:
        if not graph.makers[name].inputs or graph.makers[name].inputs[0] not in graph.makers:
            raise BadGraph(_why(f"its last {op}"))
        name = graph.makers[name].inputs[0]
    return name


def _why(what: str) -> str:
    return f"it is no VITS as Piper exports it: {what} cannot be found"
