"""An ONNX file of which parts can be taken, without the onnx package.

Only names matter here; everything else is copied as the bytes it was.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from voice_agent.engines.piper.protobuf import (
    BadProtobuf,
    bytes_field,
    fields,
    integer_field,
    integers,
    packed_field,
)

FLOAT, INT64 = 1, 7
"""Element types of tensors."""

_CONVOLUTIONS = ("Conv", "ConvTranspose")
# field numbers of onnx.proto: of the model, the graph, a node, an attribute, a tensor
_GRAPH, _METADATA = 7, 14
_NODE, _NAME, _INITIALIZER, _INPUT, _OUTPUT = 1, 2, 5, 11, 12
_NODE_INPUT, _NODE_OUTPUT, _NODE_OP, _NODE_ATTRIBUTE = 1, 2, 4, 5
_VALUE_NAME = 1
_ATTRIBUTE_NAME, _ATTRIBUTE_INT, _ATTRIBUTE_INTS = 1, 3, 8
_TENSOR_DIMS, _TENSOR_NAME = 1, 8


class BadGraph(Exception):
    """The file is no model, or not one that can be cut like this; the message says why."""


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of a part."""

    name: str
    element: int = FLOAT
    dims: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One operator.

    Attributes:
        op: Which.
        inputs: Names of tensors; empty where an optional one is left out.
        outputs: Names of what it makes.
        numbers: Its attributes that are integers.
        raw: The bytes of it.
    """

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    numbers: dict[str, list[int]]
    raw: memoryview


@dataclass(slots=True)
class Graph:
    """A model, taken apart; use `read`.

    Attributes:
        nodes: In an order that works.
        weights: Bytes of each tensor of the file.
        makers: The node that makes a tensor, by its name.
        users: The nodes that take it.
        inputs, outputs: Names of the whole model's.
    """

    nodes: list[Node] = field(default_factory=list[Node])
    weights: dict[str, memoryview] = field(default_factory=dict[str, memoryview])
    makers: dict[str, Node] = field(default_factory=dict[str, Node])
    users: dict[str, list[Node]] = field(default_factory=dict[str, list[Node]])
    inputs: list[str] = field(default_factory=list[str])
    outputs: list[str] = field(default_factory=list[str])
    _around: list[memoryview] = field(default_factory=list[memoryview])

    @classmethod
    def read(cls, data: bytes) -> "Graph":
        """Takes a file apart.

        Raises:
            BadGraph: It is no ONNX model.
        """
        graph = cls()
        try:
            for number, raw, value in fields(memoryview(data)):
                if number == _GRAPH:
                    graph._read(value)
                elif number != _METADATA:
                    graph._around.append(raw)
        except (BadProtobuf, UnicodeDecodeError) as error:
            raise BadGraph(f"it is no ONNX file: {error}") from error
        if not graph.nodes:
            raise BadGraph("it is no ONNX file: there is no graph in it")
        return graph

    def dims(self, name: str) -> list[int]:
        """Shape of a tensor of the file."""
        found = fields(self.weights[name])
        return [d for number, _, value in found if number == _TENSOR_DIMS for d in integers(value)]

    def behind(self, names: Iterable[str], given: Iterable[str] = ()) -> set[str]:
        """Everything that a tensor is made of, itself included, as far as `given`."""
        seen, open_, known = set[str](), list(names), set(given)
        while open_:
            name = open_.pop()
            if not name or name in seen:
                continue
            seen.add(name)
            if name in self.makers and name not in known:
                open_.extend(self.makers[name].inputs)
        return seen

    def part(self, inputs: Sequence[Port], outputs: Sequence[Port], *, flat: bool = False) -> bytes:
        """The model that makes `outputs` of `inputs`; inputs that it does not need are left out.

        Args:
            inputs: Tensors anywhere in the graph.
            outputs: The same.
            flat: Every convolution becomes one over pictures of height 1: tensors are (batch,
                channels, 1, time). onnxruntime has faster kernels for those, a quarter less
                time; results differ by rounding. Only for parts in which all else works on
                any number of dimensions.

        Raises:
            BadGraph: An output needs something else.
        """
        known = self.behind((port.name for port in outputs), (port.name for port in inputs))
        given = {port.name for port in inputs if port.name in known}
        body, tall = bytearray(), set[str]()
        for node in self.nodes:
            if not any(name in known and name not in given for name in node.outputs):
                continue
            flatten = flat and node.op in _CONVOLUTIONS
            if flatten:
                tall.add(node.inputs[1])
            body += bytes_field(_NODE, _flat_node(node) if flatten else bytes(node.raw))
        for name in sorted(known - given):
            if name in self.weights:
                raw = self.weights[name]
                weight = _flat_weight(raw) if name in tall else bytes(raw)
                body += bytes_field(_INITIALIZER, weight)
            elif name not in self.makers:
                raise BadGraph(f"nothing makes {name}")
        body += bytes_field(_NAME, b"part")
        body += b"".join(bytes_field(_INPUT, _value(p)) for p in inputs if p.name in given)
        body += b"".join(bytes_field(_OUTPUT, _value(port)) for port in outputs)
        return b"".join(self._around) + bytes_field(_GRAPH, bytes(body))

    def _read(self, view: memoryview) -> None:
        for number, _, value in fields(view):
            if number == _NODE:
                self._add(_read_node(value))
            elif number == _INITIALIZER:
                self.weights[_text(value, _TENSOR_NAME)] = value
            elif number == _INPUT:
                self.inputs.append(_text(value, _VALUE_NAME))
            elif number == _OUTPUT:
                self.outputs.append(_text(value, _VALUE_NAME))

    def _add(self, node: Node) -> None:
        self.nodes.append(node)
        for name in node.outputs:
            self.makers[name] = node
        for name in node.inputs:
            self.users.setdefault(name, []).append(node)


def _read_node(view: memoryview) -> Node:
    inputs, outputs, op, numbers = list[str](), list[str](), "", dict[str, list[int]]()
    for number, _, value in fields(view):
        if number == _NODE_INPUT:
            inputs.append(bytes(value).decode())
        elif number == _NODE_OUTPUT:
            outputs.append(bytes(value).decode())
        elif number == _NODE_OP:
            op = bytes(value).decode()
        elif number == _NODE_ATTRIBUTE:
            name, found = _read_attribute(value)
            numbers[name] = found
    return Node(op=op, inputs=tuple(inputs), outputs=tuple(outputs), numbers=numbers, raw=view)


def _read_attribute(view: memoryview) -> tuple[str, list[int]]:
    name, found = "", list[int]()
    for number, _, value in fields(view):
        if number == _ATTRIBUTE_NAME:
            name = bytes(value).decode()
        elif number in (_ATTRIBUTE_INT, _ATTRIBUTE_INTS):
            found += integers(value)
    return name, found


def _text(view: memoryview, field_number: int) -> str:
    return next((bytes(v).decode() for n, _, v in fields(view) if n == field_number), "")


def _flat_node(node: Node) -> bytes:
    """A convolution over time as one over height 1 and time."""
    out = bytearray()
    for number, raw, value in fields(node.raw):
        out += bytes_field(number, _flat_attribute(value)) if number == _NODE_ATTRIBUTE else raw
    return bytes(out)


def _flat_attribute(view: memoryview) -> bytes:
    name, found = _read_attribute(view)
    match name:
        case "dilations" | "strides" | "kernel_shape":
            found = [1, *found]
        case "pads":
            found = [0, found[0], 0, found[1]]
        case "output_padding":
            found = [0, *found]
        case _:
            return bytes(view)
    rest = b"".join(bytes(raw) for number, raw, _ in fields(view) if number != _ATTRIBUTE_INTS)
    return rest + b"".join(integer_field(_ATTRIBUTE_INTS, value) for value in found)


def _flat_weight(view: memoryview) -> bytes:
    dims, rest = list[int](), bytearray()
    for number, raw, value in fields(view):
        if number == _TENSOR_DIMS:
            dims += integers(value)
        else:
            rest += raw
    return packed_field(_TENSOR_DIMS, [*dims[:2], 1, *dims[2:]]) + bytes(rest)


def _value(port: Port) -> bytes:
    """A ValueInfo: name, element type, shape."""
    tensor = integer_field(1, port.element)
    if port.dims:
        dims = (
            integer_field(1, d) if isinstance(d, int) else bytes_field(2, d.encode())
            for d in port.dims
        )
        tensor += bytes_field(2, b"".join(bytes_field(1, dim) for dim in dims))
    return bytes_field(1, port.name.encode()) + bytes_field(2, bytes_field(1, tensor))
