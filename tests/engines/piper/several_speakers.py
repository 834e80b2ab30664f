"""The real voice with three speakers: its graph, and what a voice of several has more.

Each speaker has an embedding; it is added, through a convolution, in the model of durations, in
the flow and in the decoder, as Piper's training does it. The first speaker's is zero: it is the
voice as it was.
"""

import json
import shutil
from pathlib import Path

import numpy as np

from voice_agent.engines.piper.cuts import cut
from voice_agent.engines.piper.graph import FLOAT, INT64, Graph, Node
from voice_agent.engines.piper.protobuf import bytes_field, fields, integer_field

N_SPEAKERS = 3
_SIZE = 8  # of an embedding
_STRENGTH = 0.3


def make_voice(folder: Path, source: Path) -> Path:
    """Writes the voice into a folder of its name; returns that."""
    config = next(source.glob("*.onnx.json"))
    graph = config.with_suffix("")
    target = folder / "en_US-several-medium"
    target.mkdir()
    said = json.loads(config.read_bytes())
    said["num_speakers"] = N_SPEAKERS
    said["speaker_id_map"] = {"joe": 0, "anna b.": 1, "carl": 2}
    (target / f"{target.name}.onnx.json").write_text(json.dumps(said))
    (target / f"{target.name}.onnx").write_bytes(_conditioned(graph.read_bytes()))
    shutil.copy(source / "MODEL_CARD", target)
    return target


def _conditioned(data: bytes) -> bytes:
    graph = Graph.read(data)
    names = cut(data).layout.names
    decoder = graph.behind([names.audio], [names.latent])
    flow = graph.behind([names.latent], [names.prior, names.mask])
    durations = graph.behind([names.duration])
    convolutions = [n for n in graph.nodes if n.op == "Conv"]
    chosen = [
        next(n for n in convolutions if n.outputs[0] in inside and "enc_p" not in n.inputs[1])
        for inside in (durations, flow, decoder)
    ]
    return b"".join(
        bytes_field(7, _graph(value, graph, chosen)) if number == 7 else bytes(raw)
        for number, raw, value in fields(memoryview(data))
    )


def _graph(view: memoryview, graph: Graph, chosen: list[Node]) -> bytes:
    outputs = {node.outputs[0]: node for node in chosen}
    body = bytearray(bytes_field(11, _int_input("sid")))
    body += bytes_field(1, _node("Gather", ["emb_g.weight", "sid"], "/emb_g/Gather_output_0"))
    body += bytes_field(1, _node("Unsqueeze", ["/emb_g/Gather_output_0", "last"], "/g"))
    random = np.random.default_rng(5)
    table = random.standard_normal((N_SPEAKERS, _SIZE)).astype(np.float32)
    table[0] = 0
    body += bytes_field(5, _tensor("emb_g.weight", table))
    body += bytes_field(5, _tensor("last", np.array([2], np.int64)))
    for number, raw, value in fields(view):
        # in this file the table of phonemes happens to have the name of the input
        if number in (1, 5):
            field = 1 if number == 1 else 8
            value = memoryview(_renamed(value, field, "sid", "phonemes.weight"))
        name = _made_by(value) if number == 1 else ""
        if name not in outputs:
            body += bytes_field(number, bytes(value)) if number in (1, 5) else bytes(raw)
            continue
        n_channels = graph.dims(outputs[name].inputs[1])[0]
        weight = _STRENGTH * random.standard_normal((n_channels, _SIZE, 1)).astype(np.float32)
        body += bytes_field(5, _tensor(f"{name}.cond", weight))
        body += bytes_field(1, _renamed(value, 2, name, f"{name}.bare"))
        body += bytes_field(1, _node("Conv", ["/g", f"{name}.cond"], f"{name}.of_g", conv=True))
        body += bytes_field(1, _node("Add", [f"{name}.bare", f"{name}.of_g"], name))
    return bytes(body)


def _made_by(node: memoryview) -> str:
    return next((bytes(value).decode() for number, _, value in fields(node) if number == 2), "")


def _renamed(view: memoryview, field: int, old: str, new: str) -> bytes:
    """A node or tensor in which a text of that field number is another one."""
    return b"".join(
        bytes_field(field, new.encode())
        if number == field and bytes(value) == old.encode()
        else bytes(raw)
        for number, raw, value in fields(view)
    )


def _node(op: str, inputs: list[str], output: str, *, conv: bool = False) -> bytes:
    node = b"".join(bytes_field(1, name.encode()) for name in inputs)
    node += bytes_field(2, output.encode()) + bytes_field(4, op.encode())
    if conv:
        for name, numbers in (
            ("dilations", [1]), ("kernel_shape", [1]), ("pads", [0, 0]), ("strides", [1]),
        ):  # fmt: skip
            ints = b"".join(integer_field(8, number) for number in numbers)
            node += bytes_field(5, bytes_field(1, name.encode()) + ints + integer_field(20, 7))
    return node


def _tensor(name: str, array: np.ndarray) -> bytes:
    dims = b"".join(integer_field(1, size) for size in array.shape)
    kind = integer_field(2, INT64 if array.dtype == np.int64 else FLOAT)
    return dims + kind + bytes_field(8, name.encode()) + bytes_field(9, array.tobytes())


def _int_input(name: str) -> bytes:
    shape = bytes_field(2, bytes_field(1, bytes_field(2, b"batch")))
    return bytes_field(1, name.encode()) + bytes_field(
        2, bytes_field(1, integer_field(1, INT64) + shape)
    )
